// When polls begin: at once, then every period from the start. A tick that could not be kept (the process stood still) is
// skipped, not made up for: the next poll sees everything anyway.

import type { Clock } from '../../shared/clock.ts';

export interface PollClockOptions {
  readonly periodMs: number;
  readonly clock: Clock;
  /** Begins a poll; must not wait for it. `index` counts the periods since the start, those that were skipped too. */
  readonly onTick: (number: number, index: number) => void;
}

export class PollClock {
  readonly #options: PollClockOptions;
  #lastTickMs: number | null = null;
  #skipped = 0;

  constructor(options: PollClockOptions) {
    this.#options = options;
  }

  /** Monotonic milliseconds of the last tick; null before the first. */
  get lastTickMs(): number | null {
    return this.#lastTickMs;
  }

  /** Ticks that passed while the process stood still. */
  get skippedTicks(): number {
    return this.#skipped;
  }

  /** Ticks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { periodMs, clock, onTick } = this.#options;
    const startMs = clock.monotonicMs();
    let index = 0;
    for (let number = 1; !signal.aborted; number++) {
      this.#lastTickMs = clock.monotonicMs();
      onTick(number, index);
      try {
        await clock.sleep(startMs + (index + 1) * periodMs - clock.monotonicMs(), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      // A timer may fire a little early, so the next tick is at least the next one.
      const next = Math.max(index + 1, Math.floor((clock.monotonicMs() - startMs) / periodMs));
      this.#skipped += next - index - 1;
      index = next;
    }
  }
}
