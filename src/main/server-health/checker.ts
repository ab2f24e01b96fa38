// The server-health check, the half on main: plans the jobs of each region, and applies what came back to Server objects,
// counts and logs. Each job's answer is applied as it arrives, whatever the other regions do.

import type { Span, Tracer } from '@opentelemetry/api';
import type { Checker, Cycle, JobReport } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import { type CheckError, concernsRegion } from '../../shared/errors.ts';
import type { ServerHealthJob, ServerHealthResult } from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { EventLoopTurns } from '../polls/event-loop-turns.ts';
import type { ProblemLog } from '../problems/problem-log.ts';
import type { StateCounts } from '../projection/state-counts.ts';
import type { ProviderRegistry } from '../regions/provider-registry.ts';
import { RegionHealth } from '../regions/region-health.ts';
import type { RegionState } from '../regions/region-state.ts';
import type { Metrics, RegionSnapshot } from '../telemetry/metrics.ts';
import { endSpan, spanFromCalls, startRegionCheck } from '../telemetry/tracing.ts';
import { groupServers, type JobLimits, type ProjectPlan, type RegionServers, regionJobs } from './jobs.ts';
import { type PollOutcome, RegionPoll } from './poll.ts';
import {
  breakerOpened,
  flavorsFailed,
  malformedRecord,
  missingRegionLabel,
  mostVanished,
  regionUnresolved,
} from './problems.ts';
import type { DueWrite, ServerProjector } from './projector.ts';

export interface ServerHealthOptions {
  /** Module of the worker half. */
  readonly worker: URL;
  readonly registry: ProviderRegistry;
  readonly regions: Pick<ResourceCache<RegionRecord>, 'values'>;
  readonly servers: Pick<ResourceCache<ServerRecord>, 'get' | 'values'>;
  readonly projector: ServerProjector;
  readonly counts: StateCounts;
  readonly problems: Pick<ProblemLog, 'report' | 'forget'>;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly turns: EventLoopTurns;
  readonly pollPeriodMs: number;
  /** For so long the last known counts are shown of what cannot be observed. */
  readonly holdLastKnownMs: number;
  readonly limits: Omit<JobLimits, 'deadlineMs' | 'traced'>;
  /** Called for a region that is neither defined nor named by any server any more. */
  readonly onRegionGone: (regionId: string) => void;
}

/** A region's poll that is under way. */
interface Underway {
  readonly poll: RegionPoll;
  readonly state: RegionState;
  readonly plans: ReadonlyMap<string, ProjectPlan>;
  readonly span: Span;
  readonly scope: Cycle['scope'];
  jobsLeft: number;
}

/** A defined region, and how it has been doing; null before its first poll. */
export interface WatchedRegion {
  readonly record: RegionRecord;
  readonly health: RegionHealth | null;
  /** Servers that name it, as of the last plan. */
  readonly servers: number;
}

/** Whose problems those are that belong to no region. No label can hold it, so it is no region's id. */
export const noRegion = '(none)';

export class ServerHealthChecker implements Checker<ServerHealthJob, ServerHealthResult> {
  readonly name = 'server-health';
  readonly worker: URL;
  readonly #options: ServerHealthOptions;
  readonly #underway = new Map<string, Underway>();
  readonly #health = new Map<string, RegionHealth>();
  /** The servers of each region's projects, as of its last plan. */
  readonly #plans = new Map<string, ReadonlyMap<string, ProjectPlan>>();
  /** Servers that name each region, as of the last plan. */
  #servers: ReadonlyMap<string, number> = new Map();

  constructor(options: ServerHealthOptions) {
    this.worker = options.worker;
    this.#options = options;
  }

  /** True when every defined region was tried at least once. */
  get triedAll(): boolean {
    for (const { name } of this.#options.regions.values())
      if (this.#health.get(name)?.tried !== true) return false;
    return true;
  }

  /** Why the last poll of a region got no answer; regions that answered are not in it. */
  get failures(): ReadonlyMap<string, CheckError> {
    const failures = new Map<string, CheckError>();
    for (const [regionId, { failure }] of this.#health) if (failure !== null) failures.set(regionId, failure);
    return failures;
  }

  *regionSnapshots(): Iterable<RegionSnapshot> {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { record, health, servers } of this.regions()) {
      // A region that has no servers to ask for is neither up nor down.
      if (health?.failure?.code === 'unsupported') continue;
      const lastGoodMs = health?.lastGoodMs ?? null;
      yield {
        regionId: record.name,
        regionName: record.displayName,
        up: health?.up ?? false,
        breakerOpen: health?.breakerOpen ?? false,
        lastGoodAgeSeconds: lastGoodMs === null ? null : (nowMs - lastGoodMs) / 1000,
        servers,
      };
    }
  }

  *regions(): Iterable<WatchedRegion> {
    for (const record of this.#options.regions.values()) {
      const { name } = record;
      yield { record, health: this.#health.get(name) ?? null, servers: this.#servers.get(name) ?? 0 };
    }
  }

  async plan(cycle: Cycle): Promise<readonly ServerHealthJob[]> {
    if (cycle.scope === 'unsettled') return this.#planUnsettled(cycle);
    const { servers, regions, problems, metrics, clock } = this.#options;
    const grouped = await groupServers(servers.values());
    problems.report(noRegion, grouped.withoutRegion.map(missingRegionLabel));
    metrics.serversSkipped('missing-region-label', '', grouped.withoutRegion.length);
    this.#servers = new Map(
      [...grouped.regions].map(([regionId, region]) => [regionId, countServers(region)]),
    );
    const regionIds = new Set(grouped.regions.keys());
    for (const { name } of regions.values()) regionIds.add(name);
    this.#forgetAllBut(regionIds);
    const versions = new Map(
      [...regions.values()].map(({ name, resourceVersion }) => [name, resourceVersion]),
    );
    const due = [...regionIds].filter(
      (regionId) =>
        cycle.claim(regionId) &&
        this.#healthOf(regionId).takeTurn(clock.monotonicMs(), versions.get(regionId) ?? ''),
    );
    const jobs = await Promise.all(
      due.map(async (regionId) => this.#planRegion(regionId, grouped.regions.get(regionId), cycle)),
    );
    return jobs.flat();
  }

  async apply(job: ServerHealthJob, report: JobReport<ServerHealthResult>, cycle: Cycle): Promise<void> {
    const underway = this.#underway.get(job.regionId);
    if (underway === undefined) return;
    const { poll, plans, span } = underway;
    const { metrics, tracer } = this.#options;
    if (report.outcome.ok) {
      const { result } = report.outcome;
      metrics.requests(job.regionId, result.requests);
      spanFromCalls(tracer, span, result.calls);
      await this.#applyResult(underway, result, cycle);
    } else {
      const { error } = report.outcome;
      for (const { identityId } of job.projects) {
        poll.failed({ identityId, error, servers: plans.get(identityId)?.servers ?? [] });
      }
      if (job.projects.length === 0) poll.failed({ identityId: '', error, servers: [] });
    }
    underway.jobsLeft--;
    if (underway.jobsLeft > 0) return;
    this.#underway.delete(job.regionId);
    // The monitor's own end says nothing about the region.
    if (!cycle.signal.aborted) this.#finish(underway);
  }

  async #planRegion(
    regionId: string,
    servers: RegionServers | undefined,
    cycle: Cycle,
  ): Promise<readonly ServerHealthJob[]> {
    const { registry, clock, counts, problems, metrics } = this.#options;
    const poll = new RegionPoll(regionId, clock.monotonicMs());
    const span = this.#startSpan(regionId, cycle);
    const resolved = await registry.resolve(regionId, cycle.signal);
    if (cycle.signal.aborted) return [];
    if (!resolved.ok) {
      counts.remove(regionId);
      problems.report(regionId, [regionUnresolved(regionId, resolved.error)]);
      metrics.serversSkipped('region-unresolved', regionId, countServers(servers));
      this.#healthOf(regionId).failed(resolved.error, clock.monotonicMs());
      this.#ended(poll, span, resolved.error.code);
      return [];
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
    this.#plans.set(regionId, plans);
    return this.#begin({ poll, state, plans, span, scope: 'all', jobsLeft: 0 }, cycle);
  }

  /** Between two polls, only projects with servers that will soon be others than they are. */
  #planUnsettled(cycle: Cycle): readonly ServerHealthJob[] {
    const { registry, clock } = this.#options;
    const jobs: ServerHealthJob[] = [];
    for (const [regionId, state] of registry.states()) {
      if (state.unsettled.size === 0 || this.#healthOf(regionId).failure !== null) continue;
      const known = this.#plans.get(regionId) ?? new Map<string, ProjectPlan>();
      const plans = new Map([...known].filter(([identityId]) => state.unsettled.has(identityId)));
      if (plans.size === 0 || !cycle.claim(regionId)) continue;
      const poll = new RegionPoll(regionId, clock.monotonicMs());
      const span = this.#startSpan(regionId, cycle);
      jobs.push(...this.#begin({ poll, state, plans, span, scope: 'unsettled', jobsLeft: 0 }, cycle));
    }
    return jobs;
  }

  #begin(underway: Underway, cycle: Cycle): readonly ServerHealthJob[] {
    const { limits, clock } = this.#options;
    const { poll, state, plans, span, scope } = underway;
    const nowMs = clock.monotonicMs();
    const projects: ProjectPlan[] = [];
    for (const plan of plans.values()) {
      const pause = state.pauses.of(plan.identityId, nowMs);
      if (pause === null) projects.push(plan);
      else poll.failed({ identityId: plan.identityId, error: pause, servers: plan.servers });
    }
    const jobs = regionJobs({
      regionId: poll.regionId,
      state,
      projects,
      limits: { ...limits, deadlineMs: cycle.deadlineMs, traced: span.isRecording() },
      reconcile: scope === 'all',
      probe: this.#healthOf(poll.regionId).breakerOpen,
      pollNumber: cycle.number,
      nowMs: clock.now(),
      monotonicMs: nowMs,
    });
    underway.jobsLeft = jobs.length;
    if (jobs.length === 0) this.#finish(underway);
    else this.#underway.set(poll.regionId, underway);
    return jobs;
  }

  async #applyResult(underway: Underway, result: ServerHealthResult, cycle: Cycle): Promise<void> {
    const { poll, state, plans, span } = underway;
    const { clock, projector, turns } = this.#options;
    if (result.flavors !== null) {
      state.takeFlavors(result.flavors, clock.monotonicMs());
      // Where there are projects, they tell how the region is.
      if (result.flavors.outcome.ok && plans.size === 0) poll.answered();
    }
    const context = { poll, state, span, signal: cycle.signal };
    const due: DueWrite[] = [];
    for (const project of result.projects) {
      const plan = plans.get(project.identityId);
      if (plan === undefined) continue;
      const { identityId, servers } = plan;
      const believed = await turns.take(() => state.takeProject(project, plan.credentials, cycle.number));
      if (!project.outcome.ok) {
        state.pauses.begin(identityId, project.outcome.error, clock.monotonicMs());
        poll.failed({ identityId, error: project.outcome.error, servers });
        continue;
      }
      poll.answered();
      for (const { providerId, error } of state.view(identityId).malformed()) {
        poll.note(malformedRecord(poll.regionId, identityId, providerId, error));
      }
      if (believed) due.push(...(await projector.project(plan, context)));
      else poll.note(mostVanished(poll.regionId, identityId, servers.length));
    }
    // All projects are read first: the writes of one need not wait for those of another.
    await projector.write(due, context);
  }

  #finish(underway: Underway): void {
    const { poll, state, plans, span, scope } = underway;
    this.#showCounts(poll, plans, scope);
    if (scope === 'unsettled') {
      // What went wrong is the next poll's to tell: it comes soon, and asks everything.
      endSpan(span, poll.failure);
      return;
    }
    const { regionId } = poll;
    const { flavorError } = state;
    if (flavorError !== null) {
      // Where there is no project to ask, nothing else tells how the region is; they are not asked for at every poll.
      if (plans.size === 0) poll.failed({ identityId: '', error: flavorError, servers: [] });
      // A region that fails as a whole is one problem.
      if (poll.failure === null || !concernsRegion(poll.failure.code))
        poll.note(flavorsFailed(regionId, flavorError));
    }
    this.#judge(poll);
    this.#options.problems.report(regionId, poll.problems());
    this.#ended(poll, span, poll.outcome);
  }

  #judge(poll: RegionPoll): void {
    const health = this.#healthOf(poll.regionId);
    const nowMs = this.#options.clock.monotonicMs();
    if (poll.failure === null) health.succeeded(nowMs);
    else health.failed(poll.failure, nowMs);
    if (health.breakerOpen && poll.failure !== null) {
      poll.note(breakerOpened(poll.regionId, poll.failure, health.failures));
    }
  }

  /** Projects that were observed show what they have now; others nothing, or for a while what they had. */
  #showCounts(poll: RegionPoll, plans: ReadonlyMap<string, ProjectPlan>, scope: Cycle['scope']): void {
    const { counts, clock, holdLastKnownMs } = this.#options;
    const { regionId } = poll;
    for (const [identityId, ofProject] of poll.counts)
      counts.replace(regionId, identityId, ofProject.values());
    if (scope === 'unsettled') return;
    const lastGoodMs = this.#healthOf(regionId).lastGoodMs ?? Number.NEGATIVE_INFINITY;
    const held = clock.monotonicMs() - lastGoodMs < holdLastKnownMs;
    counts.retain(regionId, new Set(held ? plans.keys() : poll.counts.keys()));
  }

  #ended({ regionId, startedMs }: RegionPoll, span: Span, outcome: PollOutcome): void {
    const { metrics, clock } = this.#options;
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    const health = this.#healthOf(regionId);
    health.ended({ outcome, seconds, endedAt: clock.now() });
    metrics.regionPolled({ regionId, regionName: this.#nameOf(regionId), outcome, seconds });
    endSpan(span, health.failure);
  }

  #startSpan(regionId: string, cycle: Cycle): Span {
    return startRegionCheck(this.#options.tracer, cycle.span, {
      regionId,
      regionName: this.#nameOf(regionId),
    });
  }

  #healthOf(regionId: string): RegionHealth {
    let health = this.#health.get(regionId);
    if (health === undefined) {
      health = new RegionHealth({ pollPeriodMs: this.#options.pollPeriodMs, random: Math.random });
      this.#health.set(regionId, health);
    }
    return health;
  }

  #nameOf(regionId: string): string {
    for (const { name, displayName } of this.#options.regions.values())
      if (name === regionId) return displayName;
    return '';
  }

  #forgetAllBut(regionIds: ReadonlySet<string>): void {
    const { registry, counts, problems, onRegionGone } = this.#options;
    registry.retain(regionIds);
    for (const regionId of this.#health.keys()) {
      if (regionIds.has(regionId)) continue;
      this.#health.delete(regionId);
      this.#plans.delete(regionId);
      counts.remove(regionId);
      problems.forget(regionId);
      onRegionGone(regionId);
    }
  }
}

function countServers(servers: RegionServers | undefined): number {
  if (servers === undefined) return 0;
  let count = servers.withoutIdentity.length;
  for (const ofIdentity of servers.identities.values()) count += ofIdentity.length;
  return count;
}
