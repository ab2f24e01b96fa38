// What is asked for where: objects by region and identity (a cloud project each). An object belongs to the Region of its own
// namespace.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';

/** An object that is in a cloud project. */
export interface ProjectObject extends WatchedObject {
  readonly identityId: string | undefined;
}

/** The objects of one region, as they were when its poll began. */
export interface RegionObjects<Watched> {
  readonly region: RegionRef;
  readonly identities: Map<string, Watched[]>;
  readonly withoutIdentity: Watched[];
}

export interface GroupedObjects<Watched> {
  /** By key. */
  readonly regions: ReadonlyMap<string, RegionObjects<Watched>>;
  readonly withoutRegion: readonly Watched[];
}

/** Objects that are looked at before the event loop gets its turn. */
const chunk = 5_000;

/** Objects that are being deleted are skipped without a log line, as in the original. */
export async function groupObjects<Watched extends ProjectObject>(
  objects: Iterable<Watched>,
): Promise<GroupedObjects<Watched>> {
  const regions = new Map<string, RegionObjects<Watched>>();
  const withoutRegion: Watched[] = [];
  let seen = 0;
  for (const object of objects) {
    if (++seen % chunk === 0) await nextTurn();
    if (object.deleting) continue;
    if (object.regionId === undefined) {
      withoutRegion.push(object);
      continue;
    }
    const region = regionOf(regions, { namespace: object.namespace, name: object.regionId });
    if (object.identityId === undefined) region.withoutIdentity.push(object);
    else identityOf(region, object.identityId).push(object);
  }
  return { regions, withoutRegion };
}

function regionOf<Watched>(
  regions: Map<string, RegionObjects<Watched>>,
  ref: RegionRef,
): RegionObjects<Watched> {
  const key = regionKey(ref);
  let region = regions.get(key);
  if (region === undefined) {
    region = { region: ref, identities: new Map(), withoutIdentity: [] };
    regions.set(key, region);
  }
  return region;
}

function identityOf<Watched>(region: RegionObjects<Watched>, identityId: string): Watched[] {
  let objects = region.identities.get(identityId);
  if (objects === undefined) {
    objects = [];
    region.identities.set(identityId, objects);
  }
  return objects;
}

export function countObjects<Watched>({ identities, withoutIdentity }: RegionObjects<Watched>): number {
  let count = withoutIdentity.length;
  for (const ofIdentity of identities.values()) count += ofIdentity.length;
  return count;
}
