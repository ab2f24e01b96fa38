// A soak from beginning to end: storms of faults, and after each a calm in which everything must be as it should be.

import { setTimeout as sleep } from 'node:timers/promises';
import { refuseSecrets } from '../test/fixtures/monitor/monitor.ts';
import { Everyday } from './everyday.ts';
import { Deck } from './faults.ts';
import { awaited, standing } from './invariants.ts';
import { lookAt } from './monitor-view.ts';
import type { SoakOptions } from './options.ts';
import { Random } from './random.ts';
import { Residue } from './residue.ts';
import type { Scenery } from './scenery.ts';
import { Stage } from './stage.ts';
import { type Past, Storm } from './storm.ts';
import { Tally } from './tally.ts';
import { Watcher } from './watcher.ts';

interface Breach {
  readonly invariant: string;
  readonly details: readonly string[];
  /** Since the beginning. */
  readonly seconds: number;
}

export interface SoakResult {
  readonly seed: number;
  /** Nothing when all was well. */
  readonly breaches: readonly Breach[];
  readonly tally: Tally;
  readonly log: string;
}

/** Faults at once, at most. */
const mostAtOnce = 6;
const longestStormMs = 20_000;
/** Polls that may pass until all is as it should be: a rest of seven, a turn of ten for complete lists, and some. */
const pollsToSettle = 25;
/** And so long for what Kubernetes left hanging. */
const hangingMs = 20_000;
const lookMs = 200;
const calmMs = 10_000;
const shownDetails = 8;

export async function soak(
  options: Omit<SoakOptions, 'replicas'>,
  progress: (text: string) => void,
): Promise<SoakResult> {
  const { seed, periodMs, minutes, only } = options;
  const random = new Random(seed);
  const stage = await Stage.open(periodMs);
  const run = new Soak(stage, { random, periodMs, deck: new Deck(random.fork(), only), progress });
  try {
    await run.all(minutes * 60_000);
    return { seed, breaches: run.breaches, tally: run.tally, log: stage.lives.log.text };
  } finally {
    await run.close();
  }
}

interface Parts {
  readonly random: Random;
  readonly periodMs: number;
  readonly deck: Deck;
  readonly progress: (text: string) => void;
}

class Soak {
  readonly breaches: Breach[] = [];
  readonly tally = new Tally();
  readonly #stage: Stage;
  readonly #parts: Parts;
  readonly #everyday: Everyday;
  readonly #watcher: Watcher;
  readonly #residue: Residue;
  readonly #past: Past[] = [];
  readonly #beganMs = performance.now();
  #death: string | null = null;

  constructor(stage: Stage, parts: Parts) {
    this.#stage = stage;
    this.#parts = parts;
    this.#everyday = new Everyday(stage, parts.random.fork());
    this.#watcher = new Watcher(stage);
    this.#residue = new Residue(stage);
  }

  async all(totalMs: number): Promise<void> {
    const { random, progress } = this.#parts;
    const { lives } = this.#stage;
    await lives.begin();
    this.#watcher.begin();
    await this.#calm();
    progress('started');
    while (this.breaches.length === 0) {
      const stormMs = Math.min(longestStormMs, totalMs / 4) * random.between(0.4, 1);
      const leftMs = totalMs - (performance.now() - this.#beganMs);
      if (this.tally.storms > 0 && leftMs < stormMs + calmMs) break;
      await this.#weather(stormMs);
    }
    await this.#watcher.end();
    await lives.end('SIGTERM');
    if (lives.badEnds.length > 0) this.#breach('every stop ends with 0', lives.badEnds);
    this.#lookForSecrets();
    this.tally.everyday = this.#everyday.counts;
    this.tally.residue = this.#residue;
    this.tally.pace = this.#watcher.pace;
    this.tally.told = lives.log.lines.filter(({ msg }) => msg.endsWith('transition')).length;
  }

  async close(): Promise<void> {
    this.#everyday.close();
    await this.#watcher.end();
    await this.#stage.close();
  }

  /** A storm, and the calm after it. */
  async #weather(stormMs: number): Promise<void> {
    const { deck, periodMs, progress } = this.#parts;
    const { regions, death } = this.#stage;
    const storm = new Storm(this.#stage, periodMs, deck.deal(regions, mostAtOnce, stormMs));
    progress(storm.injections.map(({ fault, target }) => `${fault.name} [${target.id}]`).join('; '));
    this.#everyday.begin();
    const end = new AbortController();
    void death.then((how) => {
      this.#death = how;
      end.abort();
    });
    await storm.run(end.signal);
    await this.#everyday.pause();
    this.#past.push(...storm.past);
    const settledMs = await this.#calm();
    this.tally.add(storm.past, settledMs);
    if (settledMs !== null) progress(`settled after ${(settledMs / 1000).toFixed(1)} s`);
  }

  /** Milliseconds until all was well; null when it was not. */
  async #calm(): Promise<number | null> {
    const { periodMs } = this.#parts;
    const beganMs = performance.now();
    const boundMs = pollsToSettle * periodMs + hangingMs;
    for (;;) {
      if (this.#death !== null) {
        this.#breach('the process goes on', [this.#death]);
        return null;
      }
      const scenery = await this.#scenery();
      if (scenery !== null && awaited.every(({ breaches }) => breaches(scenery).length === 0)) break;
      if (performance.now() - beganMs > boundMs) break;
      await sleep(lookMs);
    }
    const settledMs = performance.now() - beganMs;
    // What comes late must not be wrong either.
    await sleep(2 * periodMs);
    this.#residue.measure();
    const scenery = await this.#scenery();
    if (scenery === null) this.#breach('the process goes on', ['it does not answer']);
    else
      for (const { name, breaches } of [...awaited, ...standing]) {
        const details = breaches(scenery);
        if (details.length > 0) this.#breach(name, details);
      }
    this.#lookForSecrets();
    return this.breaches.length === 0 ? settledMs : null;
  }

  /** Null while the monitor does not answer. */
  async #scenery(): Promise<Scenery | null> {
    const { current } = this.#stage.lives;
    const view = current === null ? null : await lookAt(current);
    if (view === null) return null;
    return {
      stage: this.#stage,
      everyday: this.#everyday,
      watcher: this.#watcher,
      past: this.#past,
      residue: this.#residue,
      view,
    };
  }

  #lookForSecrets(): void {
    const { lives, receiver } = this.#stage;
    const telemetry = JSON.stringify([receiver.exports, receiver.spans], plainly);
    receiver.exports.length = 0;
    receiver.spans.length = 0;
    for (const [where, text] of [
      ['the log', lives.log.text],
      ['telemetry', telemetry],
    ] as const)
      try {
        refuseSecrets(where, text, this.#stage.secrets());
      } catch (error) {
        this.#breach('no output shows a secret', [error instanceof Error ? error.message : String(error)]);
      }
  }

  #breach(invariant: string, details: readonly string[]): void {
    const seconds = (performance.now() - this.#beganMs) / 1000;
    this.breaches.push({ invariant, details: details.slice(0, shownDetails), seconds });
  }
}

/** What JSON has no form for. */
function plainly(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Map ? [...value] : value;
}
