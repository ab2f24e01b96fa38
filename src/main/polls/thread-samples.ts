// How busy each worker thread is, and how much memory it uses.

import type { Worker } from 'node:worker_threads';

export interface ThreadSample {
  /** Moving average of the event loop's utilization over the last seconds, 0 to 1. */
  readonly busyShare: number;
  readonly heapUsedBytes: number;
}

/** Weight of the newest interval in a worker's busy share: a single one is too short to read. */
const smoothing = 0.05;
const none: ThreadSample = { busyShare: 0, heapUsedBytes: 0 };

interface Sample {
  utilization: ReturnType<Worker['performance']['eventLoopUtilization']>;
  busyShare: number;
  heapUsedBytes: number;
  /** Until the thread has reported its memory; one that is stuck may never do. */
  weighing: boolean;
}

export class ThreadSamples {
  readonly #samples = new Map<Worker, Sample>();

  of(thread: Worker): ThreadSample {
    const sample = this.#samples.get(thread);
    return sample === undefined ? none : { busyShare: sample.busyShare, heapUsedBytes: sample.heapUsedBytes };
  }

  /** Looks at a thread; resolves to its bytes in use, of heap and buffers together, or to 0 where it did not say. */
  async take(thread: Worker): Promise<number> {
    const sample = this.#sampleOf(thread);
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

  #sampleOf(thread: Worker): Sample {
    const utilization = thread.performance.eventLoopUtilization();
    let sample = this.#samples.get(thread);
    if (sample === undefined) {
      sample = { utilization, busyShare: utilization.utilization, heapUsedBytes: 0, weighing: false };
      this.#samples.set(thread, sample);
      return sample;
    }
    const recent = thread.performance.eventLoopUtilization(utilization, sample.utilization).utilization;
    sample.busyShare = sample.busyShare * (1 - smoothing) + recent * smoothing;
    sample.utilization = utilization;
    return sample;
  }
}
