// How the polls of a region have been going: whether the last one got an answer, since when there was none, and whether the
// region rests. After some failed polls in a row its breaker opens: one project is asked first, and the others only if it
// answers. After many, polls are skipped as well. The first success ends all that at once.

import { type CheckError, concernsRegion, type ErrorCode, isAnswer } from '../../shared/errors.ts';

export interface PollHealthOptions {
  readonly pollPeriodMs: number;
  /** 0 to 1. */
  readonly random: () => number;
}

/** How a poll of a region went: `partial` when some of its projects or servers failed. */
export type PollOutcome = 'ok' | 'partial' | ErrorCode;

/** A poll that has ended. */
export interface EndedPoll {
  readonly outcome: PollOutcome;
  readonly seconds: number;
  /** Epoch milliseconds. */
  readonly endedAt: number;
}

/** Polls that are remembered. */
const remembered = 30;
/** Failed polls in a row after which the breaker opens. */
const opensAfter = 3;
/** Failed polls in a row after which polls are skipped as well. */
const restsAfter = 8;
/** Longest run of skipped polls, in polls and in time. */
const longestRest = { polls: 7, ms: 300_000 };
/** Errors that a change of the region's Secret (ca.crt, region-name) may fix: each poll reads it, so none is skipped. */
const mendedBySecret: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['tls', 'no-endpoint']);

export class PollHealth {
  readonly #options: PollHealthOptions;
  #failures = 0;
  #failure: CheckError | null = null;
  #tried = false;
  #lastGoodMs: number | null = null;
  #lastGoodAt: number | null = null;
  readonly #polls: EndedPoll[] = [];
  #rest = 0;
  #notBeforeMs = 0;

  constructor(options: PollHealthOptions) {
    this.#options = options;
  }

  get tried(): boolean {
    return this.#tried;
  }

  /** Whether the last poll got an answer; false before the first. */
  get up(): boolean {
    return this.#tried && this.#failure === null;
  }

  /** Why the last poll got no answer; null when it got one. */
  get failure(): CheckError | null {
    return this.#failure;
  }

  /** Failed polls in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Monotonic milliseconds of the last poll that got an answer; null before the first. */
  get lastGoodMs(): number | null {
    return this.#lastGoodMs;
  }

  /** Epoch milliseconds of the end of the last poll that got an answer; null before the first. */
  get lastGoodAt(): number | null {
    return this.#lastGoodAt;
  }

  /** The last polls, oldest first. */
  get polls(): readonly EndedPoll[] {
    return this.#polls;
  }

  /** While it is open, one project is asked before the others are. */
  get breakerOpen(): boolean {
    return this.#failures >= opensAfter;
  }

  /** Whether to ask the region in this poll. Call it once a poll: each call uses up one skipped poll. */
  takeTurn(nowMs: number): boolean {
    if (nowMs < this.#notBeforeMs) return false;
    if (this.#rest === 0) return true;
    this.#rest--;
    return false;
  }

  /** Ends a rest: something that matters to the region was changed. */
  wake(): void {
    this.#rest = 0;
    this.#notBeforeMs = 0;
  }

  succeeded(nowMs: number): void {
    this.#tried = true;
    this.#failures = 0;
    this.#failure = null;
    this.#lastGoodMs = nowMs;
    this.wake();
  }

  /**
   * Notes a poll without a result. The breaker counts silence only: a region that refuses a password has answered, so the
   * breaker closes. A request that was never sent (a Secret is missing) says nothing about the region.
   */
  failed(error: CheckError, nowMs: number): void {
    this.#tried = true;
    this.#failure = error;
    if (!concernsRegion(error.code)) {
      if (isAnswer(error.code)) this.#failures = 0;
      this.wake();
      return;
    }
    this.#failures++;
    this.#notBeforeMs = nowMs + Math.min(error.retryAfterMs ?? 0, longestRest.ms);
    this.#rest = mendedBySecret.has(error.code) ? 0 : this.#nextRest();
  }

  /** Notes the end of a poll that succeeded or failed. */
  ended(poll: EndedPoll): void {
    if (this.#failure === null) this.#lastGoodAt = poll.endedAt;
    if (this.#polls.length === remembered) this.#polls.shift();
    this.#polls.push(poll);
  }

  /** Doubles each time, up to the bound, plus or minus one at random, so that regions do not resume in the same poll. */
  #nextRest(): number {
    if (this.#failures < restsAfter) return 0;
    const { pollPeriodMs, random } = this.#options;
    const most = Math.min(longestRest.polls, Math.floor(longestRest.ms / pollPeriodMs));
    const rest = Math.min(2 ** (this.#failures - restsAfter), most);
    return Math.max(0, Math.min(most, rest + Math.floor(random() * 3) - 1));
  }
}
