// When polls begin: at once, then every period from the start. A tick that could not be kept (the process stood still) is
// skipped, not made up for: the next poll sees everything anyway. While nothing is unsettled, it sleeps until the next poll
// of everything, but turns often enough to show within minutes that it is alive, however long the period is.

import type { Cycle } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';

export interface PollClockOptions {
  /** From one tick to the next. */
  readonly periodMs: number;
  /** One tick of this many begins a poll of everything; the others look again at what is unsettled. */
  readonly ticksPerPoll: number;
  /** Asked at the ticks between two polls of everything: whether nothing can become unsettled before the next one. */
  readonly isSettled: () => boolean;
  readonly clock: Clock;
  /** Begins a poll; must not wait for it. Polls are numbered from 1, and those that were skipped have numbers too. */
  readonly onTick: (number: number, scope: Cycle['scope']) => void;
}

/** Longest time between two turns. */
export const longestTurnMs = 15_000;

export class PollClock {
  readonly #options: PollClockOptions;
  #lastTickMs: number | null = null;
  #lastTurnMs: number | null = null;

  constructor(options: PollClockOptions) {
    this.#options = options;
  }

  /** Monotonic milliseconds of the last tick that began a poll; null before the first. */
  get lastTickMs(): number | null {
    return this.#lastTickMs;
  }

  /** Monotonic milliseconds at which the clock last showed that it is alive; null before the first tick. */
  get lastTurnMs(): number | null {
    return this.#lastTurnMs;
  }

  /** Ticks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { periodMs, ticksPerPoll, isSettled, clock, onTick } = this.#options;
    const startMs = clock.monotonicMs();
    let index = 0;
    let polled = 0;
    while (!signal.aborted) {
      this.#lastTurnMs = clock.monotonicMs();
      const number = Math.floor(index / ticksPerPoll) + 1;
      const rests = number === polled && isSettled();
      if (!rests) {
        this.#lastTickMs = this.#lastTurnMs;
        onTick(number, number > polled ? 'all' : 'unsettled');
      }
      polled = number;
      const next = rests ? number * ticksPerPoll : index + 1;
      await this.#sleepUntil(startMs + next * periodMs, signal);
      // A timer may fire a little early, so the next tick is at least that one.
      index = Math.max(next, Math.floor((clock.monotonicMs() - startMs) / periodMs));
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
