// Whether something that a region refused, or put off, is to be left alone for a while.

import type { CheckError } from '../../shared/errors.ts';
import { longestPauseMs, refusalPauseMs } from './pauses.ts';

export class Pause {
  readonly #pollPeriodMs: number;
  /** In a row. */
  #refusals = 0;
  #until: { readonly ms: number; readonly error: CheckError } | null = null;

  constructor(pollPeriodMs: number) {
    this.#pollPeriodMs = pollPeriodMs;
  }

  /** Takes how it went; null for a success. */
  take(error: CheckError | null, nowMs: number): void {
    this.#refusals = error?.code === 'unauthorized' ? this.#refusals + 1 : 0;
    const waitMs =
      error?.code === 'unauthorized'
        ? refusalPauseMs(this.#refusals, this.#pollPeriodMs)
        : Math.min(error?.retryAfterMs ?? 0, longestPauseMs);
    this.#until = error === null || waitMs <= 0 ? null : { ms: nowMs + waitMs, error };
  }

  /** Other credentials: what was refused before does not count. */
  end(): void {
    this.#refusals = 0;
    this.#until = null;
  }

  /** Why it lasts, with the time that is left; null when it does not. */
  errorAt(nowMs: number): CheckError | null {
    if (this.#until === null) return null;
    const { ms, error } = this.#until;
    const leftMs = ms - nowMs;
    if (leftMs <= 0) return null;
    return error.retryAfterMs === undefined ? error : { ...error, retryAfterMs: leftMs };
  }
}
