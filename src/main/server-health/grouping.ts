// Which servers are asked for where: Server objects by region and identity (a cloud project each). A server belongs to the
// Region of its own namespace.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { ServerRecord } from '../../shared/server-record.ts';

/** The servers of one region, as they were when its poll began. */
export interface RegionServers {
  readonly region: RegionRef;
  readonly identities: Map<string, ServerRecord[]>;
  readonly withoutIdentity: ServerRecord[];
}

export interface GroupedServers {
  /** By key. */
  readonly regions: ReadonlyMap<string, RegionServers>;
  readonly withoutRegion: readonly ServerRecord[];
}

/** Servers that are looked at before the event loop gets its turn. */
const chunk = 5_000;

/** Servers that are being deleted are skipped without a log line, as in the original. */
export async function groupServers(servers: Iterable<ServerRecord>): Promise<GroupedServers> {
  const regions = new Map<string, RegionServers>();
  const withoutRegion: ServerRecord[] = [];
  let seen = 0;
  for (const server of servers) {
    if (++seen % chunk === 0) await nextTurn();
    if (server.deleting) continue;
    if (server.regionId === undefined) {
      withoutRegion.push(server);
      continue;
    }
    const region = regionOf(regions, { namespace: server.namespace, name: server.regionId });
    if (server.identityId === undefined) region.withoutIdentity.push(server);
    else identityOf(region, server.identityId).push(server);
  }
  return { regions, withoutRegion };
}

function regionOf(regions: Map<string, RegionServers>, ref: RegionRef): RegionServers {
  const key = regionKey(ref);
  let region = regions.get(key);
  if (region === undefined) {
    region = { region: ref, identities: new Map(), withoutIdentity: [] };
    regions.set(key, region);
  }
  return region;
}

function identityOf(region: RegionServers, identityId: string): ServerRecord[] {
  let servers = region.identities.get(identityId);
  if (servers === undefined) {
    servers = [];
    region.identities.set(identityId, servers);
  }
  return servers;
}

export function countServers({ identities, withoutIdentity }: RegionServers): number {
  let count = withoutIdentity.length;
  for (const ofIdentity of identities.values()) count += ofIdentity.length;
  return count;
}
