// Whether something that a region refused, or put off, is to be left alone for a while.

import type { CheckError } from '../../shared/errors.ts';

/** Longest pause that Retry-After is granted. */
export const longestPauseMs = 300_000;
/** Longest pause between two logins that are refused. */
export const longestRefusalMs = 600_000;

export class Pause {
  readonly #pollPeriodMs: number;
  readonly #isRefusal: (error: CheckError) => boolean;
  /** In a row. */
  #refusals = 0;
  #until: { readonly ms: number; readonly error: CheckError } | null = null;

  /** What is refused again and again rests longer each time. */
  constructor(pollPeriodMs: number, isRefusal: (error: CheckError) => boolean = isUnauthorized) {
    this.#pollPeriodMs = pollPeriodMs;
    this.#isRefusal = isRefusal;
  }

  /** Takes how it went; null for a success. */
  take(error: CheckError | null, nowMs: number): void {
    this.#refusals = error !== null && this.#isRefusal(error) ? this.#refusals + 1 : 0;
    const waitMs =
      this.#refusals > 0
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

function isUnauthorized({ code }: CheckError): boolean {
  return code === 'unauthorized';
}

/**
 * A password that is refused again and again is tried less and less, so that the cloud does not lock its user: by the
 * next poll, then after 2, 4, … polls. Half a period less, for the poll that is meant may begin a little early.
 */
function refusalPauseMs(refusals: number, pollPeriodMs: number): number {
  if (refusals <= 1) return 0;
  const polls = 2 ** Math.min(refusals - 1, 16);
  return Math.min((polls - 0.5) * pollPeriodMs, longestRefusalMs);
}
