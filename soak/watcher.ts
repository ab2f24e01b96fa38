// Looks at the monitor all the time, storms or not, as Kubernetes and Prometheus do.

import { setTimeout as sleep } from 'node:timers/promises';
import { refuseSecrets } from '../test/fixtures/monitor/monitor.ts';
import { type Family, parsePrometheus } from '../test/fixtures/monitor/prometheus-text.ts';
import { steady } from './fleet.ts';
import type { Stage } from './stage.ts';

const lookMs = 500;
const pages = ['/metrics', '/statusz', '/healthz', '/readyz', '/'];
const polls = 'unikorn_region_monitor_polls_total';
const regionPolls = 'unikorn_region_monitor_region_polls_total';

/** Of the region in which nothing happens, over all lives. */
export interface Pace {
  /** Polls that began. */
  readonly begun: number;
  readonly answered: number;
  readonly unanswered: number;
}

type Counts = { begun: number; answered: number; unanswered: number };

export class Watcher {
  /** What must not be seen. */
  readonly findings: string[] = [];
  readonly #stage: Stage;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #life = 0;
  #first: Counts = none();
  #latest: Counts = none();
  #before: Counts = none();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** From each life's first answer to its last. */
  get pace(): Pace {
    return sum(this.#before, difference(this.#latest, this.#first));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#look();
      await sleep(lookMs, undefined, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { lives } = this.#stage;
    const { current, number } = lives;
    if (current === null) return;
    for (const path of pages) {
      // One that stands still, or is not there yet, says nothing.
      const answer = await current.get(path, 2_000);
      if (answer === null) return;
      this.#note(() => refuseSecrets(path, answer.text, this.#stage.secrets()));
      if (path === '/metrics') this.#note(() => this.#count(number, parsePrometheus(answer.text)));
    }
  }

  #count(life: number, metrics: ReadonlyMap<string, Family>): void {
    const counts = countsOf(metrics);
    if (life !== this.#life) {
      this.#before = this.pace;
      this.#life = life;
      this.#first = counts;
    }
    this.#latest = counts;
  }

  #note(look: () => void): void {
    try {
      look();
    } catch (error) {
      this.findings.push(error instanceof Error ? error.message : String(error));
    }
  }
}

function countsOf(metrics: ReadonlyMap<string, Family>): Counts {
  const counts = none();
  for (const { value } of metrics.get(polls)?.samples ?? []) counts.begun += value;
  for (const { labels, value } of metrics.get(regionPolls)?.samples ?? []) {
    if (labels['region_id'] !== steady) continue;
    if (labels['outcome'] === 'ok') counts.answered += value;
    else counts.unanswered += value;
  }
  return counts;
}

function none(): Counts {
  return { begun: 0, answered: 0, unanswered: 0 };
}

function sum(a: Counts, b: Counts): Counts {
  return {
    begun: a.begun + b.begun,
    answered: a.answered + b.answered,
    unanswered: a.unanswered + b.unanswered,
  };
}

function difference(a: Counts, b: Counts): Counts {
  return sum(a, { begun: -b.begun, answered: -b.answered, unanswered: -b.unanswered });
}
