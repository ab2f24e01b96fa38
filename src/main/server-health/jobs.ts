// Which servers are asked for where: Server objects grouped by region and identity (a cloud project each), and the job
// that asks for them.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Credentials,
  FlavorTask,
  ProjectTask,
  ServerHealthJob,
  SimulatedServer,
} from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { ProjectView } from '../regions/project-view.ts';
import type { RegionState } from '../regions/region-state.ts';

/** The servers of one region, as they were when its poll began. */
export interface RegionServers {
  readonly identities: Map<string, ServerRecord[]>;
  readonly withoutIdentity: ServerRecord[];
}

export interface GroupedServers {
  readonly regions: Map<string, RegionServers>;
  readonly withoutRegion: readonly ServerRecord[];
}

/** Servers that are looked at before the event loop gets its turn. */
const chunk = 5_000;

/** Servers that are being deleted are left out without a word: their end is nobody's news. */
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
  readonly loginsPerSecond: number;
  /** Every so many polls a project is listed completely; in between only changes are asked for. */
  readonly reconcileEvery: number;
  /** A job with more is sliced, so that all workers share a large region, and results stay small. */
  readonly serversPerJob: number;
  readonly traced: boolean;
}

export interface RegionJobInput {
  readonly regionId: string;
  readonly state: RegionState;
  readonly projects: readonly ProjectPlan[];
  readonly limits: JobLimits;
  /** Whether projects take their turn to be listed completely, and flavours to be asked for. */
  readonly reconcile: boolean;
  readonly probe: boolean;
  readonly pollNumber: number;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** The jobs of a region; none when there is nothing to ask. Its limits are shared among them. */
export function regionJobs(input: RegionJobInput): readonly ServerHealthJob[] {
  const { regionId, state, limits, probe } = input;
  const { service, target } = state.access;
  const slices = probe
    ? probeSlices(input.projects, input.pollNumber)
    : sliceProjects(input.projects, { most: limits.concurrency, servers: limits.serversPerJob });
  const flavors = input.reconcile && state.flavorsDue(input.monotonicMs) ? flavorTask(state, service) : null;
  if (slices.length === 0 && flavors !== null) slices.push([]);
  const share = (whole: number): number => Math.max(1, Math.floor(whole / slices.length));
  return slices.map((projects, index) => ({
    regionId,
    target,
    projects: projects.map((plan) => projectTask(plan, input)),
    ...(flavors === null || index > 0 ? {} : { flavors }),
    deadlineMs: limits.deadlineMs,
    requestTimeoutMs: limits.requestTimeoutMs,
    concurrency: share(limits.concurrency),
    loginsPerSecond: share(limits.loginsPerSecond),
    probe,
    traced: limits.traced,
  }));
}

/**
 * A probe asks one project first and the others only if it answers: that takes one job. It is another project each time,
 * for one that never answers (because it is too large, say) must not keep the whole region waiting.
 */
function probeSlices(projects: readonly ProjectPlan[], pollNumber: number): ProjectPlan[][] {
  if (projects.length === 0) return [];
  const first = pollNumber % projects.length;
  return [[...projects.slice(first), ...projects.slice(0, first)]];
}

/** Projects in slices of about equal numbers of servers: as few as have `servers` each, and not more than `most`. */
export function sliceProjects(
  projects: readonly ProjectPlan[],
  { most, servers: size }: { readonly most: number; readonly servers: number },
): ProjectPlan[][] {
  const total = projects.reduce((sum, { servers }) => sum + servers.length, 0);
  const count = Math.min(most, projects.length, Math.max(1, Math.ceil(total / size)));
  const slices = Array.from({ length: count }, () => ({ plans: [] as ProjectPlan[], servers: 0 }));
  // The largest first, each to the slice that has least.
  for (const plan of projects.toSorted((a, b) => b.servers.length - a.servers.length)) {
    const least = slices.reduce((found, slice) => (slice.servers < found.servers ? slice : found));
    least.plans.push(plan);
    least.servers += plan.servers.length;
  }
  return slices.map(({ plans }) => plans);
}

function flavorTask(state: RegionState, service: Credentials | null): FlavorTask {
  const session = service === null ? undefined : state.session('', service);
  return {
    ...(service === null ? {} : { credentials: service }),
    ...(session === undefined ? {} : { session }),
  };
}

function projectTask(plan: ProjectPlan, input: RegionJobInput): ProjectTask {
  const { state, nowMs } = input;
  const { identityId, credentials, servers } = plan;
  const view = state.view(identityId);
  const session = credentials === undefined ? undefined : state.session(identityId, credentials);
  const changesSince = listsAll(identityId, input) ? null : view.watermark;
  const knownFaults = view.knownFaults();
  return {
    identityId,
    ...(credentials === undefined ? {} : { credentials }),
    ...(session === undefined ? {} : { session }),
    ...(changesSince === null ? knownDigest(view) : { changesSince }),
    ...(Object.keys(knownFaults).length === 0 ? {} : { knownFaults }),
    ...(state.access.target.provider === 'simulated'
      ? { simulatedServers: servers.map((server) => simulatedServer(server, nowMs)) }
      : {}),
  };
}

function knownDigest({ digest }: ProjectView): Pick<ProjectTask, 'knownDigest'> {
  return digest === null ? {} : { knownDigest: digest };
}

function listsAll(identityId: string, { reconcile, state, limits, pollNumber }: RegionJobInput): boolean {
  const listedAt = state.listedAt(identityId);
  if (listedAt === null) return true;
  return reconcile && isReconcileDue({ identityId, listedAt, pollNumber, every: limits.reconcileEvery });
}

/**
 * Whether a project is due for a complete list. Projects take turns, by a hash of their id, so that complete lists do not
 * come all in one poll; none waits longer than `every` polls.
 */
export function isReconcileDue(project: {
  identityId: string;
  /** Number of the poll that last listed it completely. */
  listedAt: number;
  pollNumber: number;
  every: number;
}): boolean {
  const { identityId, listedAt, pollNumber, every } = project;
  return pollNumber - listedAt >= every || (hash(identityId) + pollNumber) % every === 0;
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
