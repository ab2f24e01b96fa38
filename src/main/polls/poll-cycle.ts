// The polls of one checker. Each region is polled by itself: planned, its jobs dispatched to the pool, each report applied
// as it comes, and finished when the last one was. A region whose earlier poll has not finished is skipped and counted,
// never queued twice.

import type { Tracer } from '@opentelemetry/api';
import type { Checker, CheckJob, Cycle } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { Logger } from '../log/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { endSpan, startPoll } from '../telemetry/tracing.ts';
import type { CheckerPool } from './checker-pool.ts';

export interface PollCycleOptions<Job extends CheckJob, Result> {
  readonly checker: Checker<Job, Result>;
  readonly pool: Pick<CheckerPool, 'run'>;
  readonly checkTimeoutMs: number;
  /** For what is asked between two polls. */
  readonly unsettledTimeoutMs: number;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'pollStarted' | 'pollSkipped' | 'jobDone'>;
  readonly tracer: Tracer;
  readonly logger: Logger;
  /** Asked right before each job: another replica may have the region by then. */
  readonly mayPoll?: ((region: RegionRef) => boolean) | undefined;
  /** Called when a whole poll of a region has ended. */
  readonly onFinished?: (check: string, region: RegionRef, number: number) => void;
  /** Aborts when the monitor shuts down. */
  readonly signal: AbortSignal;
}

/** A poll cycle, whatever its checker's jobs and results are. */
export interface Pollable {
  /** With `isWanted` only some regions: those that are under way already are not skipped, but left alone. */
  poll(number: number, scope: Cycle['scope'], isWanted?: (region: RegionRef) => boolean): Promise<void>;
}

const everyRegion = (): boolean => true;

export class PollCycle<Job extends CheckJob, Result> implements Pollable {
  readonly #options: PollCycleOptions<Job, Result>;
  /** Regions whose poll is under way, by key. */
  readonly #underway = new Set<string>();

  constructor(options: PollCycleOptions<Job, Result>) {
    this.#options = options;
  }

  /** Runs one poll to its end. Never rejects: nothing but shutdown ends the polls. */
  async poll(
    number: number,
    scope: Cycle['scope'] = 'all',
    isWanted: (region: RegionRef) => boolean = everyRegion,
  ): Promise<void> {
    const { checker, clock, checkTimeoutMs, unsettledTimeoutMs, metrics, tracer, signal } = this.#options;
    const span = startPoll(tracer, checker.name, number);
    const timeoutMs = scope === 'all' ? checkTimeoutMs : unsettledTimeoutMs;
    const cycle: Cycle = { scope, number, signal, span, deadlineMs: clock.monotonicMs() + timeoutMs };
    if (scope === 'all') metrics.pollStarted(checker.name);
    try {
      const regions = await checker.regions(cycle);
      const wanted = [...regions].filter(
        (region) => isWanted(region) && (isWanted === everyRegion || !this.#underway.has(regionKey(region))),
      );
      await Promise.all(wanted.map(async (region) => this.#pollRegion(region, cycle)));
    } catch (error) {
      this.#failed(error);
    }
    endSpan(span);
  }

  async #pollRegion(region: RegionRef, cycle: Cycle): Promise<void> {
    const { checker, metrics, onFinished } = this.#options;
    const key = regionKey(region);
    if (this.#underway.has(key)) {
      if (cycle.scope === 'all') metrics.pollSkipped(checker.name, region.name);
      return;
    }
    this.#underway.add(key);
    try {
      const jobs = await checker.plan(region, cycle);
      await Promise.all(jobs.map(async (job) => this.#run(job, cycle)));
      checker.finish?.(region, cycle);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#underway.delete(key);
      if (cycle.scope === 'all') onFinished?.(checker.name, region, cycle.number);
    }
  }

  async #run(job: Job, cycle: Cycle): Promise<void> {
    const { checker, pool, metrics, mayPoll } = this.#options;
    if (mayPoll?.(job.region) === false) return;
    try {
      const report = await pool.run<Result>(checker.worker, job);
      metrics.jobDone({
        worker: report.worker,
        outcome: report.outcome.ok ? 'ok' : report.outcome.error.code,
        queueWaitSeconds: Math.max(0, report.startedMs - report.queuedMs) / 1000,
        runSeconds: Math.max(0, report.endedMs - report.startedMs) / 1000,
      });
      await checker.apply(job, report, cycle);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A defect of the checker's: what a region or the API server does does not lead here. */
  #failed(error: unknown): void {
    const { checker, logger, signal } = this.#options;
    if (!signal.aborted) logger.error('check failed', error, { checker: checker.name });
  }
}
