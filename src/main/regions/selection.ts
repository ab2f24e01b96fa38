// Which regions a command is about: those that --region names, by id or display name, or all.

import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';

type Named = Pick<RegionRecord, 'name' | 'displayName'>;

export function namesRegion(wanted: readonly string[], { name, displayName }: Named): boolean {
  return wanted.length === 0 || wanted.includes(name) || (displayName !== '' && wanted.includes(displayName));
}

/** What was asked for and is not there. */
export function unknownRegions(wanted: readonly string[], regions: readonly Named[]): readonly string[] {
  return wanted.filter((name) => !regions.some((region) => namesRegion([name], region)));
}
