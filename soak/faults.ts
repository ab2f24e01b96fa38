// All faults, and those that a storm brings.

import { answerFaults } from './answer-faults.ts';
import { cloudFaults } from './cloud-faults.ts';
import { clusterFaults } from './cluster-faults.ts';
import type { Fault } from './fault.ts';
import { lively, type SoakRegion, steady } from './fleet.ts';
import { objectFaults } from './object-faults.ts';
import { processFaults } from './process-faults.ts';
import type { Random } from './random.ts';

export const allFaults: readonly Fault[] = [
  ...cloudFaults,
  ...answerFaults,
  ...clusterFaults,
  ...objectFaults,
  ...processFaults,
];

/** A fault at its time and place. */
export interface Injection {
  readonly fault: Fault;
  readonly target: SoakRegion;
  readonly random: Random;
  /** Milliseconds from the beginning of the storm on. */
  readonly fromMs: number;
  readonly lastsMs: number;
}

/** Deals faults by chance, but each one before any comes again. */
export class Deck {
  readonly #faults: readonly Fault[];
  readonly #random: Random;
  #left: Fault[] = [];

  /** `only`: texts of which a name must contain one; empty for all faults. */
  constructor(random: Random, only: readonly string[]) {
    this.#random = random;
    this.#faults = allFaults.filter(
      ({ name }) => only.length === 0 || only.some((text) => name.includes(text)),
    );
    if (this.#faults.length === 0) throw new Error(`no fault's name contains ${only.join(' or ')}`);
  }

  /** Some faults at once, all within `storm` milliseconds; no two of them take the same. */
  deal(regions: readonly SoakRegion[], most: number, stormMs: number): readonly Injection[] {
    const random = this.#random;
    const suffering = regions.filter(({ id }) => id !== steady && id !== lively);
    const taken = new Set<string>();
    const injections: Injection[] = [];
    const count = random.whole(Math.min(2, most), most);
    for (let index = 0; index < count; index++) {
      const fault = this.#next();
      const target = random.pick(suffering);
      const claim = claimOf(fault, target);
      if (claim !== null && taken.has(claim)) continue;
      if (claim !== null) taken.add(claim);
      const longestMs = Math.min(fault.mostMs ?? Number.POSITIVE_INFINITY, stormMs);
      const lastsMs = random.between(Math.min(500, longestMs), longestMs);
      const fromMs = random.between(0, stormMs - lastsMs);
      injections.push({ fault, target, random: random.fork(), fromMs, lastsMs });
    }
    return injections;
  }

  #next(): Fault {
    if (this.#left.length === 0) this.#left = this.#random.shuffled(this.#faults);
    const next = this.#left.pop();
    if (next === undefined) throw new RangeError('there are no faults');
    return next;
  }
}

/** Null for a fault that goes with all others. */
function claimOf({ group, takes }: Fault, target: SoakRegion): string | null {
  if (takes === undefined) return null;
  const ofRegion = group === 'cloud' || takes === 'Secret' || takes === 'Region';
  return ofRegion ? `${target.id}/${takes}` : `${group}/${takes}`;
}
