// Writes end after the poll that asked for them. Those of a check that failed are remembered here, so that each poll of
// their region reports them again until the object shows what was observed.

import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import type { Problem } from '../problems/problem.ts';
import type { Written } from './object-writer.ts';

export class WriteProblems<Watched extends WatchedObject> {
  readonly #problemOf: (object: Watched, written: Written<Watched>) => Problem | null;
  /** By key of the region and uid of the object. */
  readonly #regions = new Map<string, Map<string, Problem>>();

  /** `problemOf` says what is wrong after a write; null for one that stands as a whole. */
  constructor(problemOf: (object: Watched, written: Written<Watched>) => Problem | null) {
    this.#problemOf = problemOf;
  }

  /** Takes what became of a write. */
  take(region: RegionRef, object: Watched, written: Written<Watched>): void {
    const problem = this.#problemOf(object, written);
    const key = regionKey(region);
    const known = this.#regions.get(key) ?? new Map<string, Problem>();
    if (problem === null) known.delete(object.uid);
    else known.set(object.uid, problem);
    if (known.size === 0) this.#regions.delete(key);
    else this.#regions.set(key, known);
  }

  /** Whether the last write of an object failed. */
  has(region: RegionRef, { uid }: Watched): boolean {
    return this.#regions.get(regionKey(region))?.has(uid) ?? false;
  }

  of(region: RegionRef): readonly Problem[] {
    return [...(this.#regions.get(regionKey(region))?.values() ?? [])];
  }

  forget(region: RegionRef): void {
    this.#regions.delete(regionKey(region));
  }
}
