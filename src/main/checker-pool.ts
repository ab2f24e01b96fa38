// Where checks run: a shared pool, in which each thread runs many jobs at once, and a small isolated one. When a thread
// dies, every job that it held is a suspect; each is run again alone on an isolated thread, so that the guilty one can
// hurt nobody else. A region stays in isolation until one of its jobs succeeds there.

import * as v from 'valibot';
import type { CheckJob, JobReport, Outcome } from '../shared/checker.ts';
import type { Clock } from '../shared/clock.ts';
import type { CheckError, ErrorCode } from '../shared/errors.ts';
import { type Ran, WorkerPool, type WorkerState } from './worker-pool.ts';

export interface CheckerPoolOptions {
  readonly entry: URL;
  readonly workers: number;
  readonly checkTimeoutMs: number;
  readonly clock: Clock;
  /** A worker thread ended and was or will be replaced. */
  readonly onWorkerEnded: (worker: number, reason: string) => void;
  readonly onError: (error: Error) => void;
}

const jobsPerThread = 32;
const maxQueue = 4_096;
const isolatedThreads = 2;
const heapLimitMiB = 512;
/** Bounds of the time without a heartbeat after which a thread is ended: collections and slow machines need some. */
const stuckBoundsMs = { least: 2_000, most: 10_000 };

const threadDeaths: ReadonlySet<ErrorCode> = new Set([
  'worker-crashed',
  'worker-stuck',
  'worker-out-of-memory',
]);

export class CheckerPool {
  readonly #clock: Clock;
  readonly #shared: WorkerPool;
  readonly #isolated: WorkerPool;
  readonly #suspects = new Set<string>();

  constructor(options: CheckerPoolOptions) {
    const { entry, clock, workers, onWorkerEnded, onError } = options;
    const stuckAfterMs = Math.min(Math.max(options.checkTimeoutMs, stuckBoundsMs.least), stuckBoundsMs.most);
    const common = { entry, clock, stuckAfterMs, heapLimitMiB, maxQueue, onWorkerEnded, onError };
    this.#clock = clock;
    this.#shared = new WorkerPool({
      ...common,
      threads: { min: workers, max: workers },
      jobsPerThread,
      firstNumber: 0,
    });
    this.#isolated = new WorkerPool({
      ...common,
      threads: { min: 0, max: isolatedThreads },
      jobsPerThread: 1,
      firstNumber: workers,
    });
  }

  /** Jobs that wait for a thread. */
  get queueLength(): number {
    return this.#shared.queueLength + this.#isolated.queueLength;
  }

  *workers(): Iterable<WorkerState> {
    yield* this.#shared.workers();
    yield* this.#isolated.workers();
  }

  /** Runs a job with the check that `module` exports. Never rejects: whatever happens is in the report. */
  async run<Result>(module: URL, job: CheckJob): Promise<JobReport<Result>> {
    const queuedMs = this.#clock.monotonicMs();
    let ran: Ran;
    if (this.#suspects.has(job.regionId)) {
      ran = await this.#isolated.run(module, job);
    } else {
      ran = await this.#shared.run(module, job);
      if (!ran.ok && threadDeaths.has(ran.error.code)) {
        this.#suspects.add(job.regionId);
        if (this.#clock.monotonicMs() < job.deadlineMs) ran = await this.#isolated.run(module, job);
      }
    }
    if (ran.ok) this.#suspects.delete(job.regionId);
    return report(ran, queuedMs, this.#clock.monotonicMs());
  }

  /** Lets go of what is remembered of a region. */
  forget(regionId: string): void {
    this.#suspects.delete(regionId);
  }

  async close(): Promise<void> {
    await Promise.all([this.#shared.close(), this.#isolated.close()]);
  }
}

function report<Result>(ran: Ran, queuedMs: number, nowMs: number): JobReport<Result> {
  if (!ran.ok) {
    return {
      outcome: { ok: false, error: ran.error },
      worker: ran.worker,
      queuedMs,
      startedMs: ran.startedMs ?? nowMs,
      endedMs: nowMs,
    };
  }
  const { startedMs, endedMs, outcome } = ran.answer;
  return { outcome: parseOutcome(outcome), worker: ran.worker, queuedMs, startedMs, endedMs };
}

/** The envelope is checked; what is in it was made by our own worker half of the check, of the type that it declares. */
function parseOutcome<Result>(text: string): Outcome<Result> {
  const outcome: unknown = JSON.parse(text);
  if (isOutcome<Result>(outcome)) return outcome;
  const error: CheckError = {
    code: 'internal',
    message: 'a worker answered with something that is no outcome',
  };
  return { ok: false, error };
}

const envelope = v.variant('ok', [
  v.object({ ok: v.literal(true) }),
  v.object({ ok: v.literal(false), error: v.object({ code: v.string(), message: v.string() }) }),
]);

function isOutcome<Result>(value: unknown): value is Outcome<Result> {
  return v.is(envelope, value);
}
