// Logins one after another: clouds limit how many they take in a second, and each costs them a slow hash.

import type { Clock } from '../../shared/clock.ts';
import { CheckFailure } from '../../shared/errors.ts';
import { missedTurn } from './job-time.ts';

export interface LoginPaceOptions {
  readonly perSecond: number;
  readonly clock: Clock;
  /** Ends the waiting, with its reason. */
  readonly signal: AbortSignal;
}

/** Lets the logins of one second through at once, then keeps the pace. */
export class LoginPace {
  readonly #options: LoginPaceOptions;
  /** Monotonic milliseconds of the next free turn, as if a second had been saved up. */
  #nextMs: number;

  constructor(options: LoginPaceOptions) {
    this.#options = options;
    this.#nextMs = options.clock.monotonicMs() - 1_000;
  }

  /** Resolves when it is this login's turn. */
  async turn(): Promise<void> {
    const { perSecond, clock, signal } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#nextMs = Math.max(this.#nextMs, nowMs - 1_000) + 1_000 / perSecond;
    if (this.#nextMs <= nowMs) return;
    try {
      await clock.sleep(this.#nextMs - nowMs, signal);
    } catch {
      throw new CheckFailure(missedTurn(signal));
    }
  }
}
