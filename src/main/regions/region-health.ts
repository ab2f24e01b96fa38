// How a region has been doing: whether its last poll got an answer, since when it got none, and whether it is given a
// rest. After some failed polls in a row only one project is asked, and the others only if it answers; after many, polls
// are left out as well. The first success ends all that at once.

import { type CheckError, concernsRegion, type ErrorCode } from '../../shared/errors.ts';
import type { PollOutcome } from '../server-health/poll.ts';

export interface RegionHealthOptions {
  readonly pollPeriodMs: number;
  /** 0 to 1. */
  readonly random: () => number;
}

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
/** Failed polls in a row after which polls are left out as well. */
const restsAfter = 8;
/** Polls left out in a row, at most, and for at most so long. */
const longestRest = { polls: 7, ms: 300_000 };
/** What the region's Secret may mend, by its keys ca.crt and region-name: each poll reads it, so none is left out. */
const mendedBySecret: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['tls', 'no-endpoint']);

export class RegionHealth {
  readonly #options: RegionHealthOptions;
  #failures = 0;
  #failure: CheckError | null = null;
  #tried = false;
  #lastGoodMs: number | null = null;
  #lastGoodAt: number | null = null;
  readonly #polls: EndedPoll[] = [];
  #rest = 0;
  #notBeforeMs = 0;
  #resourceVersion = '';

  constructor(options: RegionHealthOptions) {
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

  /** Whether this poll is to ask the region. Asked once a poll; a Region that was changed is asked at once. */
  takeTurn(nowMs: number, resourceVersion: string): boolean {
    const changed = resourceVersion !== this.#resourceVersion;
    this.#resourceVersion = resourceVersion;
    if (changed) return true;
    if (nowMs < this.#notBeforeMs) return false;
    if (this.#rest === 0) return true;
    this.#rest--;
    return false;
  }

  succeeded(nowMs: number): void {
    this.#tried = true;
    this.#failures = 0;
    this.#failure = null;
    this.#lastGoodMs = nowMs;
    this.#rest = 0;
    this.#notBeforeMs = 0;
  }

  /**
   * Notes a poll without an answer. What says nothing of the region itself (a wrong password, a missing Secret) needs
   * no rest: it costs the region little, and may be mended any time.
   */
  failed(error: CheckError, nowMs: number): void {
    this.#tried = true;
    this.#failure = error;
    if (!concernsRegion(error.code)) return;
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

  /** Twice as many polls each time, up to the bound, and one more or less so that regions do not come back together. */
  #nextRest(): number {
    if (this.#failures < restsAfter) return 0;
    const { pollPeriodMs, random } = this.#options;
    const most = Math.min(longestRest.polls, Math.floor(longestRest.ms / pollPeriodMs));
    const rest = Math.min(2 ** (this.#failures - restsAfter), most);
    return Math.max(0, Math.min(most, rest + Math.floor(random() * 3) - 1));
  }
}
