// The scopes of problems: what one check reports of one region. No name of a Kubernetes object holds a slash or a blank.

import { type RegionRef, regionKey } from '../../shared/region-ref.ts';

/** The scope of problems that belong to no region. No label can hold it, so it is not a region's id. */
export const noRegion = '(none)';

export function scopeOf(region: RegionRef, check: string): string {
  return `${regionKey(region)} ${check}`;
}

/** The key of the region; the scope itself for one without a check. */
export function regionKeyOf(scope: string): string {
  return scope.split(' ', 1)[0] ?? scope;
}

/** The namespace of the region; "" where there is none. */
export function namespaceOf(scope: string): string {
  const key = regionKeyOf(scope);
  return key.slice(0, Math.max(0, key.indexOf('/')));
}
