// The polls of one checker: plans jobs, dispatches them to the pool, applies each report as it comes. A region whose
// earlier poll is still under way is left out of the next one and counted, never queued twice.

import type { Tracer } from '@opentelemetry/api';
import type { Checker, CheckJob, Cycle } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
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
  /** Aborts when the monitor shuts down. */
  readonly signal: AbortSignal;
}

/** A poll cycle, whatever its checker's jobs and results are. */
export interface Pollable {
  poll(number: number, scope: Cycle['scope']): Promise<void>;
}

export class PollCycle<Job extends CheckJob, Result> implements Pollable {
  readonly #options: PollCycleOptions<Job, Result>;
  /** Jobs that are left of each region under way; 0 while it is being planned. */
  readonly #jobsLeft = new Map<string, number>();

  constructor(options: PollCycleOptions<Job, Result>) {
    this.#options = options;
  }

  /** Runs one poll to its end. Never rejects: nothing but shutdown ends the polls. */
  async poll(number: number, scope: Cycle['scope'] = 'all'): Promise<void> {
    const { checker, clock, checkTimeoutMs, unsettledTimeoutMs, metrics, tracer, signal } = this.#options;
    const span = startPoll(tracer, checker.name, number);
    const claimed = new Set<string>();
    const cycle: Cycle = {
      scope,
      number,
      signal,
      span,
      deadlineMs: clock.monotonicMs() + (scope === 'all' ? checkTimeoutMs : unsettledTimeoutMs),
      claim: (regionId) => {
        const free = !this.#jobsLeft.has(regionId);
        if (free) {
          claimed.add(regionId);
          this.#jobsLeft.set(regionId, 0);
        } else if (scope === 'all') {
          metrics.pollSkipped(checker.name, regionId);
        }
        return free;
      },
    };
    if (scope === 'all') metrics.pollStarted(checker.name);
    const jobs = await this.#plan(cycle);
    for (const { regionId } of jobs) this.#jobsLeft.set(regionId, (this.#jobsLeft.get(regionId) ?? 0) + 1);
    for (const regionId of claimed) if (this.#jobsLeft.get(regionId) === 0) this.#jobsLeft.delete(regionId);
    await Promise.all(jobs.map(async (job) => this.#run(job, cycle)));
    endSpan(span);
  }

  async #plan(cycle: Cycle): Promise<readonly Job[]> {
    try {
      return await this.#options.checker.plan(cycle);
    } catch (error) {
      this.#failed(error);
      return [];
    }
  }

  async #run(job: Job, cycle: Cycle): Promise<void> {
    const { checker, pool, metrics } = this.#options;
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
    } finally {
      const left = (this.#jobsLeft.get(job.regionId) ?? 1) - 1;
      if (left === 0) this.#jobsLeft.delete(job.regionId);
      else this.#jobsLeft.set(job.regionId, left);
    }
  }

  /** A defect of the checker's: what a region or the API server does is no reason to come here. */
  #failed(error: unknown): void {
    const { checker, logger, signal } = this.#options;
    if (!signal.aborted) logger.error('check failed', error, { checker: checker.name });
  }
}
