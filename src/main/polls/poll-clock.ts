// When polls begin: at once, then every period from the start. A tick that could not be kept (the process stood still) is
// skipped, not made up for: the next poll sees everything anyway. Between two ticks the clock turns often enough to show
// within minutes that it is alive, however long the period is.

import type { Clock } from '../../shared/clock.ts';

export interface PollClockOptions {
  readonly periodMs: number;
  readonly clock: Clock;
  /** Begins a poll; must not wait for it. `index` counts the periods since the start, those that were skipped too. */
  readonly onTick: (number: number, index: number) => void;
}

/** Longest time between two turns. */
export const longestTurnMs = 15_000;

export class PollClock {
  readonly #options: PollClockOptions;
  #lastTickMs: number | null = null;
  #lastTurnMs: number | null = null;
  #skipped = 0;

  constructor(options: PollClockOptions) {
    this.#options = options;
  }

  /** Monotonic milliseconds of the last tick; null before the first. */
  get lastTickMs(): number | null {
    return this.#lastTickMs;
  }

  /** Monotonic milliseconds at which the clock last showed that it is alive; null before the first tick. */
  get lastTurnMs(): number | null {
    return this.#lastTurnMs;
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
      this.#lastTurnMs = this.#lastTickMs;
      onTick(number, index);
      await this.#sleepUntil(startMs + (index + 1) * periodMs, signal);
      // A timer may fire a little early, so the next tick is at least the next one.
      const next = Math.max(index + 1, Math.floor((clock.monotonicMs() - startMs) / periodMs));
      this.#skipped += next - index - 1;
      index = next;
    }
  }

  /** Returns early when the signal aborts. */
  async #sleepUntil(dueMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let leftMs: number;
    do {
      leftMs = dueMs - clock.monotonicMs();
      try {
        await clock.sleep(Math.min(leftMs, longestTurnMs), signal);
      } catch (error) {
        if (!signal.aborted) throw error;
        return;
      }
      this.#lastTurnMs = clock.monotonicMs();
    } while (leftMs > longestTurnMs);
  }
}
