// The load-balancer-health check, the half on main: plans one job for each region, and projects what came back onto
// LoadBalancer objects, counts and logs.
//
// Beside the server-health check it uses what that has: the region's access, and the logins of identities with servers. So
// a region is asked for its load balancers once its servers were asked for, where there is no login yet.

import type { Tracer } from '@opentelemetry/api';
import type { Checker, Cycle, JobReport } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import type { CheckError } from '../../shared/errors.ts';
import {
  type LoadBalancerHealthJob,
  type LoadBalancerHealthResult,
  type LoadBalancerList,
  lacksService,
} from '../../shared/load-balancer-health.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import type { RegionLimits } from '../../shared/region-job.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import { countObjects, type GroupedObjects, groupObjects, type RegionObjects } from '../checks/grouping.ts';
import { Lead, leaderFirst } from '../checks/lead.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { EndedPolls } from '../polls/ended-polls.ts';
import type { ProblemLog } from '../problems/problem-log.ts';
import { noRegion, scopeOf } from '../problems/problem-scope.ts';
import type { StateCounts } from '../projection/state-counts.ts';
import type { WriteProblems } from '../projection/write-problems.ts';
import type { AccessReader } from '../regions/access.ts';
import { inTurn } from '../regions/in-turn.ts';
import { Question } from '../regions/question.ts';
import type { Region } from '../regions/region.ts';
import type { Regions } from '../regions/regions.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { endSpan, spanFromCalls, startRegionCheck } from '../telemetry/tracing.ts';
import {
  checkFailed,
  malformedRecord,
  missingIdentityLabel,
  missingRegionLabel,
  mostVanished,
  serviceFailed,
} from './problems.ts';
import type { LoadBalancerProjector, LoadBalancerState } from './projector.ts';
import { LoadBalancerProject } from './projects.ts';
import { problemsOf, type Underway } from './underway.ts';

export interface LoadBalancerHealthOptions {
  readonly worker: URL;
  readonly regions: Regions;
  readonly access: AccessReader;
  readonly endedPolls: EndedPolls;
  readonly objects: Pick<ObjectView<LoadBalancerRecord>, 'values'>;
  readonly projector: LoadBalancerProjector;
  readonly writeProblems: WriteProblems<LoadBalancerRecord>;
  readonly counts: StateCounts<LoadBalancerState>;
  readonly problems: Pick<ProblemLog, 'report'>;
  readonly metrics: Pick<Metrics, 'requests' | 'regionPolled'>;
  readonly tracer: Tracer;
  readonly clock: Clock;
  readonly pollPeriodMs: number;
  readonly holdLastKnownMs: number;
  /** The check that looks after access and logins; null where this one must. */
  readonly leader: string | null;
  readonly limits: RegionLimits;
}

/** Such a region is neither up nor down. */
const nothingToAsk: CheckError = { code: 'unsupported', message: 'region has no load balancers' };

export class LoadBalancerHealthChecker implements Checker<LoadBalancerHealthJob, LoadBalancerHealthResult> {
  readonly name = 'load-balancer-health';
  readonly worker: URL;
  readonly #options: LoadBalancerHealthOptions;
  /** Where no other check leads. */
  readonly #leading: Lead;
  /** By key of the region, then by identity. */
  readonly #projects = new Map<string, Map<string, LoadBalancerProject>>();
  readonly #underway = new Map<string, Underway>();
  #objects: GroupedObjects<LoadBalancerRecord>['regions'] = new Map();

  constructor(options: LoadBalancerHealthOptions) {
    this.worker = options.worker;
    this.#options = options;
    this.#leading = new Lead(options);
  }

  async regions(cycle: Cycle): Promise<Iterable<RegionRef>> {
    // Load balancers change slowly: they are asked for by whole polls only.
    if (cycle.scope === 'unsettled') return [];
    const { objects, problems, regions, access, leader } = this.#options;
    const grouped = await groupObjects(objects.values());
    problems.report(`${noRegion} ${this.name}`, grouped.withoutRegion.map(missingRegionLabel));
    this.#objects = grouped.regions;
    const named = [...grouped.regions.values()].map(({ region }) => region);
    regions.update(named, this.name);
    if (leader === null) {
      access.retainSecrets();
      return [...regions.values()];
    }
    // Also those that had some, so that what was reported of them ends.
    const had = [...this.#projects.keys()].filter((key) => !grouped.regions.has(key));
    return [...named, ...[...regions.values()].filter((region) => had.includes(regionKey(region)))];
  }

  async plan(ref: RegionRef, cycle: Cycle): Promise<readonly LoadBalancerHealthJob[]> {
    const { regions, limits, clock, endedPolls, leader } = this.#options;
    const region = regions.get(ref);
    if (region === undefined) return [];
    const objects = this.#objects.get(regionKey(ref));
    const mustWait = leader !== null && (region.redefined || !this.#loggedIn(region, objects));
    if (mustWait) await leaderFirst(leader, region, { cycle, endedPolls, clock });
    if (leader === null && !(await this.#lead(region, cycle))) return [];
    const { access, record, redefined } = region;
    if (access === null || redefined || access.target.provider !== 'openstack' || cycle.signal.aborted) {
      this.#options.counts.retain(region, new Set());
      return [];
    }
    const span = startRegionCheck(this.#options.tracer, cycle.span, {
      regionId: region.name,
      regionName: region.displayName,
    });
    const underway: Underway = {
      region,
      question: new Question(region, record, this.#options.access),
      span,
      problems: [],
      failures: [],
      answered: false,
      startedMs: clock.monotonicMs(),
    };
    this.#underway.set(regionKey(ref), underway);
    underway.problems.push(...(objects?.withoutIdentity ?? []).map(missingIdentityLabel));
    const nowMs = clock.monotonicMs();
    const projects = inTurn(this.#update(underway, objects)).flatMap((project) => {
      const paused = project.pausedFor(region, nowMs);
      if (paused !== null) underway.failures.push({ project, error: paused });
      const task = paused === null ? project.task(region) : null;
      return task === null ? [] : [task];
    });
    if (projects.length === 0) return [];
    const { target } = access;
    const traced = span.isRecording();
    // A region that fails is asked for one project only.
    const asked = region.health.breakerOpen ? projects.slice(0, 1) : projects;
    return [{ region: ref, deadlineMs: cycle.deadlineMs, target, projects: asked, ...limits, traced }];
  }

  async apply(
    job: LoadBalancerHealthJob,
    { outcome }: JobReport<LoadBalancerHealthResult>,
    cycle: Cycle,
  ): Promise<void> {
    const underway = this.#underway.get(regionKey(job.region));
    const known = this.#projects.get(regionKey(job.region));
    if (underway === undefined || known === undefined) return;
    const { metrics, tracer } = this.#options;
    const { question } = underway;
    if (!outcome.ok) {
      if (!question.isCurrent()) return;
      for (const { identityId } of job.projects) {
        const project = question.current(known.get(identityId));
        if (project !== undefined) underway.failures.push({ project, error: outcome.error });
      }
      return;
    }
    const { requests, calls, projects } = outcome.result;
    metrics.requests(job.region.name, requests);
    spanFromCalls(tracer, underway.span, calls);
    if (!question.isCurrent()) return;
    for (const answer of projects) {
      const project = question.current(known.get(answer.identityId));
      if (project !== undefined) await this.#take(underway, project, answer, cycle);
    }
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
    const { region, question, span } = underway;
    const { problems, writeProblems, counts } = this.#options;
    if (question.overtaken && !underway.answered && underway.failures.length === 0) {
      // What it is now, the next poll shows.
      counts.retain(region, new Set());
      endSpan(span);
      return;
    }
    problems.report(scopeOf(region, this.name), [...problemsOf(underway), ...writeProblems.of(region)]);
    this.#retainCounts(region, underway);
    const { failures, answered, startedMs } = underway;
    const error = answered ? null : (failures[0]?.error ?? null);
    // A region without the service is none that fails.
    const failure = error !== null && lacksService(error) ? null : error;
    if (this.#options.leader === null) {
      const outcome = failure?.code ?? (failures.length === 0 ? 'ok' : 'partial');
      this.#leading.judge(region, failure);
      this.#leading.ended(region, { outcome, startedMs });
    }
    endSpan(span, failure);
  }

  /** Drops what is remembered of a region that is gone. */
  forget(region: Region): void {
    const underway = this.#underway.get(regionKey(region));
    if (underway !== undefined) endSpan(underway.span);
    this.#underway.delete(regionKey(region));
    this.#projects.delete(regionKey(region));
    this.#options.counts.remove(region);
    this.#options.writeProblems.forget(region);
  }

  /** False when the region is not to be asked. */
  async #lead(region: Region, cycle: Cycle): Promise<boolean> {
    const resolved = await this.#leading.begin(region, cycle);
    if (resolved === null) return false;
    const objects = this.#objects.get(regionKey(region));
    const count = objects === undefined ? 0 : countObjects(objects);
    const asked = count > 0 || this.#projects.has(regionKey(region));
    if (resolved.ok && asked) return true;
    this.#leading.judge(region, resolved.ok ? nothingToAsk : resolved.error);
    const problems = resolved.ok ? [] : [serviceFailed(region.name, resolved.error, count)];
    this.#options.problems.report(scopeOf(region, this.name), problems);
    return false;
  }

  /** The projects as their objects and identities are now. */
  #update(
    underway: Underway,
    objects: RegionObjects<LoadBalancerRecord> | undefined,
  ): readonly LoadBalancerProject[] {
    const { access, pollPeriodMs } = this.#options;
    const { region, problems } = underway;
    const before = this.#projects.get(regionKey(region));
    const now = new Map<string, LoadBalancerProject>();
    for (const [identityId, ofIdentity] of objects?.identities ?? []) {
      const credentials =
        region.access === null ? null : access.credentials(region, region.access, identityId);
      if (credentials?.ok === true && credentials.result !== undefined) {
        const known = before?.get(identityId);
        const project =
          known?.isOf(region, credentials.result) === true
            ? known
            : new LoadBalancerProject(identityId, region, pollPeriodMs);
        project.use(credentials.result);
        project.objects = ofIdentity;
        now.set(identityId, project);
      } else if (credentials?.ok === false) {
        const { error } = credentials;
        problems.push(...ofIdentity.map((object) => checkFailed(object, error)));
      }
    }
    if (now.size === 0) this.#projects.delete(regionKey(region));
    else this.#projects.set(regionKey(region), now);
    return [...now.values()];
  }

  #loggedIn(region: Region, objects: RegionObjects<LoadBalancerRecord> | undefined): boolean {
    const known = this.#projects.get(regionKey(region));
    return [...(objects?.identities.keys() ?? [])].every((id) => known?.get(id)?.loggedIn(region) === true);
  }

  async #take(
    underway: Underway,
    project: LoadBalancerProject,
    answer: LoadBalancerList,
    cycle: Cycle,
  ): Promise<void> {
    const { clock, projector } = this.#options;
    const { region, span, problems, failures } = underway;
    const { identityId, objects, view } = project;
    const believed = project.take(region, answer, clock.monotonicMs());
    if (!answer.outcome.ok) {
      failures.push({ project, error: answer.outcome.error });
      return;
    }
    underway.answered = true;
    for (const record of view.malformed) problems.push(malformedRecord(region.name, identityId, record));
    if (!believed) problems.push(mostVanished(region.name, identityId, objects.length));
    else problems.push(...(await projector.project(project, { region, span, signal: cycle.signal })));
  }

  /** Projects that were not listed show nothing, or for a while what they had. */
  #retainCounts(region: Region, { failures }: Underway): void {
    const { counts, clock, holdLastKnownMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const failed = new Set(failures.map(({ project }) => project));
    const shown = [...(this.#projects.get(regionKey(region))?.values() ?? [])].filter(
      (project) =>
        !failed.has(project) || (project.lastGoodMs !== null && nowMs - project.lastGoodMs < holdLastKnownMs),
    );
    counts.retain(region, new Set(shown.map(({ identityId }) => identityId)));
  }
}
