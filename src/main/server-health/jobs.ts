// The jobs that ask a region for the servers of its projects.

import type { RegionLimits } from '../../shared/region-job.ts';
import type { RegionRef } from '../../shared/region-ref.ts';
import type {
  FlavorTask,
  ProjectTask,
  ServerHealthJob,
  SimulatedServer,
} from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { Credentials } from '../../shared/session.ts';
import type { Profile } from '../kubernetes/objects/profile.ts';
import { inTurn } from '../regions/in-turn.ts';
import type { Project } from '../regions/project.ts';
import type { ProjectView } from '../regions/project-view.ts';
import { listsOf } from '../regions/reconciling.ts';
import type { Region, RegionAccess } from '../regions/region.ts';

export interface JobLimits extends RegionLimits {
  readonly deadlineMs: number;
  /** Every so many polls a project is listed completely; in between only changes are asked for. */
  readonly reconcileEvery: number;
  /** A job with more is sliced, so that all workers share a large region, and results stay small. */
  readonly serversPerJob: number;
  readonly traced: boolean;
}

export interface RegionJobInput {
  readonly region: Region;
  readonly access: RegionAccess;
  readonly projects: readonly Project[];
  readonly limits: JobLimits;
  /** Whether projects take their turn to be listed completely, and flavors to be asked for. */
  readonly reconcile: boolean;
  /** Which definitions are installed: only those of v1.19 show what bare-metal servers wait for. */
  readonly profile: Profile;
  readonly probe: boolean;
  readonly pollNumber: number;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** The jobs of a region; none when there is nothing to ask. Its limits are shared among them. */
export function regionJobs(input: RegionJobInput): readonly ServerHealthJob[] {
  const { region, access, limits, probe } = input;
  const { service, target } = access;
  const ref: RegionRef = { namespace: region.namespace, name: region.name };
  const slices = probe
    ? probeSlices(input.projects, input.pollNumber)
    : sliceProjects(input.projects, { most: limits.concurrency, servers: limits.serversPerJob }).map(inTurn);
  const flavors = asksFlavors(input) ? flavorTask(region, service) : null;
  if (slices.length === 0 && flavors !== null) slices.push([]);
  const share = (whole: number): number => Math.max(1, Math.floor(whole / slices.length));
  return slices.map((projects, index) => ({
    region: ref,
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
 * A region without projects is asked for its flavors at every poll: one that is never asked cannot be reported as up. But
 * where the login was refused, that is known until it is tried again.
 */
function asksFlavors({ reconcile, region, monotonicMs }: RegionJobInput): boolean {
  const { flavors, loginPause, projects } = region;
  if (!reconcile || (flavors.error !== null && loginPause.errorAt(monotonicMs) !== null)) return false;
  return projects.size === 0 || flavors.due(monotonicMs);
}

/**
 * A probe asks one project first and the others only if it answers: that takes one job. It is another project each time,
 * for one that never answers (because it is too large, say) must not keep the whole region waiting.
 */
function probeSlices(projects: readonly Project[], pollNumber: number): Project[][] {
  if (projects.length === 0) return [];
  const first = pollNumber % projects.length;
  const others = [...projects.slice(first + 1), ...projects.slice(0, first)];
  return [[...projects.slice(first, first + 1), ...inTurn(others)]];
}

/** Projects in slices of about equal numbers of servers: as few as have `servers` each, and not more than `most`. */
export function sliceProjects(
  projects: readonly Project[],
  { most, servers: size }: { readonly most: number; readonly servers: number },
): Project[][] {
  const total = projects.reduce((sum, { servers }) => sum + servers.length, 0);
  const count = Math.min(most, projects.length, Math.max(1, Math.ceil(total / size)));
  const slices: { plans: Project[]; servers: number }[] = Array.from({ length: count }, () => ({
    plans: [],
    servers: 0,
  }));
  // The largest first, each to the slice that has least.
  for (const plan of projects.toSorted((a, b) => b.servers.length - a.servers.length)) {
    const least = slices.reduce((found, slice) => (slice.servers < found.servers ? slice : found));
    least.plans.push(plan);
    least.servers += plan.servers.length;
  }
  return slices.map(({ plans }) => plans);
}

function flavorTask({ login }: Region, service: Credentials | null): FlavorTask {
  const session = service === null ? undefined : login.session(service);
  return {
    ...(service === null ? {} : { credentials: service }),
    ...(session === undefined ? {} : { session }),
  };
}

function projectTask(project: Project, input: RegionJobInput): ProjectTask {
  const { access, nowMs } = input;
  const { identityId, credentials, servers, view, login } = project;
  const session = login.session(credentials);
  const lists = listsOf(project, {
    pollNumber: input.pollNumber,
    every: input.reconcile ? input.limits.reconcileEvery : Number.POSITIVE_INFINITY,
  });
  const knownFaults = view.knownFaults();
  return {
    identityId,
    ...(credentials === undefined ? {} : { credentials }),
    ...(session === undefined ? {} : { session }),
    ...(lists.changesSince === null ? knownPages(view) : { changesSince: lists.changesSince }),
    ...(lists.changesSince !== null && lists.complete ? { alsoComplete: true } : {}),
    ...(lists.complete && project.pageSize !== null ? { pageSize: project.pageSize } : {}),
    ...(Object.keys(knownFaults).length === 0 ? {} : { knownFaults }),
    ...baremetalTask(project, input),
    ...(access.target.provider === 'simulated'
      ? { simulatedServers: servers.map((server) => simulatedServer(server, nowMs)) }
      : {}),
  };
}

/** As the region's account in this project: only an administrator sees nodes. */
function baremetalTask(project: Project, input: RegionJobInput): Pick<ProjectTask, 'baremetal'> {
  const { region, access, profile, monotonicMs: nowMs } = input;
  const { service } = access;
  const { credentials: own, servers, nodes } = project;
  if (profile === 'v1.16' || service === null || own === undefined) return {};
  const flavorIds = region.record?.openstack?.baremetalFlavorIds ?? [];
  const credentials = { ...service, projectId: own.projectId };
  const baremetal = nodes.task(servers, flavorIds, { credentials, nowMs });
  return baremetal === undefined ? {} : { baremetal };
}

function knownPages({ pages }: ProjectView): Pick<ProjectTask, 'knownPages'> {
  return pages.length === 0 ? {} : { knownPages: pages };
}

function simulatedServer(server: ServerRecord, nowMs: number): SimulatedServer {
  return {
    name: server.name,
    displayName: server.displayName,
    phase: server.phase,
    createdAt: server.createdAt,
    ageMs: Math.max(0, nowMs - server.createdAt),
  };
}
