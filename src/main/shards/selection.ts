// Which servers a shard watches: those of its regions. Shard 0 also has those that name no region, or one that does not
// exist, so that each server belongs to some shard.

import { regionLabel } from '../../shared/labels.ts';

export interface Selection {
  /** Undefined for all servers; null for none. */
  readonly labelSelector: string | undefined | null;
  /** Whether the servers of a region are among them. */
  readonly covers: (regionName: string) => boolean;
}

/** The shard that has the servers of regions that do not exist. */
export const restShard = 0;

export function selectionOf(shard: number, assigned: ReadonlyMap<string, number>): Selection {
  const own = new Set<string>();
  const others = new Set<string>();
  for (const [name, of] of assigned) (of === shard ? own : others).add(name);
  if (shard === restShard)
    return { labelSelector: selector('notin', others) ?? undefined, covers: (name) => !others.has(name) };
  return { labelSelector: selector('in', own), covers: (name) => own.has(name) };
}

/** Null where no server can be named. */
function selector(operator: 'in' | 'notin', names: ReadonlySet<string>): string | null {
  const values = [...names].filter(isLabelValue).toSorted();
  return values.length === 0 ? null : `${regionLabel} ${operator} (${values.join(',')})`;
}

/** A name that no label can hold is no server's; the API server refuses it in a selector. */
function isLabelValue(name: string): boolean {
  return /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/.test(name);
}
