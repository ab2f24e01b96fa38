// Time as the monitor reads it. Wall time is for what people and Kubernetes see; monotonic time is for every
// deadline and duration, so that a stepped system clock neither ends nor prolongs anything.

import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds of CLOCK_MONOTONIC: the same scale in every thread of this machine. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds, at once when there are none left; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Milliseconds of CLOCK_MONOTONIC, with a fraction. `performance.now()` will not do: each thread counts from its own start. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs,
  sleep: async (ms, signal) => {
    // What is due already: Node prints a warning into the log about a timer of less than nothing.
    try {
      await sleep(Math.max(0, ms), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // Node's own AbortError does not say why.
      signal?.throwIfAborted();
      throw error;
    }
  },
};
