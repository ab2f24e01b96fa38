// The server-health check, the half on main: plans one job a region, and projects what came back into Server objects,
// counts and logs. Each region's answer is applied as it arrives, whatever the others do.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Span, Tracer } from '@opentelemetry/api';
import type { Checker, Cycle, JobReport } from '../shared/checker.ts';
import type { Clock } from '../shared/clock.ts';
import type { CheckError } from '../shared/errors.ts';
import type { Observation } from '../shared/observation.ts';
import type { ServerHealthJob, ServerHealthResult } from '../shared/server-health.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { FlavorAttributes, Metrics, RegionSnapshot } from './metrics.ts';
import type { Problem, ProblemLog } from './problem-log.ts';
import type { ProviderRegistry } from './provider-registry.ts';
import {
  groupServers,
  type JobLimits,
  type ProjectPlan,
  type RegionServers,
  regionJob,
} from './region-jobs.ts';
import { type PollOutcome, RegionPoll, regionUnresolved } from './region-poll.ts';
import type { RegionState } from './region-state.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { RegionRecord } from './resource-records.ts';
import type { StateCounts } from './state-counts.ts';
import type { StatusWriter } from './status-writer.ts';
import { endSpan, spanFromCalls, startRegionCheck } from './tracing.ts';

export interface ServerHealthOptions {
  /** Module of the worker half. */
  readonly worker: URL;
  readonly registry: ProviderRegistry;
  readonly regions: ResourceCache<RegionRecord>;
  readonly servers: ResourceCache<ServerRecord>;
  readonly writer: StatusWriter;
  readonly counts: StateCounts;
  readonly problems: ProblemLog;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly limits: Omit<JobLimits, 'deadlineMs' | 'traced'>;
  /** Called for a region that is neither defined nor named by any server any more. */
  readonly onRegionGone: (regionId: string) => void;
}

/** A region's poll that is under way. */
interface Pending {
  readonly poll: RegionPoll;
  readonly state: RegionState;
  readonly plans: ReadonlyMap<string, ProjectPlan>;
}

interface Change {
  readonly server: ServerRecord;
  readonly observation: Observation;
}

/** Servers that are looked at before the event loop gets its turn. */
const chunk = 500;
/** Writes that one region waits for at once; the writer's own limit holds for all regions together. */
const writesPerRegion = 32;
/** Whose problems those are that belong to no region. No label can hold it, so it is no region's id. */
const noRegion = '(none)';

const unreachableCell: Pick<Observation, 'health' | 'phase'> = {
  health: { status: 'Unknown', reason: 'Unknown', message: 'unable to determine server status' },
  phase: null,
};

export class ServerHealthChecker implements Checker<ServerHealthJob, ServerHealthResult> {
  readonly name = 'server-health';
  readonly worker: URL;
  readonly #options: ServerHealthOptions;
  readonly #pending = new Map<string, Pending>();
  /** Spans of the regions under way. */
  readonly #spans = new Map<string, Span>();
  /** Regions that were tried at least once. */
  readonly #tried = new Set<string>();
  /** Why the last poll of a region got no answer; regions that answered are not in it. */
  readonly #failures = new Map<string, CheckError>();
  /** Servers that name each region, as of the last plan. */
  #servers: ReadonlyMap<string, number> = new Map();

  constructor(options: ServerHealthOptions) {
    this.worker = options.worker;
    this.#options = options;
  }

  /** True when every defined region was tried at least once. */
  get triedAll(): boolean {
    for (const { name } of this.#options.regions.values()) if (!this.#tried.has(name)) return false;
    return true;
  }

  get failures(): ReadonlyMap<string, CheckError> {
    return this.#failures;
  }

  *regionSnapshots(): Iterable<RegionSnapshot> {
    const { regions, registry, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const region of regions.values()) {
      const state = registry.state(region.name);
      const lastGoodMs = state?.lastGoodMs ?? null;
      yield {
        regionId: region.name,
        regionName: region.displayName,
        up: state?.up ?? false,
        lastGoodAgeSeconds: lastGoodMs === null ? null : (nowMs - lastGoodMs) / 1000,
        servers: this.#servers.get(region.name) ?? 0,
      };
    }
  }

  async plan(cycle: Cycle): Promise<readonly ServerHealthJob[]> {
    const { servers, regions, problems, metrics } = this.#options;
    const grouped = groupServers(servers.values());
    problems.report(noRegion, grouped.withoutRegion.map(missingRegionLabel));
    metrics.serversSkipped('missing-region-label', '', grouped.withoutRegion.length);
    this.#servers = new Map(
      [...grouped.regions].map(([regionId, region]) => [regionId, countServers(region)]),
    );
    const regionIds = new Set(grouped.regions.keys());
    for (const { name } of regions.values()) regionIds.add(name);
    this.#forgetAllBut(regionIds);
    const jobs = await Promise.all(
      [...regionIds]
        .filter((regionId) => cycle.claim(regionId))
        .map(async (regionId) => this.#planRegion(regionId, grouped.regions.get(regionId), cycle)),
    );
    return jobs.filter((job) => job !== null);
  }

  async apply(job: ServerHealthJob, report: JobReport<ServerHealthResult>, cycle: Cycle): Promise<void> {
    const { metrics } = this.#options;
    const pending = this.#pending.get(job.regionId);
    if (pending === undefined) return;
    this.#pending.delete(job.regionId);
    if (report.outcome.ok) {
      const { result } = report.outcome;
      metrics.requests(job.regionId, result.requests);
      const span = this.#spans.get(job.regionId);
      if (span !== undefined) spanFromCalls(this.#options.tracer, span, result.calls);
      await this.#applyResult(pending, result, cycle.signal);
    } else {
      const { error } = report.outcome;
      // The monitor's own end says nothing about the region.
      if (error.code === 'cancelled') return;
      const plans = [...pending.plans.values()];
      if (plans.length === 0) pending.poll.failed({ identityId: '', error, servers: [] });
      for (const { identityId, servers } of plans) pending.poll.failed({ identityId, error, servers });
    }
    if (!cycle.signal.aborted) this.#finish(pending);
  }

  async #planRegion(
    regionId: string,
    servers: RegionServers | undefined,
    cycle: Cycle,
  ): Promise<ServerHealthJob | null> {
    const { registry, clock, limits, counts, problems, metrics } = this.#options;
    const poll = new RegionPoll(regionId, clock.monotonicMs());
    const span = startRegionCheck(this.#options.tracer, cycle.span, {
      regionId,
      regionName: this.#nameOf(regionId),
    });
    this.#spans.set(regionId, span);
    const resolved = await registry.resolve(regionId, cycle.signal);
    if (cycle.signal.aborted) return null;
    if (!resolved.ok) {
      this.#tried.add(regionId);
      counts.remove(regionId);
      problems.report(regionId, [regionUnresolved(regionId, resolved.error)]);
      this.#markDown(regionId, resolved.error, poll);
      metrics.serversSkipped('region-unresolved', regionId, countServers(servers));
      return null;
    }
    const state = resolved.result;
    const plans = new Map<string, ProjectPlan>();
    for (const server of servers?.withoutIdentity ?? []) {
      const message = `consistency error: server ${server.name} missing identity label`;
      poll.serverFailed(server, { code: 'invalid-config', message });
    }
    for (const [identityId, ofIdentity] of servers?.identities ?? []) {
      const [first] = ofIdentity;
      if (first === undefined) continue;
      const credentials = registry.credentials(state, identityId, first);
      if (credentials.ok)
        plans.set(identityId, { identityId, credentials: credentials.result, servers: ofIdentity });
      else
        for (const server of ofIdentity)
          poll.serverFailed(server, credentials.error, { identity: identityId });
    }
    state.retainProjects(new Set(plans.keys()));
    const job = regionJob({
      regionId,
      state,
      projects: [...plans.values()],
      limits: { ...limits, deadlineMs: cycle.deadlineMs, traced: span.isRecording() },
      pollNumber: cycle.number,
      nowMs: clock.now(),
      monotonicMs: clock.monotonicMs(),
    });
    const pending = { poll, state, plans };
    if (job === null) this.#finish(pending);
    else this.#pending.set(regionId, pending);
    return job;
  }

  async #applyResult(pending: Pending, result: ServerHealthResult, signal: AbortSignal): Promise<void> {
    const { poll, state, plans } = pending;
    const { clock } = this.#options;
    if (result.flavors !== null) {
      state.takeFlavors(result.flavors, clock.monotonicMs());
      if (result.flavors.outcome.ok) poll.answered();
    }
    for (const project of result.projects) {
      const plan = plans.get(project.identityId);
      if (plan === undefined) continue;
      const { identityId, servers } = plan;
      const believed = state.takeProject(project, plan.credentials);
      if (!project.outcome.ok) {
        poll.failed({ identityId, error: project.outcome.error, servers });
        continue;
      }
      poll.answered();
      for (const { providerId, error } of project.outcome.malformed) {
        poll.note(malformedRecord(poll.regionId, identityId, providerId, error));
      }
      if (believed) await this.#applyProject(plan, pending, signal);
      else poll.note(mostVanished(poll.regionId, identityId, servers.length));
    }
  }

  /** Projects a project's view onto its servers, as they are in the cache by now. */
  async #applyProject(plan: ProjectPlan, { poll, state }: Pending, signal: AbortSignal): Promise<void> {
    const { servers: cache, writer } = this.#options;
    const view = state.view(plan.identityId);
    const changes: Change[] = [];
    let seen = 0;
    let missing = 0;
    for (const planned of plan.servers) {
      if (++seen % chunk === 0) await nextTurn();
      const server = cache.get(planned.namespace, planned.name);
      if (server === undefined || server.uid !== planned.uid || server.deleting) continue;
      const finding = view.find(server, (name) => cache.get(server.namespace, name) !== undefined);
      if (finding.kind === 'missing') {
        missing++;
        poll.note(notFound(server));
      } else if (finding.kind === 'unreadable') {
        poll.serverFailed(server, unreadableRecord(server));
      } else {
        const observation =
          finding.kind === 'observed' ? finding.observation : { ...unknownObservation, ...unreachableCell };
        if (observation.unsupportedPowerState !== null) poll.note(unsupportedPowerState(server, observation));
        if (writer.isIdle(server, observation)) this.#count(server, poll, state);
        else changes.push({ server, observation });
      }
    }
    view.retain(new Set(plan.servers.map(({ uid }) => uid)));
    this.#options.metrics.serversSkipped('not-found', poll.regionId, missing);
    await this.#write(changes, { poll, state, signal });
  }

  async #write(
    changes: readonly Change[],
    { poll, state, signal }: { poll: RegionPoll; state: RegionState; signal: AbortSignal },
  ): Promise<void> {
    const queue = changes.values();
    const writeSome = async () => {
      for (const { server, observation } of queue) {
        const attributes = flavorAttributes(server, state);
        const span = this.#spans.get(poll.regionId);
        const written = await this.#options.writer.write({ server, observation, attributes, signal, span });
        if (written.kind === 'stands') this.#count(written.server, poll, state);
        else if (written.kind === 'failed' && !signal.aborted) {
          poll.serverFailed(server, {
            code: 'internal',
            message: `cannot write status: ${written.error.message}`,
          });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(writesPerRegion, changes.length) }, writeSome));
  }

  #count(server: ServerRecord, poll: RegionPoll, state: RegionState): void {
    poll.counts.add({ state: server.phase.toLowerCase(), ...flavorAttributes(server, state) });
  }

  #finish({ poll, state, plans }: Pending): void {
    const { counts, problems, clock } = this.#options;
    const { regionId } = poll;
    const { flavorError } = state;
    this.#tried.add(regionId);
    if (flavorError !== null) {
      poll.note(flavorsFailed(regionId, flavorError));
      // Where there is no project to ask, nothing else tells how the region is; they are not asked for at every poll.
      if (plans.size === 0) poll.failed({ identityId: '', error: flavorError, servers: [] });
    }
    const { failure } = poll;
    state.up = failure === null;
    if (failure === null) {
      state.lastGoodMs = clock.monotonicMs();
      this.#failures.delete(regionId);
    } else {
      this.#failures.set(regionId, failure);
    }
    counts.replace(regionId, poll.counts.values());
    problems.report(regionId, poll.problems());
    this.#ended(poll, poll.outcome);
  }

  #markDown(regionId: string, error: CheckError, poll: RegionPoll): void {
    const state = this.#options.registry.state(regionId);
    if (state !== undefined) state.up = false;
    this.#failures.set(regionId, error);
    this.#ended(poll, error.code);
  }

  #ended({ regionId, startedMs }: RegionPoll, outcome: PollOutcome): void {
    const { metrics, clock } = this.#options;
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    metrics.regionPolled({ regionId, regionName: this.#nameOf(regionId), outcome, seconds });
    const span = this.#spans.get(regionId);
    if (span !== undefined) endSpan(span, this.#failures.get(regionId));
    this.#spans.delete(regionId);
  }

  #nameOf(regionId: string): string {
    for (const { name, displayName } of this.#options.regions.values())
      if (name === regionId) return displayName;
    return '';
  }

  #forgetAllBut(regionIds: ReadonlySet<string>): void {
    const { registry, counts, problems, onRegionGone } = this.#options;
    registry.retain(regionIds);
    for (const regionId of this.#tried) {
      if (regionIds.has(regionId)) continue;
      this.#tried.delete(regionId);
      this.#failures.delete(regionId);
      counts.remove(regionId);
      problems.forget(regionId);
      onRegionGone(regionId);
    }
  }
}

const unknownObservation: Omit<Observation, 'health' | 'phase'> = {
  providerId: '',
  name: null,
  ownerId: null,
  unsupportedPowerState: null,
  partial: true,
  deleted: false,
  updated: null,
};

function flavorAttributes(server: ServerRecord, state: RegionState): FlavorAttributes {
  return {
    region_id: server.regionId ?? '',
    region_name: state.record.displayName,
    flavor_id: server.flavorId,
    flavor_name: state.flavorName(server.flavorId),
  };
}

function countServers(servers: RegionServers | undefined): number {
  if (servers === undefined) return 0;
  let count = servers.withoutIdentity.length;
  for (const ofIdentity of servers.identities.values()) count += ofIdentity.length;
  return count;
}

function missingRegionLabel(server: ServerRecord): Problem {
  return {
    key: `no-region/${server.namespace}/${server.name}`,
    message: 'server missing region label, skipping',
    fields: { server: server.name },
  };
}

function notFound(server: ServerRecord): Problem {
  return {
    key: `missing/${server.namespace}/${server.name}`,
    message: 'server not found in provider, skipping',
    fields: { server: server.name, region: server.regionId ?? '' },
    ended: 'server found in provider again',
  };
}

function unsupportedPowerState(server: ServerRecord, { unsupportedPowerState: state }: Observation): Problem {
  return {
    key: `power/${state}/${server.namespace}/${server.name}`,
    message: 'caught unsupported server power state',
    fields: { powerState: state, server: server.name, region: server.regionId ?? '' },
    ended: 'server left unsupported power state',
  };
}

function unreadableRecord(server: ServerRecord): CheckError {
  return { code: 'invalid-response', message: `the region's record of server ${server.name} cannot be read` };
}

function malformedRecord(regionId: string, identity: string, id: string | null, error: CheckError): Problem {
  return {
    key: `malformed/${identity}/${id ?? ''}`,
    message: 'failed to read a server record of the region, skipping',
    error: error.message,
    fields: { region: regionId, identity, provider_id: id ?? '' },
  };
}

function mostVanished(regionId: string, identity: string, servers: number): Problem {
  return {
    key: `vanished/${identity}`,
    message: 'most servers of a project are missing at once, confirming with a new login before reporting it',
    fields: { region: regionId, identity, servers },
  };
}

function flavorsFailed(regionId: string, error: CheckError): Problem {
  return {
    key: `flavors/${error.code}`,
    subject: 'flavors',
    message: 'failed to list flavors',
    error: error.message,
    fields: { region: regionId, code: error.code },
    ended: 'flavors listed again',
  };
}
