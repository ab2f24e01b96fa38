// A soak of several replicas in processes of their own on a real API server: faults at random, while servers change all the
// time; after each storm a calm in which everything must be as it should be.

import { setTimeout as sleep } from 'node:timers/promises';
import { loadClusterAccess } from '../src/main/kubernetes/access/config.ts';
import { SharedCleanup } from '../test/fixtures/cleanup.ts';
import { eventually } from '../test/fixtures/eventually.ts';
import { startControlPlane } from '../test/fixtures/kubernetes/control-plane.ts';
import { type Mistold, ShardedFleet } from '../test/fixtures/shards/sharded-fleet.ts';
import { Random } from './random.ts';
import { ReplicaCrew } from './replica-crew.ts';
import { type ReplicaFault, replicaFaults } from './replica-faults.ts';

export interface ReplicaSoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly periodMs: number;
  readonly replicas: number;
  /** Texts of which a fault's name must contain one; empty for all faults. */
  readonly only: readonly string[];
}

export interface ReplicaSoakResult {
  /** Nothing when all was well. */
  readonly breaches: readonly string[];
  readonly text: string;
  /** The logs of all replicas. */
  readonly log: string;
}

const regions = 12;
const churnMs = 120;
const scrapeMs = 500;
/** Steps of a storm: in each, one or two faults. */
const steps = 3;
const linesMs = 30_000;

export async function soakReplicas(
  options: ReplicaSoakOptions,
  progress: (text: string) => void,
): Promise<ReplicaSoakResult> {
  const cleanup = new SharedCleanup();
  try {
    const controlPlane = await startControlPlane({ timeout: () => {} });
    if (controlPlane === null)
      throw new Error('no real API server: REGION_MONITOR_TEST_KUBECONFIG may name one');
    cleanup.teardown(async () => controlPlane.stop());
    await controlPlane.installDefinitions('v1.16');
    const leaseMs = 4 * options.periodMs;
    const { replicas: shards, periodMs } = options;
    const fleet = await ShardedFleet.start(cleanup, controlPlane, { shards, leaseMs, periodMs });
    cleanup.teardown(async () => controlPlane.empty(fleet.namespace));
    const { server } = await loadClusterAccess({ kubeconfig: controlPlane.kubeconfig, context: '' });
    const random = new Random(options.seed);
    const crew = new ReplicaCrew({ fleet, server, cleanup, random: random.fork() });
    const run = new ReplicaSoak({ options, fleet, crew, random, leaseMs, progress });
    return await run.all();
  } finally {
    await cleanup.release();
  }
}

interface Parts {
  readonly options: ReplicaSoakOptions;
  readonly fleet: ShardedFleet;
  readonly crew: ReplicaCrew;
  readonly random: Random;
  readonly leaseMs: number;
  readonly progress: (text: string) => void;
}

class ReplicaSoak {
  readonly #parts: Parts;
  readonly #breaches: string[] = [];
  readonly #played = new Map<string, number>();
  #storms = 0;
  #longestCalmMs = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async all(): Promise<ReplicaSoakResult> {
    const { options, fleet, crew, progress } = this.#parts;
    const endMs = performance.now() + options.minutes * 60_000;
    await fleet.addRegions(Array.from({ length: regions }, (_, index) => `region-${index}`));
    for (let index = 0; index < options.replicas; index++) await crew.start();
    await this.#calm();
    fleet.watchGauges(scrapeMs);
    progress('started');
    while (this.#breaches.length === 0 && performance.now() < endMs) {
      fleet.churn(churnMs);
      await this.#storm();
      fleet.calm();
      await this.#calm();
    }
    for (const replica of crew.alive) await crew.end(replica, 'SIGTERM');
    this.#breaches.push(...crew.badEnds);
    const log = fleet.replicas.map((replica) => replica.log).join('');
    // After a breach, the logs may be what is wrong.
    if (this.#breaches.length > 0) return { breaches: this.#breaches, text: '', log };
    this.#breaches.push(...(await this.#wronglyTold()));
    return { breaches: this.#breaches, text: this.#text(), log };
  }

  async #storm(): Promise<void> {
    const { crew, random, progress } = this.#parts;
    this.#storms++;
    for (let step = 0; step < steps; step++) {
      const faults = this.#deal();
      progress(faults.map(({ name }) => name).join(', and '));
      const targets = random.shuffled(crew.alive);
      await Promise.all(faults.map(async (fault, index) => this.#play(fault, targets[index])));
      await sleep(random.whole(0, this.#parts.leaseMs));
    }
  }

  async #play(fault: ReplicaFault, target: ReplicaCrew['alive'][number] | undefined): Promise<void> {
    if (target === undefined) return;
    this.#played.set(fault.name, (this.#played.get(fault.name) ?? 0) + 1);
    // Chance of its own: how long others take does not change what comes next.
    await fault.play({ ...this.#parts, random: this.#parts.random.fork() }, target);
  }

  #deal(): readonly ReplicaFault[] {
    const { random, options } = this.#parts;
    const wanted = replicaFaults.filter(
      ({ name }) => options.only.length === 0 || options.only.some((text) => name.includes(text)),
    );
    const first = random.pick(wanted);
    if (first.alone === true || random.chance(0.4)) return [first];
    return [first, random.pick(wanted.filter(({ alone }) => alone !== true))];
  }

  /** Waits until all is as it should be. */
  async #calm(): Promise<void> {
    const { fleet, crew, progress } = this.#parts;
    const sinceMs = performance.now();
    try {
      await fleet.untilShared(crew.names);
      await fleet.untilAllPolled(Date.now());
      await fleet.untilTrue();
      await eventually('each server counted once', async () => this.#countedOnce(), { timeoutMs: 60_000 });
      this.#breaches.push(...(await this.#wronglyTold()));
    } catch (error) {
      this.#breaches.push(error instanceof Error ? error.message : String(error));
    }
    this.#breaches.push(...[...new Set(fleet.doubled)].map((region) => `${region} was counted twice`));
    const calmMs = performance.now() - sinceMs;
    this.#longestCalmMs = Math.max(this.#longestCalmMs, calmMs);
    progress(`settled after ${(calmMs / 1000).toFixed(1)} s; ${fleet.changes} transitions so far`);
  }

  async #countedOnce(): Promise<boolean> {
    const { fleet } = this.#parts;
    const counted = await fleet.counted();
    return fleet.regions.every((region) => counted.get(region) === fleet.serversPerRegion);
  }

  /** Lines follow their writes: what is missing may come yet. */
  async #wronglyTold(): Promise<readonly string[]> {
    const { fleet } = this.#parts;
    await eventually('the last lines', () => this.#inexplicable().length === 0, {
      timeoutMs: linesMs,
      everyMs: 500,
    }).catch(() => {});
    return [...fleet.toldTwice(), ...this.#inexplicable()].map(
      ({ change, logged, writtenMs }) =>
        `${change}: logged ${logged} times, written at ${writtenMs.map((ms) => new Date(ms).toISOString()).join(', ')}`,
    );
  }

  /** Transitions with fewer lines than writes, but for those that a killed process may have had in flight. */
  #inexplicable(): readonly Mistold[] {
    const { fleet, crew } = this.#parts;
    return fleet.mistold().filter(({ server, logged, writtenMs }) => {
      const missing = writtenMs.length - logged;
      const lost = writtenMs.filter((ms) => crew.lost(ms)).length + this.#givenUp(server);
      return missing > lost;
    });
  }

  /** Writes of a server that were reported as not ended before a stop. */
  #givenUp(server: string): number {
    const { fleet } = this.#parts;
    return fleet.replicas
      .flatMap((replica) => replica.lines)
      .filter(
        ({ msg }) => msg === 'status write did not end before the stop, its transition may not be logged',
      )
      .filter((line) => Object.values(line).includes(server)).length;
  }

  #text(): string {
    const { fleet, crew } = this.#parts;
    const missing = fleet
      .mistold()
      .reduce((sum, { logged, writtenMs }) => sum + Math.max(0, writtenMs.length - logged), 0);
    return [
      ...[...this.#played].map(([name, times]) => `${name.padEnd(60)}${String(times).padStart(6)}`),
      '',
      `storms                         ${this.#storms}`,
      `longest until all was well     ${(this.#longestCalmMs / 1000).toFixed(1)} s`,
      `processes                      ${fleet.replicas.length}, ${crew.kills.length} of them killed`,
      `transitions written            ${fleet.changes}`,
      `lines lost with killed processes  ${missing}`,
    ].join('\n');
  }
}
