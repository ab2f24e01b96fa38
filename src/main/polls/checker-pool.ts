// Where checks run: a shared pool, in which each thread runs many jobs at once, and a small isolated one. When a thread
// dies, every job that it had begun is a suspect; each is run again alone on an isolated thread, so that the guilty one
// cannot hurt another. A region stays in isolation until its jobs there were answered and none of them ended its thread.

import * as v from 'valibot';
import type { CheckJob, JobReport, Outcome } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import type { CheckError, ErrorCode } from '../../shared/errors.ts';
import { type PackedJson, unpack } from '../../shared/packed-json.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { EventLoopTurns } from './event-loop-turns.ts';
import type { Ran } from './ran.ts';
import { WorkerPool, type WorkerPoolOptions, type WorkerState } from './worker-pool.ts';

export interface CheckerPoolOptions {
  readonly entry: URL;
  /** Modules of the checks that are known. */
  readonly checks?: readonly URL[];
  readonly workers: number;
  readonly checkTimeoutMs: number;
  readonly clock: Clock;
  /** Large results are read in turns. */
  readonly turns: EventLoopTurns;
  /** A worker thread ended and was or will be replaced. */
  readonly onWorkerEnded: (worker: number, reason: string) => void;
  readonly onError: (error: Error) => void;
  /** Node warns in a thread. */
  readonly onWarning: (text: string) => void;
}

/** Jobs mostly wait for the network: regions that hang must leave places for those that answer. */
const jobsPerThread = 1_024;
const maxQueue = 4_096;
const isolatedThreads = 2;
const memoryLimitMiB = 512;
/** Bounds of the time without a heartbeat after which a thread is ended: collections and slow machines need some. */
const stuckBoundsMs = { least: 5_000, most: 10_000 };

const threadDeaths: ReadonlySet<ErrorCode> = new Set([
  'worker-crashed',
  'worker-stuck',
  'worker-out-of-memory',
]);

/** A region in isolation, and what its jobs there did since the first of those in flight was begun. */
interface Suspect {
  jobs: number;
  answered: boolean;
  died: boolean;
}

export class CheckerPool {
  readonly #options: CheckerPoolOptions;
  readonly #shared: WorkerPool;
  /** Only while a region is suspected: its threads cost memory. */
  #isolated: WorkerPool | null = null;
  #isolatedJobs = 0;
  /** By key of the region. */
  readonly #suspects = new Map<string, Suspect>();
  #closing = false;

  constructor(options: CheckerPoolOptions) {
    this.#options = options;
    this.#shared = this.#open({ threads: options.workers, jobsPerThread, firstNumber: 0 });
  }

  /** Jobs that wait for a thread. */
  get queueLength(): number {
    return this.#shared.queueLength + (this.#isolated?.queueLength ?? 0);
  }

  *workers(): Iterable<WorkerState> {
    yield* this.#shared.workers();
    if (this.#isolated !== null) yield* this.#isolated.workers();
  }

  /** Runs a job with the check that `module` exports. Never rejects: whatever happens is in the report. */
  async run<Result>(module: URL, job: CheckJob): Promise<JobReport<Result>> {
    const { clock } = this.#options;
    const queuedMs = clock.monotonicMs();
    let ran: Ran;
    if (this.#suspects.has(regionKey(job.region))) {
      ran = await this.#runIsolated(module, job);
    } else {
      ran = await this.#shared.run(module, job);
      if (threadDied(ran)) {
        this.#suspect(regionKey(job.region), ran);
        if (clock.monotonicMs() < job.deadlineMs) ran = await this.#runIsolated(module, job);
      }
    }
    const nowMs = clock.monotonicMs();
    return report<Result>(ran, { queuedMs, nowMs }, this.#options.turns);
  }

  /** Drops what is remembered of a region. */
  forget(region: RegionRef): void {
    this.#suspects.delete(regionKey(region));
    this.#closeUnneeded();
  }

  /** Ends all threads at once; jobs in flight answer `cancelled`, as those that come later do. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([this.#shared.close(), this.#isolated?.close()]);
  }

  async #runIsolated(module: URL, job: CheckJob): Promise<Ran> {
    if (this.#closing) return this.#shared.run(module, job);
    this.#isolated ??= this.#open({
      threads: isolatedThreads,
      jobsPerThread: 1,
      firstNumber: this.#options.workers,
    });
    const suspect = this.#suspects.get(regionKey(job.region));
    if (suspect !== undefined) suspect.jobs++;
    this.#isolatedJobs++;
    const ran = await this.#isolated.run(module, job);
    this.#isolatedJobs--;
    if (suspect !== undefined) this.#judge(regionKey(job.region), suspect, ran);
    else if (threadDied(ran)) this.#suspect(regionKey(job.region), ran);
    this.#closeUnneeded();
    return ran;
  }

  #judge(key: string, suspect: Suspect, ran: Ran): void {
    if (ran.ok) suspect.answered = true;
    if (threadDied(ran)) suspect.died = true;
    suspect.jobs--;
    if (suspect.jobs > 0) return;
    if (suspect.answered && !suspect.died) this.#suspects.delete(key);
    suspect.answered = false;
    suspect.died = false;
  }

  /** A job that the thread had not begun cannot have been what ended it. */
  #suspect(key: string, { worker }: Ran): void {
    if (worker === null || this.#suspects.has(key)) return;
    this.#suspects.set(key, { jobs: 0, answered: false, died: false });
  }

  #closeUnneeded(): void {
    if (this.#isolated === null || this.#isolatedJobs > 0 || this.#suspects.size > 0) return;
    this.#isolated.close().catch(this.#options.onError);
    this.#isolated = null;
  }

  #open(size: Pick<WorkerPoolOptions, 'threads' | 'jobsPerThread' | 'firstNumber'>): WorkerPool {
    const { entry, checks = [], clock, checkTimeoutMs, onWorkerEnded, onError, onWarning } = this.#options;
    // The other jobs of a stuck thread must have time to run again elsewhere.
    const stuckAfterMs = Math.min(Math.max(checkTimeoutMs / 2, stuckBoundsMs.least), stuckBoundsMs.most);
    return new WorkerPool({
      ...size,
      entry,
      checks,
      clock,
      stuckAfterMs,
      memoryLimitMiB,
      maxQueue,
      onWorkerEnded,
      onError,
      onWarning,
    });
  }
}

function threadDied(ran: Ran): boolean {
  return !ran.ok && threadDeaths.has(ran.error.code);
}

async function report<Result>(
  ran: Ran,
  { queuedMs, nowMs }: { readonly queuedMs: number; readonly nowMs: number },
  turns: EventLoopTurns,
): Promise<JobReport<Result>> {
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
  return { outcome: await readOutcome(outcome, turns), worker: ran.worker, queuedMs, startedMs, endedMs };
}

/** The envelope is checked; what is in it was made by our own worker half of the check, of the type that it declares. */
async function readOutcome<Result>(packed: PackedJson, turns: EventLoopTurns): Promise<Outcome<Result>> {
  const outcome = await unpack(packed, async (slice) => turns.take(slice));
  if (isOutcome<Result>(outcome)) return outcome;
  const error: CheckError = {
    code: 'internal',
    message: 'a worker returned an invalid result',
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
