// The server-health check, the half on main: plans the jobs of each region, and projects what came back onto Server objects,
// counts and logs. Each job's answer is applied as it arrives, whatever the other regions do.

import type { Span, Tracer } from '@opentelemetry/api';
import type { Checker, Cycle, JobReport } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import { concernsRegion } from '../../shared/errors.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { ServerHealthJob, ServerHealthResult } from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import { countObjects, groupObjects, type RegionObjects } from '../checks/grouping.ts';
import { Lead } from '../checks/lead.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { Definitions } from '../kubernetes/objects/profile.ts';
import type { EventLoopTurns } from '../polls/event-loop-turns.ts';
import type { ProblemLog } from '../problems/problem-log.ts';
import { noRegion, scopeOf } from '../problems/problem-scope.ts';
import type { StateCounts } from '../projection/state-counts.ts';
import type { WriteProblems } from '../projection/write-problems.ts';
import type { AccessReader } from '../regions/access.ts';
import type { Project } from '../regions/project.ts';
import { Question } from '../regions/question.ts';
import type { Region } from '../regions/region.ts';
import type { Regions } from '../regions/regions.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { endSpan, spanFromCalls, startRegionCheck } from '../telemetry/tracing.ts';
import { type JobLimits, regionJobs } from './jobs.ts';
import { RegionPoll } from './poll.ts';
import {
  breakerOpened,
  flavorsFailed,
  listTooLarge,
  malformedRecord,
  missingRegionLabel,
  mostVanished,
  nodeProblems,
} from './problems.ts';
import type { ServerProjector } from './projector.ts';

export interface ServerHealthOptions {
  /** Module of the worker half. */
  readonly worker: URL;
  readonly regions: Regions;
  readonly access: AccessReader;
  readonly servers: Pick<ObjectView<ServerRecord>, 'values'>;
  readonly projector: ServerProjector;
  readonly writeProblems: WriteProblems<ServerRecord>;
  readonly counts: StateCounts;
  readonly problems: Pick<ProblemLog, 'report'>;
  readonly definitions: Pick<Definitions, 'profile'>;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly turns: EventLoopTurns;
  /** How long to keep the last known counts of projects that cannot be observed. */
  readonly holdLastKnownMs: number;
  readonly limits: Omit<JobLimits, 'deadlineMs' | 'traced'>;
}

/** A region's poll that is under way. */
interface Underway {
  readonly poll: RegionPoll;
  readonly region: Region;
  readonly question: Question;
  /** The projects that are polled, by identity. */
  readonly projects: ReadonlyMap<string, Project>;
  readonly span: Span;
}

export class ServerHealthChecker implements Checker<ServerHealthJob, ServerHealthResult> {
  readonly name = 'server-health';
  readonly worker: URL;
  readonly #options: ServerHealthOptions;
  readonly #leading: Lead;
  /** By key of the region. */
  readonly #underway = new Map<string, Underway>();
  /** The servers of each region, as of the last cycle. */
  #servers: ReadonlyMap<string, RegionObjects<ServerRecord>> = new Map();

  constructor(options: ServerHealthOptions) {
    this.worker = options.worker;
    this.#options = options;
    this.#leading = new Lead(options);
  }

  async regions(cycle: Cycle): Promise<Iterable<RegionRef>> {
    const { servers, regions, access, problems, metrics } = this.#options;
    if (cycle.scope === 'unsettled')
      return [...regions.values()].filter(({ unsettled, health }) => unsettled && health.failure === null);
    const grouped = await groupObjects(servers.values());
    problems.report(noRegion, grouped.withoutRegion.map(missingRegionLabel));
    metrics.serversSkipped('missing-region-label', '', grouped.withoutRegion.length);
    this.#servers = grouped.regions;
    regions.update(
      [...grouped.regions.values()].map(({ region }) => region),
      this.name,
    );
    access.retainSecrets();
    return [...regions.values()];
  }

  async plan(ref: RegionRef, cycle: Cycle): Promise<readonly ServerHealthJob[]> {
    const region = this.#options.regions.get(ref);
    if (region === undefined) return [];
    return cycle.scope === 'all' ? this.#planAll(region, cycle) : this.#planUnsettled(region, cycle);
  }

  async apply(job: ServerHealthJob, report: JobReport<ServerHealthResult>, cycle: Cycle): Promise<void> {
    const underway = this.#underway.get(regionKey(job.region));
    if (underway === undefined) return;
    const { poll, question, projects, span } = underway;
    const { metrics, tracer } = this.#options;
    if (report.outcome.ok) {
      const { result } = report.outcome;
      metrics.requests(job.region.name, result.requests);
      spanFromCalls(tracer, span, result.calls);
      await this.#applyResult(underway, job, result, cycle);
      return;
    }
    if (!question.isCurrent()) return;
    const { error } = report.outcome;
    for (const { identityId } of job.projects) {
      const project = question.current(projects.get(identityId));
      if (project !== undefined) poll.failed({ identityId, error, servers: project.servers });
    }
    if (job.projects.length === 0) poll.failed({ identityId: '', error, servers: [] });
  }

  finish(ref: RegionRef, cycle: Cycle): void {
    const underway = this.#underway.get(regionKey(ref));
    this.#underway.delete(regionKey(ref));
    if (underway === undefined) return;
    if (cycle.signal.aborted) {
      // The monitor's own end says nothing about the region.
      endSpan(underway.span);
      return;
    }
    const { poll, question, region, span } = underway;
    // What it is now, the next poll shows.
    const inconclusive = question.overtaken && !poll.conclusive;
    this.#showCounts(underway, inconclusive ? 'all' : cycle.scope);
    if (inconclusive || cycle.scope === 'unsettled') {
      // What went wrong is reported by the next poll: it comes soon, and asks everything.
      endSpan(span, poll.failure);
      return;
    }
    this.#noteFlavors(underway);
    poll.writesFailed(this.#options.writeProblems.of(region));
    this.#judge(underway);
    this.#options.problems.report(scopeOf(region, this.name), poll.problems());
    this.#leading.ended(region, poll);
    endSpan(span, region.health.failure);
  }

  /** Drops what is remembered of a region that is gone. */
  forget(region: Region): void {
    const underway = this.#underway.get(regionKey(region));
    if (underway !== undefined) endSpan(underway.span);
    this.#underway.delete(regionKey(region));
    this.#options.counts.remove(region);
    this.#options.writeProblems.forget(region);
  }

  async #planAll(region: Region, cycle: Cycle): Promise<readonly ServerHealthJob[]> {
    const { access, clock, metrics } = this.#options;
    const servers = this.#servers.get(regionKey(region));
    region.servers = servers === undefined ? 0 : countObjects(servers);
    const startedMs = clock.monotonicMs();
    const { record } = region;
    const resolved = await access.read(record, cycle.signal);
    // It may be gone meanwhile, or another replica's.
    if (cycle.signal.aborted || this.#options.regions.get(region) !== region) return [];
    // A change of the Secret ends a rest, so it was read first.
    if (resolved.ok) region.use(resolved.result);
    if (!region.health.takeTurn(clock.monotonicMs())) return [];
    const poll = new RegionPoll(region.name, startedMs);
    const projects = new Map<string, Project>();
    const question = new Question(region, record, access);
    const underway = this.#begin(region, { poll, question, projects }, cycle);
    if (!resolved.ok) {
      if (resolved.lasting) region.loseAccess();
      metrics.serversSkipped('region-unresolved', region.name, region.servers);
      poll.unresolved(resolved.error);
      return [];
    }
    for (const server of servers?.withoutIdentity ?? []) {
      const message = `consistency error: server ${server.name} missing identity label`;
      poll.serverFailed(server, { code: 'invalid-config', message });
    }
    for (const [identityId, ofIdentity] of servers?.identities ?? []) {
      const credentials = access.credentials(region, resolved.result, identityId);
      if (credentials.ok) {
        const project = region.useProject(identityId, credentials.result);
        project.servers = ofIdentity;
        projects.set(identityId, project);
      } else {
        for (const server of ofIdentity)
          poll.serverFailed(server, credentials.error, { identity: identityId });
      }
    }
    region.retainProjects(new Set(projects.keys()));
    return this.#jobs(underway, cycle);
  }

  /** Between two polls, only projects with servers that will soon be different. */
  #planUnsettled(region: Region, cycle: Cycle): readonly ServerHealthJob[] {
    const projects = new Map([...region.projects].filter(([, { unsettled }]) => unsettled));
    const poll = new RegionPoll(region.name, this.#options.clock.monotonicMs());
    const question = new Question(region, region.record, this.#options.access);
    return this.#jobs(this.#begin(region, { poll, question, projects }, cycle), cycle);
  }

  #begin(region: Region, of: Pick<Underway, 'poll' | 'question' | 'projects'>, cycle: Cycle): Underway {
    const underway = { ...of, region, span: this.#startSpan(region, cycle) };
    this.#underway.set(regionKey(region), underway);
    return underway;
  }

  #jobs({ poll, region, projects, span }: Underway, cycle: Cycle): readonly ServerHealthJob[] {
    const { limits, clock } = this.#options;
    const { access, health } = region;
    if (access === null) return [];
    const nowMs = clock.monotonicMs();
    const asked: Project[] = [];
    for (const project of projects.values()) {
      const { identityId, servers } = project;
      const error = project.pausedFor(nowMs);
      if (error === null) asked.push(project);
      else poll.failed({ identityId, error, servers });
    }
    return regionJobs({
      region,
      access,
      projects: asked,
      limits: { ...limits, deadlineMs: cycle.deadlineMs, traced: span.isRecording() },
      reconcile: cycle.scope === 'all',
      profile: this.#options.definitions.profile,
      probe: health.breakerOpen,
      pollNumber: cycle.number,
      nowMs: clock.now(),
      monotonicMs: nowMs,
    });
  }

  async #applyResult(
    underway: Underway,
    job: ServerHealthJob,
    result: ServerHealthResult,
    cycle: Cycle,
  ): Promise<void> {
    const { poll, question, region, projects, span } = underway;
    const { clock, projector, turns } = this.#options;
    if (!question.isCurrent()) return;
    if (result.flavors !== null) {
      region.takeFlavors(result.flavors, clock.monotonicMs());
      // Where there are projects, they show how the region is.
      if (result.flavors.outcome.ok && projects.size === 0) poll.answered();
    }
    const completeOnly = new Set(
      job.projects.flatMap(({ identityId, changesSince }) =>
        changesSince === undefined ? [identityId] : [],
      ),
    );
    for (const answer of result.projects) {
      const project = question.current(projects.get(answer.identityId));
      if (project === undefined) continue;
      const { identityId, servers, view } = project;
      const complete = completeOnly.has(identityId);
      const asked = { pollNumber: cycle.number, nowMs: clock.monotonicMs(), complete };
      const believed = await turns.run(project.take(answer, asked));
      if (answer.outcome.ok) project.nodes.take(answer.nodes, clock.monotonicMs());
      if (!answer.outcome.ok) {
        poll.failed({ identityId, error: answer.outcome.error, servers });
        continue;
      }
      poll.answered();
      if (project.listFailure !== null)
        poll.note(listTooLarge(poll.regionId, identityId, project.listFailure));
      for (const problem of nodeProblems(poll.regionId, project)) poll.note(problem);
      for (const { providerId, error } of view.malformed())
        poll.note(malformedRecord(poll.regionId, identityId, providerId, error));
      if (believed) await projector.project(project, { poll, region, span, signal: cycle.signal });
      else poll.note(mostVanished(poll.regionId, identityId, servers.length));
    }
  }

  #noteFlavors({ poll, region, projects }: Underway): void {
    const { error } = region.flavors;
    if (error === null || region.access === null) return;
    // Without a project to ask, nothing else shows how the region is.
    if (projects.size === 0) poll.failed({ identityId: '', error, servers: [] });
    // A region that fails as a whole is one problem.
    if (poll.failure === null || !concernsRegion(poll.failure.code))
      poll.note(flavorsFailed(region.name, error));
  }

  #judge({ poll, region }: Underway): void {
    this.#leading.judge(region, poll.failure);
    const { health, name } = region;
    if (health.breakerOpen && poll.failure !== null)
      poll.note(breakerOpened(name, poll.failure, health.failures));
  }

  /** Projects that were observed show what they have now; others nothing, or for a while what they had. */
  #showCounts({ poll, region }: Underway, scope: Cycle['scope']): void {
    const { counts, clock, holdLastKnownMs } = this.#options;
    for (const [identityId, ofProject] of poll.counts) counts.replace(region, identityId, ofProject);
    if (scope === 'unsettled') return;
    const nowMs = clock.monotonicMs();
    const shown = new Set(poll.counts.keys());
    for (const { identityId, lastGoodMs } of region.projects.values())
      if (lastGoodMs !== null && nowMs - lastGoodMs < holdLastKnownMs) shown.add(identityId);
    counts.retain(region, shown);
  }

  #startSpan({ name, displayName }: Region, cycle: Cycle): Span {
    return startRegionCheck(this.#options.tracer, cycle.span, { regionId: name, regionName: displayName });
  }
}
