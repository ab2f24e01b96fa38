// One piscina pool of worker threads, watched. It guarantees that every job ends in an answer or in an error as data:
// - a check that fails, or misses its deadline, is answered by the worker itself (workers/entry);
// - a thread that dies (exit, uncaught error) fails the jobs it held, and piscina starts another;
// - a thread whose event loop stands still is found by its missing heartbeat, without jobs by its unbroken activity, or by
//   a job that is overdue, and is ended, unless it only had no processor (silences.ts);
// - a thread that uses too much memory is ended, before V8 would end the whole program;
// - a pool that lost threads for good (they fail while starting) is built again, with backoff.

import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { Backoff } from '../../shared/backoff.ts';
import type { CheckJob } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import type { CheckError } from '../../shared/errors.ts';
import type { Answer, Assignment, Started, WorkerSettings } from '../../shared/worker-protocol.ts';
import { WorkerSlots } from '../../shared/worker-slots.ts';
import { answerLost, cancelled, memoryError, neverBegun, poolError, stuckError } from './pool-errors.ts';
import { notBegun, type Ran } from './ran.ts';
import { isStuck, type Silence, Silences } from './silences.ts';
import { ThreadSamples } from './thread-samples.ts';
import { readMessage } from './worker-messages.ts';

export interface WorkerPoolOptions {
  /** URL of workers/entry. */
  readonly entry: URL;
  /** Modules of the checks that are known: loaded while a thread starts. */
  readonly checks: readonly URL[];
  readonly threads: number;
  /** Jobs that one thread runs at once: they mostly wait for the network. */
  readonly jobsPerThread: number;
  /** Number of the first worker, so that numbers stay unique over several pools. */
  readonly firstNumber: number;
  readonly maxQueue: number;
  /** A thread that uses more memory is ended. */
  readonly memoryLimitMiB: number;
  /** A thread without a heartbeat for this long is ended, if it had a processor meanwhile. */
  readonly stuckAfterMs: number;
  readonly clock: Clock;
  readonly onWorkerEnded: (worker: number, reason: string) => void;
  /** A thread failed outside of any job. */
  readonly onError: (error: Error) => void;
  /** Node warns in a thread. */
  readonly onWarning: (text: string) => void;
}

export interface WorkerState {
  readonly worker: number;
  /** Share of the last seconds that the event loop was busy, 0 to 1. */
  readonly busyShare: number;
  readonly heapUsedBytes: number;
  readonly jobsInFlight: number;
  readonly restarts: number;
}

/** While there are jobs. */
const watchEveryMs = 250;
/** While there are none. */
const restWatchEveryMs = 5_000;
/** A worker answers at the job's deadline; one that had a processor and is this much later cannot answer any more. */
const overdueMs = 2_000;
/** After its deadline, a job is waited for no longer. */
const lostMs = 12_000;
/**
 * V8's own limit lies so far above ours. It is the last resort: when a JSON.parse reaches it, not the thread but the
 * whole program is aborted. One answer of the largest size that we accept grows to about 800 MiB at worst.
 */
const memoryReserveMiB = 1_024;
const mebibyte = 1_048_576;
const rebuildPauses = { firstMs: 1_000, maxMs: 30_000, random: Math.random };

/** A job that has not ended yet. */
interface OpenJob {
  readonly deadlineMs: number;
  readonly end: (ran: Ran) => void;
  /** Set when a thread begins the job. */
  run: { readonly slot: number; readonly worker: number; readonly startedMs: number } | null;
  /** Why that thread is being ended by us. */
  fault: CheckError | null;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots: WorkerSlots;
  /** By ticket. */
  readonly #jobs = new Map<number, OpenJob>();
  /** Why we are ending the thread, by slot. */
  readonly #ending = new Map<number, CheckError>();
  /** By slot. */
  readonly #restarts = new Map<number, number>();
  readonly #samples = new ThreadSamples();
  readonly #silences = new Silences();
  readonly #rebuildPauses = new Backoff(rebuildPauses);
  #watchdog: NodeJS.Timeout | undefined;
  #piscina: Piscina<Assignment, Answer>;
  /** When the watchdog looks next. */
  #nextWatchMs = Number.POSITIVE_INFINITY;
  /** Threads had no job when the watchdog looked last. */
  #rested = false;
  #rebuildAtMs = 0;
  #tickets = 0;
  #closing = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    // Twice the rows: a thread that starts may claim one before the row of the thread that it replaces is freed.
    this.#slots = new WorkerSlots(options.threads * 2);
    this.#piscina = this.#build();
    this.#watchIn(watchEveryMs);
  }

  /** Jobs that wait for a thread. */
  get queueLength(): number {
    return this.#piscina.queueSize;
  }

  /** Runs one job. Never rejects. */
  async run(module: URL, job: CheckJob): Promise<Ran> {
    // A piscina that was destroyed would start threads again.
    if (this.#closing) return notBegun(cancelled);
    const ticket = ++this.#tickets;
    const ended = Promise.withResolvers<Ran>();
    const open: OpenJob = { deadlineMs: job.deadlineMs, end: ended.resolve, run: null, fault: null };
    this.#jobs.set(ticket, open);
    this.#watchSoon();
    this.#piscina.run({ ticket, module: module.href, job }).then(
      (answer) => ended.resolve({ ok: true, worker: this.#number(answer.slot), answer }),
      // The thread's last messages come on another port: one turn later it is known whether it had begun the job.
      (thrown: unknown) => setImmediate(() => ended.resolve(this.#failed(open, thrown))),
    );
    const ran = await ended.promise;
    this.#jobs.delete(ticket);
    if (ran.ok) this.#rebuildPauses.reset();
    return ran;
  }

  /** One row for each thread that runs, by number. */
  workers(): readonly WorkerState[] {
    const states: WorkerState[] = [];
    const nowMs = this.#options.clock.monotonicMs();
    for (const thread of this.#piscina.threads) {
      const slot = this.#slots.of(thread.threadId);
      if (slot === null) continue;
      let jobsInFlight = 0;
      for (const { run } of this.#jobs.values()) if (run?.slot === slot) jobsInFlight++;
      states.push({
        worker: this.#number(slot),
        ...this.#samples.of(thread, nowMs),
        jobsInFlight,
        restarts: this.#restarts.get(slot) ?? 0,
      });
    }
    return states.toSorted((a, b) => a.worker - b.worker);
  }

  /** Ends all threads at once; jobs in flight answer `cancelled`. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#watchdog);
    await this.#piscina.destroy();
  }

  #build(): Piscina<Assignment, Answer> {
    const { entry, checks, threads, jobsPerThread, maxQueue, memoryLimitMiB, onError } = this.#options;
    const piscina = new Piscina<Assignment, Answer>({
      filename: entry.href,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: jobsPerThread,
      maxQueue,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Not 'sync': that freezes the event loop of an idle worker, and with it its keep-alive sockets.
      atomics: 'async',
      resourceLimits: { maxOldGenerationSizeMb: memoryLimitMiB + memoryReserveMiB },
      workerData: {
        slots: this.#slots.buffer,
        checks: checks.map(({ href }) => href),
      } satisfies WorkerSettings,
      recordTiming: false,
    });
    // Without this listener a throw in an idle worker would end the whole process.
    piscina.on('error', (error: Error) => onError(error));
    piscina.on('message', (message: unknown) => this.#heard(message));
    // piscina forgets the thread only after this event.
    piscina.on('workerDestroy', () => setImmediate(() => this.#freeSlots()));
    return piscina;
  }

  #heard(message: unknown): void {
    const said = readMessage(message);
    if (said === null) return;
    if ('warning' in said) this.#options.onWarning(said.warning);
    else this.#started(said);
  }

  #started({ ticket, slot, startedMs }: Started): void {
    const job = this.#jobs.get(ticket);
    // The answer of a short job overtakes this message.
    if (job !== undefined) job.run = { slot, worker: this.#number(slot), startedMs };
  }

  #failed({ run, fault }: OpenJob, thrown: unknown): Ran {
    return {
      ok: false,
      worker: run?.worker ?? null,
      startedMs: run?.startedMs ?? null,
      error: this.#closing ? cancelled : (fault ?? poolError(thrown)),
    };
  }

  /** No answer long after the deadline: no thread took the job, or its thread is stuck. Null while it may be starving. */
  #overdue({ run, deadlineMs }: OpenJob, now: number): Ran | null {
    if (run === null) return notBegun(neverBegun);
    const { slot, worker, startedMs } = run;
    const thread = this.#threadOf(slot);
    if (thread !== undefined && isStuck(this.#silenceOf(thread, slot, now), overdueMs)) {
      this.#end(slot, stuckError);
      return { ok: false, worker, startedMs, error: stuckError };
    }
    return now - deadlineMs > lostMs ? { ok: false, worker, startedMs, error: answerLost } : null;
  }

  #silenceOf(thread: Worker, slot: number, nowMs: number): Silence {
    const beatMs = this.#slots.lastBeatMs(slot);
    if (beatMs === 0) return { silentMs: 0, usedMs: 0 };
    // An idle thread does not beat, yet what a check left behind may loop, and the next jobs would be sent there.
    const turnedMs = this.#slots.resting(slot) ? Math.max(beatMs, this.#samples.look(thread, nowMs)) : beatMs;
    return this.#silences.of(thread, { turnedMs, nowMs });
  }

  #watchIn(ms: number): void {
    clearTimeout(this.#watchdog);
    this.#nextWatchMs = this.#options.clock.monotonicMs() + ms;
    this.#watchdog = setTimeout(() => this.#watch(), ms);
  }

  #watchSoon(): void {
    if (this.#nextWatchMs - this.#options.clock.monotonicMs() > watchEveryMs) this.#watchIn(watchEveryMs);
  }

  #watch(): void {
    const now = this.#options.clock.monotonicMs();
    const late = now - this.#nextWatchMs > watchEveryMs;
    // Also when the last job has just ended: it is then that the memory is known which the jobs left behind.
    const resting = this.#jobs.size === 0;
    for (const thread of this.#piscina.threads) this.#samples.look(thread, now);
    if (!resting || !this.#rested) for (const thread of this.#piscina.threads) this.#weigh(thread, now);
    this.#rested = resting;
    // When main itself or the whole machine stood still, the threads deserve a moment to catch up.
    if (!late) this.#judge(now);
    this.#watchIn(resting ? restWatchEveryMs : watchEveryMs);
  }

  #judge(now: number): void {
    for (const job of this.#jobs.values()) {
      const ran = now - job.deadlineMs > overdueMs ? this.#overdue(job, now) : null;
      if (ran !== null) job.end(ran);
    }
    for (const thread of this.#piscina.threads) {
      const slot = this.#slots.of(thread.threadId);
      if (slot !== null && isStuck(this.#silenceOf(thread, slot, now), this.#options.stuckAfterMs))
        this.#end(slot, stuckError);
    }
    this.#revive(now);
  }

  #weigh(thread: Worker, now: number): void {
    void this.#samples.weigh(thread, now).then((bytes) => {
      const slot = this.#slots.of(thread.threadId);
      if (slot !== null && bytes > this.#options.memoryLimitMiB * mebibyte) this.#end(slot, memoryError);
    });
  }

  #end(slot: number, fault: CheckError): void {
    if (this.#ending.has(slot)) return;
    const thread = this.#threadOf(slot);
    if (thread === undefined) return;
    this.#ending.set(slot, fault);
    for (const job of this.#jobs.values()) if (job.run?.slot === slot) job.fault = fault;
    thread.terminate().catch(this.#options.onError);
  }

  #freeSlots(): void {
    const alive = new Set(this.#piscina.threads.map((thread) => thread.threadId));
    this.#samples.retain(alive);
    this.#silences.retain(alive);
    for (let slot = 0; slot < this.#slots.size; slot++) {
      const threadId = this.#slots.owner(slot);
      if (threadId === 0 || alive.has(threadId)) continue;
      const reason = this.#ending.get(slot)?.code ?? 'worker-crashed';
      this.#ending.delete(slot);
      this.#slots.free(slot);
      if (this.#closing) continue;
      this.#restarts.set(slot, (this.#restarts.get(slot) ?? 0) + 1);
      this.#options.onWorkerEnded(this.#number(slot), reason);
    }
  }

  /** piscina gives up on threads that fail before they are ready; the fault may pass, so we do not. */
  #revive(now: number): void {
    const alive = this.#piscina.threads.length;
    if (alive >= this.#options.threads || now < this.#rebuildAtMs) return;
    // Threads that are left finish their jobs first.
    if (alive > 0 && this.#jobs.size > 0) return;
    this.#rebuildAtMs = now + this.#rebuildPauses.next();
    const dead = this.#piscina;
    this.#piscina = this.#build();
    dead.destroy().catch(this.#options.onError);
  }

  #threadOf(slot: number): Worker | undefined {
    const owner = this.#slots.owner(slot);
    return this.#piscina.threads.find(({ threadId }) => threadId === owner);
  }

  #number(slot: number): number {
    return this.#options.firstNumber + (slot % this.#options.threads);
  }
}
