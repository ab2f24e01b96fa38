// How busy each worker thread is, how much memory it uses, and when its event loop turned last. None but the question
// about memory wakes a thread.

import type { Worker } from 'node:worker_threads';

export interface ThreadSample {
  /** Moving average of the event loop's utilization over the last seconds, 0 to 1. */
  readonly busyShare: number;
  readonly heapUsedBytes: number;
}

/** What is asked of a thread. */
export interface SampledThread {
  readonly threadId: number;
  readonly performance: Pick<Worker['performance'], 'eventLoopUtilization'>;
  getHeapStatistics(): Promise<{ readonly used_heap_size: number; readonly external_memory: number }>;
}

/** What is longer ago than this hardly counts in a thread's busy share: a single interval is too short to read. */
const memoryMs = 5_000;
/** An event loop that waited for less has not turned: time is measured in parts of a millisecond. */
const leastWaitMs = 0.1;
const none: ThreadSample = { busyShare: 0, heapUsedBytes: 0 };

interface Sample {
  utilization: ReturnType<Worker['performance']['eventLoopUtilization']>;
  busyShare: number;
  /** Monotonic milliseconds at which the event loop was last seen to have waited for work. */
  turnedMs: number;
  heapUsedBytes: number;
  /** Until the thread has reported its memory; one that is stuck may never do. */
  weighing: boolean;
}

export class ThreadSamples {
  readonly #samples = new Map<SampledThread, Sample>();

  /** Also looks at the thread: others may do so rarely. */
  of(thread: SampledThread, nowMs: number): ThreadSample {
    if (!this.#samples.has(thread)) return none;
    const { busyShare, heapUsedBytes } = this.#sampleOf(thread, nowMs);
    return { busyShare, heapUsedBytes };
  }

  /** Looks at a thread; gives the monotonic milliseconds at which its event loop was last seen to have turned. */
  look(thread: SampledThread, nowMs: number): number {
    return this.#sampleOf(thread, nowMs).turnedMs;
  }

  /** Wakes the thread; resolves to its bytes in use, of heap and buffers together, or to 0 where it did not say. */
  async weigh(thread: SampledThread, nowMs: number): Promise<number> {
    const sample = this.#sampleOf(thread, nowMs);
    if (sample.weighing) return 0;
    sample.weighing = true;
    try {
      // A thread answers even in the middle of a loop.
      const { used_heap_size, external_memory } = await thread.getHeapStatistics();
      sample.heapUsedBytes = used_heap_size;
      return used_heap_size + external_memory;
    } catch {
      // The thread has ended.
      return 0;
    } finally {
      sample.weighing = false;
    }
  }

  /** Drops threads that have ended. */
  retain(alive: ReadonlySet<number>): void {
    for (const thread of this.#samples.keys()) if (!alive.has(thread.threadId)) this.#samples.delete(thread);
  }

  #sampleOf(thread: SampledThread, nowMs: number): Sample {
    const utilization = thread.performance.eventLoopUtilization();
    let sample = this.#samples.get(thread);
    if (sample === undefined) {
      const busyShare = utilization.utilization;
      sample = { utilization, busyShare, turnedMs: nowMs, heapUsedBytes: 0, weighing: false };
      this.#samples.set(thread, sample);
      return sample;
    }
    const since = thread.performance.eventLoopUtilization(utilization, sample.utilization);
    const weight = 1 - Math.exp(-(since.active + since.idle) / memoryMs);
    sample.busyShare += (since.utilization - sample.busyShare) * weight;
    sample.utilization = utilization;
    if (since.idle > leastWaitMs) sample.turnedMs = nowMs;
    return sample;
  }
}
