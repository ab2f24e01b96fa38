// One piscina pool of worker threads, watched. It guarantees that every job ends in an answer or in an error as data:
// - a check that fails, or misses its deadline, is answered by the worker itself (workers/entry);
// - a thread that dies (exit, uncaught error, memory limit) fails the jobs it held, and piscina starts another;
// - a thread whose event loop stands still is found by its missing heartbeat, or by a job that is overdue, and is ended;
// - a pool that lost all its threads (they fail while starting) is built anew, with backoff.

import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import * as v from 'valibot';
import type { CheckJob } from '../shared/checker.ts';
import type { Clock } from '../shared/clock.ts';
import type { CheckError } from '../shared/errors.ts';
import type { Answer, Assignment, Started } from '../shared/worker-protocol.ts';
import { WorkerSlots } from '../shared/worker-slots.ts';

export interface WorkerPoolOptions {
  /** URL of workers/entry. */
  readonly entry: URL;
  /** Threads to keep, and at most to have. */
  readonly threads: { readonly min: number; readonly max: number };
  /** Jobs that one thread runs at once: they mostly wait for the network. */
  readonly jobsPerThread: number;
  /** Number of the first worker, so that numbers stay unique over several pools. */
  readonly firstNumber: number;
  readonly maxQueue: number;
  /** Old-space limit of each thread, MiB. */
  readonly heapLimitMiB: number;
  /** A thread without a heartbeat for so long is ended. */
  readonly stuckAfterMs: number;
  readonly clock: Clock;
  readonly onWorkerEnded: (worker: number, reason: string) => void;
  /** A thread failed outside of any job. */
  readonly onError: (error: Error) => void;
}

/** What became of a job. `worker` is null when no thread ever began it. */
export type Ran =
  | { readonly ok: true; readonly worker: number; readonly answer: Answer }
  | {
      readonly ok: false;
      readonly worker: number | null;
      readonly startedMs: number | null;
      readonly error: CheckError;
    };

export interface WorkerState {
  readonly worker: number;
  /** Share of the last seconds that the event loop was busy, 0 to 1. */
  readonly busyShare: number;
  readonly heapUsedBytes: number;
  readonly jobsInFlight: number;
  readonly restarts: number;
}

const watchEveryMs = 500;
/** A worker answers at the job's deadline; one that is this much later cannot answer any more. */
const overdueMs = 1_000;
const rebuildBackoffMs = { first: 1_000, most: 30_000 };

const startedMessage = v.object({ ticket: v.number(), slot: v.number(), startedMs: v.number() });

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots: WorkerSlots;
  /** Jobs that a thread has begun, by ticket. */
  readonly #running = new Map<number, Started>();
  /** Slots whose thread we are ending because it is stuck. */
  readonly #stuck = new Set<number>();
  readonly #restarts = new Map<number, number>();
  readonly #utilization = new Map<
    Worker,
    { total: ReturnType<Worker['performance']['eventLoopUtilization']>; share: number }
  >();
  readonly #watchdog: NodeJS.Timeout;
  #piscina: Piscina<Assignment, Answer>;
  #lastWatchMs: number;
  #rebuildAtMs = 0;
  #rebuildDelayMs: number = rebuildBackoffMs.first;
  #tickets = 0;
  #closing = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    // Twice the rows: a thread that starts may claim one before the row of the thread that it replaces is freed.
    this.#slots = new WorkerSlots(options.threads.max * 2);
    this.#piscina = this.#build();
    this.#lastWatchMs = options.clock.monotonicMs();
    this.#watchdog = setInterval(() => this.#watch(), watchEveryMs).unref();
  }

  /** Jobs that wait for a thread. */
  get queueLength(): number {
    return this.#piscina.queueSize;
  }

  /** Runs one job. Never rejects. */
  async run(module: URL, job: CheckJob): Promise<Ran> {
    const ticket = ++this.#tickets;
    const overdue = Promise.withResolvers<Ran>();
    const timer = setTimeout(
      () => overdue.resolve(this.#overdue(ticket)),
      Math.max(0, job.deadlineMs - this.#options.clock.monotonicMs()) + overdueMs,
    );
    try {
      const ran = this.#piscina
        .run({ ticket, module: module.href, job })
        .then((answer): Ran => ({ ok: true, worker: this.#number(answer.slot), answer }))
        .catch((thrown: unknown): Ran => this.#failed(ticket, thrown));
      const result = await Promise.race([ran, overdue.promise]);
      if (result.ok) this.#rebuildDelayMs = rebuildBackoffMs.first;
      return result;
    } finally {
      clearTimeout(timer);
      this.#running.delete(ticket);
    }
  }

  /** One row for each worker number in use. */
  *workers(): Iterable<WorkerState> {
    for (const thread of this.#piscina.threads) {
      const slot = this.#slotOf(thread.threadId);
      if (slot === null) continue;
      let jobsInFlight = 0;
      for (const started of this.#running.values()) if (started.slot === slot) jobsInFlight++;
      yield {
        worker: this.#number(slot),
        busyShare: this.#utilization.get(thread)?.share ?? 0,
        heapUsedBytes: this.#slots.heapBytes(slot),
        jobsInFlight,
        restarts: this.#restarts.get(slot) ?? 0,
      };
    }
  }

  /** Ends all threads at once; jobs in flight answer `cancelled`. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watchdog);
    await this.#piscina.destroy();
  }

  #build(): Piscina<Assignment, Answer> {
    const { entry, threads, jobsPerThread, maxQueue, heapLimitMiB, onError } = this.#options;
    const piscina = new Piscina<Assignment, Answer>({
      filename: entry.href,
      minThreads: threads.min,
      maxThreads: threads.max,
      concurrentTasksPerWorker: jobsPerThread,
      maxQueue,
      idleTimeout: 30_000,
      // Not 'sync': that freezes the event loop of an idle worker, and with it its keep-alive sockets.
      atomics: 'async',
      resourceLimits: { maxOldGenerationSizeMb: heapLimitMiB },
      workerData: { slots: this.#slots.buffer },
      recordTiming: false,
    });
    // Without this listener a throw in an idle worker would end the whole process.
    piscina.on('error', (error: Error) => onError(error));
    piscina.on('message', (message: unknown) => this.#started(message));
    // piscina forgets the thread only after this event.
    piscina.on('workerDestroy', () => setImmediate(() => this.#freeSlots()));
    return piscina;
  }

  #started(message: unknown): void {
    const parsed = v.safeParse(startedMessage, message);
    if (parsed.success) this.#running.set(parsed.output.ticket, parsed.output);
  }

  #failed(ticket: number, thrown: unknown): Ran {
    const started = this.#running.get(ticket);
    const stuck = started !== undefined && this.#stuck.has(started.slot);
    return {
      ok: false,
      worker: started === undefined ? null : this.#number(started.slot),
      startedMs: started?.startedMs ?? null,
      error: this.#closing ? cancelled : stuck ? stuckError : poolError(thrown),
    };
  }

  /** No answer long after the deadline: the thread that has the job is stuck, or no thread ever took it. */
  #overdue(ticket: number): Ran {
    const started = this.#running.get(ticket);
    if (started === undefined) return { ok: false, worker: null, startedMs: null, error: neverBegun };
    this.#endStuck(started.slot);
    return {
      ok: false,
      worker: this.#number(started.slot),
      startedMs: started.startedMs,
      error: stuckError,
    };
  }

  #watch(): void {
    const now = this.#options.clock.monotonicMs();
    const late = now - this.#lastWatchMs > 2 * watchEveryMs;
    this.#lastWatchMs = now;
    for (const thread of this.#piscina.threads) this.#measure(thread);
    // When main itself or the whole machine stood still, the threads deserve a moment to catch up.
    if (late) return;
    for (const { slot } of this.#running.values()) {
      if (now - this.#slots.lastBeatMs(slot) > this.#options.stuckAfterMs) this.#endStuck(slot);
    }
    this.#reviveWhenDead(now);
  }

  #measure(thread: Worker): void {
    const total = thread.performance.eventLoopUtilization();
    const before = this.#utilization.get(thread);
    if (before === undefined) {
      this.#utilization.set(thread, { total, share: total.utilization });
      return;
    }
    const recent = thread.performance.eventLoopUtilization(total, before.total).utilization;
    // Smoothed over some seconds: a single interval is too short to read.
    this.#utilization.set(thread, { total, share: before.share * 0.9 + recent * 0.1 });
  }

  #endStuck(slot: number): void {
    if (this.#stuck.has(slot)) return;
    const threadId = this.#slots.owner(slot);
    const thread = this.#piscina.threads.find((candidate) => candidate.threadId === threadId);
    if (thread === undefined) return;
    this.#stuck.add(slot);
    thread.terminate().catch(this.#options.onError);
  }

  #freeSlots(): void {
    const alive = new Set(this.#piscina.threads.map((thread) => thread.threadId));
    for (const thread of this.#utilization.keys()) {
      if (!alive.has(thread.threadId)) this.#utilization.delete(thread);
    }
    for (let slot = 0; slot < this.#slots.size; slot++) {
      const threadId = this.#slots.owner(slot);
      if (threadId === 0 || alive.has(threadId)) continue;
      const reason = this.#stuck.delete(slot) ? 'stuck' : 'ended';
      this.#slots.free(slot);
      if (this.#closing) continue;
      this.#restarts.set(slot, (this.#restarts.get(slot) ?? 0) + 1);
      this.#options.onWorkerEnded(this.#number(slot), reason);
    }
  }

  /** piscina gives up on threads that fail before they are ready; the fault may pass, so we do not. */
  #reviveWhenDead(now: number): void {
    if (this.#options.threads.min === 0 || this.#piscina.threads.length > 0 || now < this.#rebuildAtMs)
      return;
    this.#rebuildAtMs = now + this.#rebuildDelayMs;
    this.#rebuildDelayMs = Math.min(this.#rebuildDelayMs * 2, rebuildBackoffMs.most);
    const dead = this.#piscina;
    this.#piscina = this.#build();
    dead.destroy().catch(this.#options.onError);
  }

  #slotOf(threadId: number): number | null {
    for (let slot = 0; slot < this.#slots.size; slot++) if (this.#slots.owner(slot) === threadId) return slot;
    return null;
  }

  #number(slot: number): number {
    return this.#options.firstNumber + (slot % this.#options.threads.max);
  }
}

const cancelled: CheckError = { code: 'cancelled', message: 'the monitor is shutting down' };

const stuckError: CheckError = {
  code: 'worker-stuck',
  message: 'the worker thread stood still while it held this check, and was ended',
};

const neverBegun: CheckError = {
  code: 'timeout',
  message: 'no worker was free to run the check before its deadline: raise --workers or --poll-period',
};

function poolError(thrown: unknown): CheckError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { code: 'worker-out-of-memory', message };
  }
  if (message === 'Task queue is at limit' || message.startsWith('No task queue available')) {
    return { code: 'queue-full', message: 'too many checks wait for a worker: raise --workers' };
  }
  return { code: 'worker-crashed', message };
}
