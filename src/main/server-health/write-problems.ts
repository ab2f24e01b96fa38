// Writes end after the poll that asked for them. Those that failed are remembered here, so that each poll of their region
// reports them again until the object shows what was observed.

import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { Problem } from '../problems/problem.ts';
import type { Written } from '../projection/server-writer.ts';
import { annotationFailed, checkFailed } from './problems.ts';

export class WriteProblems {
  /** By key of the region and uid of the object. */
  readonly #regions = new Map<string, Map<string, Problem>>();

  /** Takes what became of a write. */
  take(region: RegionRef, server: ServerRecord, written: Written): void {
    const problem = problemOf(server, written);
    if (problem === null && this.#regions.size === 0) return;
    const key = regionKey(region);
    const known = this.#regions.get(key) ?? new Map<string, Problem>();
    if (problem === null) known.delete(server.uid);
    else known.set(server.uid, problem);
    if (known.size === 0) this.#regions.delete(key);
    else this.#regions.set(key, known);
  }

  /** Whether the last write of an object failed. */
  has(region: RegionRef, { uid }: ServerRecord): boolean {
    return this.#regions.get(regionKey(region))?.has(uid) ?? false;
  }

  of(region: RegionRef): readonly Problem[] {
    return [...(this.#regions.get(regionKey(region))?.values() ?? [])];
  }

  forget(region: RegionRef): void {
    this.#regions.delete(regionKey(region));
  }
}

function problemOf(server: ServerRecord, written: Written): Problem | null {
  if (written.kind === 'gone') return null;
  if (written.kind === 'stands')
    return written.annotationError === undefined ? null : annotationFailed(server, written.annotationError);
  const message = `cannot write status: ${written.error.message}`;
  return checkFailed(server, { code: 'internal', message }, {});
}
