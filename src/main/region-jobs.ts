// Which servers are asked for where: Server objects grouped by region and identity (a cloud project each), and the job
// that asks for them.

import type { Credentials, ProjectTask, ServerHealthJob, SimulatedServer } from '../shared/server-health.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { RegionState } from './region-state.ts';

/** The servers of one region, as they were when its poll began. */
export interface RegionServers {
  readonly identities: Map<string, ServerRecord[]>;
  readonly withoutIdentity: ServerRecord[];
}

export interface GroupedServers {
  readonly regions: Map<string, RegionServers>;
  readonly withoutRegion: readonly ServerRecord[];
}

/** Servers that are being deleted are left out without a word: their end is nobody's news. */
export function groupServers(servers: Iterable<ServerRecord>): GroupedServers {
  const regions = new Map<string, RegionServers>();
  const withoutRegion: ServerRecord[] = [];
  for (const server of servers) {
    if (server.deleting) continue;
    if (server.regionId === undefined) {
      withoutRegion.push(server);
      continue;
    }
    const region = regionOf(regions, server.regionId);
    if (server.identityId === undefined) region.withoutIdentity.push(server);
    else identityOf(region, server.identityId).push(server);
  }
  return { regions, withoutRegion };
}

function regionOf(regions: Map<string, RegionServers>, regionId: string): RegionServers {
  let region = regions.get(regionId);
  if (region === undefined) {
    region = { identities: new Map(), withoutIdentity: [] };
    regions.set(regionId, region);
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

export interface ProjectPlan {
  readonly identityId: string;
  /** Undefined for a provider without logins. */
  readonly credentials: Credentials | undefined;
  readonly servers: readonly ServerRecord[];
}

export interface JobLimits {
  readonly deadlineMs: number;
  readonly requestTimeoutMs: number;
  /** Requests in flight at once in a region. */
  readonly concurrency: number;
  /** Every so many polls a project is listed completely; in between only changes are asked for. */
  readonly reconcileEvery: number;
  readonly traced: boolean;
}

export interface RegionJobInput {
  readonly regionId: string;
  readonly state: RegionState;
  readonly projects: readonly ProjectPlan[];
  readonly limits: JobLimits;
  readonly pollNumber: number;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** The job of a region; null when there is nothing to ask. */
export function regionJob(input: RegionJobInput): ServerHealthJob | null {
  const { regionId, state, projects, limits, monotonicMs } = input;
  const flavorsDue = state.flavorsDue(monotonicMs);
  if (projects.length === 0 && !flavorsDue) return null;
  const { service, target } = state.access;
  const serviceSession = service === null ? undefined : state.session('', service);
  return {
    regionId,
    target,
    projects: projects.map((plan) => projectTask(plan, input)),
    ...(flavorsDue
      ? {
          flavors: {
            ...(service === null ? {} : { credentials: service }),
            ...(serviceSession === undefined ? {} : { session: serviceSession }),
          },
        }
      : {}),
    deadlineMs: limits.deadlineMs,
    requestTimeoutMs: limits.requestTimeoutMs,
    concurrency: limits.concurrency,
    traced: limits.traced,
  };
}

function projectTask(plan: ProjectPlan, input: RegionJobInput): ProjectTask {
  const { state, limits, pollNumber, nowMs } = input;
  const { identityId, credentials, servers } = plan;
  const view = state.view(identityId);
  const session = credentials === undefined ? undefined : state.session(identityId, credentials);
  const changesSince = listsAll(view.listsOfChanges, { identityId, pollNumber, every: limits.reconcileEvery })
    ? null
    : view.watermark;
  const knownFaults: Record<string, { updated: string; fault: string | null }> = {};
  for (const { providerId, updated, fault } of view.observations()) {
    if (updated !== null && fault !== undefined) knownFaults[providerId] = { updated, fault };
  }
  return {
    identityId,
    ...(credentials === undefined ? {} : { credentials }),
    ...(session === undefined ? {} : { session }),
    ...(changesSince === null ? {} : { changesSince }),
    ...(Object.keys(knownFaults).length === 0 ? {} : { knownFaults }),
    ...(state.access.target.provider === 'simulated'
      ? { simulatedServers: servers.map((server) => simulatedServer(server, nowMs)) }
      : {}),
  };
}

/**
 * Whether a project is due for a complete list. Projects take turns, by a hash of their id, so that complete lists do not
 * come all in one poll; none waits longer than `every` polls.
 */
export function listsAll(
  listsOfChanges: number,
  { identityId, pollNumber, every }: { identityId: string; pollNumber: number; every: number },
): boolean {
  if (listsOfChanges + 1 >= every) return true;
  return (hash(identityId) + pollNumber) % every === 0;
}

/** FNV-1a, 32 bits: spreads ids that differ in one character only. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

function simulatedServer(server: ServerRecord, nowMs: number): SimulatedServer {
  return {
    name: server.name,
    displayName: server.displayName,
    phase: server.phase,
    ageMs: Math.max(0, nowMs - server.createdAt),
  };
}
