// How many servers are in each state, by region and flavour: what the state gauge shows. A region's counts are replaced
// as a whole, by what its last poll could resolve, so that nothing stale is ever shown.

import type { FlavorAttributes, StateCount } from './metrics.ts';

export type StateKey = FlavorAttributes & Pick<StateCount, 'state'>;

/** Counts under construction for one region. */
export class RegionCounts {
  readonly #counts = new Map<string, StateKey & { count: number }>();

  add(key: StateKey): void {
    const id = `${key.state}\n${key.flavor_id}\n${key.flavor_name}`;
    const entry = this.#counts.get(id);
    if (entry === undefined) this.#counts.set(id, { ...key, count: 1 });
    else entry.count++;
  }

  values(): readonly StateCount[] {
    return [...this.#counts.values()];
  }
}

export class StateCounts {
  readonly #regions = new Map<string, readonly StateCount[]>();

  replace(regionId: string, counts: readonly StateCount[]): void {
    this.#regions.set(regionId, counts);
  }

  remove(regionId: string): void {
    this.#regions.delete(regionId);
  }

  *values(): Iterable<StateCount> {
    for (const counts of this.#regions.values()) yield* counts;
  }
}
