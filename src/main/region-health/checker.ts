// The region-health check, the half on main: asks each region for its services, and projects what came back onto Region
// objects, the gauge and the log.
//
// It needs a login of the region's service account for nothing but the catalog, and shares it with the server-health check.

import { isDeepStrictEqual } from 'node:util';
import type { Span, Tracer } from '@opentelemetry/api';
import type { Checker, Cycle, JobReport } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import { findCondition, type Health, healthyType } from '../../shared/conditions.ts';
import type { CheckError } from '../../shared/errors.ts';
import {
  type RegionHealthJob,
  type RegionHealthResult,
  regionServices,
  type ServiceAnswer,
} from '../../shared/region-health.ts';
import type { RegionLimits } from '../../shared/region-job.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import { Lead, leaderFirst } from '../checks/lead.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { EndedPolls } from '../polls/ended-polls.ts';
import type { Problem } from '../problems/problem.ts';
import type { ProblemLog } from '../problems/problem-log.ts';
import { scopeOf } from '../problems/problem-scope.ts';
import type { ObjectWrites } from '../projection/object-writes.ts';
import type { WriteProblems } from '../projection/write-problems.ts';
import type { AccessOutcome, AccessReader } from '../regions/access.ts';
import { Question } from '../regions/question.ts';
import type { Region, RegionAccess } from '../regions/region.ts';
import type { Regions } from '../regions/regions.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { endSpan, spanFromCalls, startRegionCheck } from '../telemetry/tracing.ts';
import { notAsked, serviceFailed } from './problems.ts';
import { RegionServices } from './services.ts';
import { isOutage, type Sight, verdictOf, withLogin } from './verdict.ts';

export interface RegionHealthOptions {
  readonly worker: URL;
  readonly regions: Regions;
  readonly access: AccessReader;
  readonly endedPolls: EndedPolls;
  readonly writes: ObjectWrites<RegionRecord, Health>;
  readonly writeProblems: WriteProblems<RegionRecord>;
  readonly problems: Pick<ProblemLog, 'report'>;
  readonly objects: Pick<ObjectView<RegionRecord>, 'get'>;
  readonly metrics: Pick<Metrics, 'requests' | 'regionPolled'>;
  /** Records how long a service took. */
  readonly onAnswer: (region: Region, answer: ServiceAnswer) => void;
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** The check that looks after access and logins; null where this one must. */
  readonly leader: string | null;
  readonly limits: RegionLimits;
}

interface Underway {
  readonly region: Region;
  readonly question: Question;
  readonly span: Span;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  /** Null where there is nothing to say of the region. */
  sight: Sight | null;
  /** Why no login is tried; null where one may be. */
  refusal: CheckError | null;
}

export class RegionHealthChecker implements Checker<RegionHealthJob, RegionHealthResult> {
  readonly name = 'region-health';
  readonly worker: URL;
  readonly #options: RegionHealthOptions;
  /** Where no other check leads. */
  readonly #leading: Lead;
  /** By key of the region. */
  readonly #services = new Map<string, RegionServices>();
  readonly #underway = new Map<string, Underway>();

  constructor(options: RegionHealthOptions) {
    this.worker = options.worker;
    this.#options = options;
    this.#leading = new Lead(options);
  }

  regions(cycle: Cycle): Iterable<RegionRef> {
    if (cycle.scope === 'unsettled') return [];
    const { regions, access, leader } = this.#options;
    regions.update([], this.name);
    if (leader === null) access.retainSecrets();
    return [...regions.values()].filter(({ record }) => record !== null);
  }

  async plan(ref: RegionRef, cycle: Cycle): Promise<readonly RegionHealthJob[]> {
    const { regions, clock, tracer } = this.#options;
    const region = regions.get(ref);
    if (region === undefined) return [];
    const startedMs = clock.monotonicMs();
    const { record } = region;
    const resolved = await this.#access(region, cycle);
    if (resolved === null) return [];
    const { name: regionId, displayName: regionName } = region;
    const span = startRegionCheck(tracer, cycle.span, { regionId, regionName });
    const underway: Underway = {
      region,
      question: new Question(region, record, this.#options.access),
      span,
      startedMs,
      sight: null,
      refusal: null,
    };
    this.#underway.set(regionKey(ref), underway);
    if (!resolved.ok) {
      this.#unasked(underway, resolved.error);
      return [];
    }
    if (resolved.result.target.provider !== 'simulated') return [this.#job(underway, resolved.result, cycle)];
    underway.sight = { kind: 'simulated' };
    return [];
  }

  async apply(job: RegionHealthJob, { outcome }: JobReport<RegionHealthResult>): Promise<void> {
    const underway = this.#underway.get(regionKey(job.region));
    if (underway === undefined) return;
    const { metrics, tracer, onAnswer } = this.#options;
    const { region, question, span, refusal } = underway;
    if (!outcome.ok) {
      if (question.isCurrent()) this.#unasked(underway, outcome.error);
      return;
    }
    const { documents, session, requests, calls } = outcome.result;
    metrics.requests(region.name, requests);
    spanFromCalls(tracer, span, calls);
    if (!question.isCurrent()) return;
    for (const answer of outcome.result.answers) onAnswer(region, answer);
    const loginError = outcome.result.loginError ?? refusal;
    const answers = withLogin(outcome.result.answers, loginError);
    if (job.credentials !== null) this.#keepLogin(region, { loginError, session }, job);
    region.services = new Map(answers.map(({ service, error }) => [service, error === null]));
    const believed = this.#servicesOf(region).takeAnswers(answers, documents);
    // The next poll reads the catalog again, where it can.
    if (!believed && region.services.get('identity') === true) region.login.drop();
    underway.sight = { kind: 'asked', answers, loginError };
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
    const { region, sight, span, startedMs } = underway;
    if (sight === null) {
      endSpan(span);
      return;
    }
    const { problems, writeProblems, leader } = this.#options;
    const found = [...this.#problems(region, sight), ...writeProblems.of(region)];
    problems.report(scopeOf(region, this.name), found);
    const failure = failureOf(sight);
    if (leader === null) {
      const outcome = failure?.code ?? (found.length === 0 ? 'ok' : 'partial');
      this.#leading.judge(region, failure);
      this.#leading.ended(region, { outcome, startedMs });
    }
    this.#show(region, sight, { span, signal: cycle.signal });
    endSpan(span, failure);
  }

  /** Drops what is remembered of a region that is gone. */
  forget(region: Region): void {
    const underway = this.#underway.get(regionKey(region));
    if (underway !== undefined) endSpan(underway.span);
    this.#underway.delete(regionKey(region));
    this.#services.delete(regionKey(region));
    this.#options.writeProblems.forget(region);
  }

  /** Null when the region is not to be asked. */
  async #access(region: Region, cycle: Cycle): Promise<AccessOutcome | null> {
    const { leader, endedPolls, clock, access, regions } = this.#options;
    if (leader === null) return this.#leading.begin(region, cycle);
    if (region.access === null || region.login.session(region.access.service ?? undefined) === undefined)
      await leaderFirst(leader, region, { cycle, endedPolls, clock });
    const resolved = await access.read(region.record, cycle.signal);
    if (cycle.signal.aborted || regions.get(region) !== region) return null;
    if (resolved.ok) region.use(resolved.result);
    return resolved;
  }

  #unasked(underway: Underway, error: CheckError): void {
    const { region } = underway;
    this.#servicesOf(region).lose();
    region.services = new Map();
    underway.sight = { kind: 'unasked', error };
  }

  #job(underway: Underway, { target, service }: RegionAccess, cycle: Cycle): RegionHealthJob {
    const { region, span } = underway;
    const { limits, clock } = this.#options;
    const session = region.login.session(service ?? undefined);
    if (session === undefined) underway.refusal = region.loginPause.errorAt(clock.monotonicMs());
    return {
      region: { namespace: region.namespace, name: region.name },
      deadlineMs: cycle.deadlineMs,
      target,
      credentials: underway.refusal === null ? service : null,
      ...(session === undefined ? {} : { session }),
      documents: this.#servicesOf(region).documents,
      ...limits,
      // One for each: a service that hangs must not keep the others from being asked.
      concurrency: regionServices.length,
      traced: span.isRecording(),
    };
  }

  #keepLogin(region: Region, { loginError, session }: LoginOutcome, sent: RegionHealthJob): void {
    const { clock } = this.#options;
    const service = sent.credentials ?? undefined;
    // Another account counts by now.
    if (!isDeepStrictEqual(region.access?.service, service)) return;
    region.loginPause.take(loginError, clock.monotonicMs());
    const now = region.login.session(service);
    // A login that another check has made meanwhile stays.
    if (now?.token === sent.session?.token && now?.token !== session?.token)
      region.login.keep(service, session);
  }

  #problems(region: Region, sight: Sight): readonly Problem[] {
    if (sight.kind === 'simulated') return [];
    if (sight.kind === 'unasked')
      return sight.error.code === 'unsupported' ? [] : [notAsked(region.name, sight.error)];
    const { loginError } = sight;
    const failing = this.#servicesOf(region).failing.map((each) => serviceFailed(region.name, each));
    if (loginError === null) return failing;
    // Without a login, nothing is known of the others.
    if (isOutage(loginError)) return failing.map((problem) => ({ ...problem, hidesOthers: true }));
    return [...failing, notAsked(region.name, loginError)];
  }

  #show(
    region: Region,
    sight: Sight,
    { span, signal }: { readonly span: Span; readonly signal: AbortSignal },
  ): void {
    const { objects, writes, writeProblems } = this.#options;
    const object = objects.get(region.namespace, region.name);
    const verdict = verdictOf(sight);
    if (object === undefined || object.deleting || verdict === null) return;
    const shown = findCondition(object.conditions, healthyType);
    const observation = this.#servicesOf(region).settling.take(verdict, shown);
    if (observation === null) return;
    if (writes.isIdle(object, observation)) {
      writeProblems.take(region, object, { kind: 'stands', object });
      return;
    }
    writes.submit({
      object,
      observation,
      region,
      span,
      signal,
      settled: (written) => {
        if (!signal.aborted) writeProblems.take(region, object, written);
      },
    });
  }

  #servicesOf(region: Region): RegionServices {
    const key = regionKey(region);
    let services = this.#services.get(key);
    if (services?.era !== region.era) {
      services = new RegionServices(region);
      this.#services.set(key, services);
    }
    return services;
  }
}

type LoginOutcome = Pick<RegionHealthResult, 'loginError' | 'session'>;

/** Why the region did not answer; null when it did. */
function failureOf(sight: Sight): CheckError | null {
  if (sight.kind === 'simulated') return null;
  if (sight.kind === 'unasked') return sight.error;
  const identity = sight.answers.find(({ service }) => service === 'identity');
  return sight.loginError ?? identity?.error ?? null;
}
