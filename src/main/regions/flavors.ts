// The names of a region's flavors, and when to ask for them. They hardly change, so they are kept for an hour; a flavor
// that is not among them is asked for sooner, and a list that failed after 1, 2, 4, … polls.

import { type CheckError, concernsRegion } from '../../shared/errors.ts';
import type { Flavor } from '../../shared/server-health.ts';

/** The original keeps them as long. */
const lifetimeMs = 3_600_000;
/** Shortest time between two lists for the sake of flavors without a name. */
const unknownMs = 60_000;
/** Longest time after a list that failed. */
const longestRetryMs = 300_000;

export class Flavors {
  readonly #pollPeriodMs: number;
  #names: ReadonlyMap<string, string> = new Map();
  /** Flavors that servers have and the last list did not: private or not selected. */
  #nameless = new Set<string>();
  /** Flavors without a name that were seen since. */
  #unknown = new Set<string>();
  #dueMs = Number.NEGATIVE_INFINITY;
  #listedMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #error: CheckError | null = null;

  constructor(pollPeriodMs: number) {
    this.#pollPeriodMs = pollPeriodMs;
  }

  /** Why the last list failed; null when it did not. */
  get error(): CheckError | null {
    return this.#error;
  }

  due(nowMs: number): boolean {
    if (nowMs >= this.#dueMs) return true;
    return this.#error === null && this.#unknown.size > 0 && nowMs - this.#listedMs >= unknownMs;
  }

  /** "" for a flavor that is unknown, private or not selected. */
  name(flavorId: string): string {
    const name = this.#names.get(flavorId);
    if (name === undefined && flavorId !== '' && !this.#nameless.has(flavorId)) this.#unknown.add(flavorId);
    return name ?? '';
  }

  /** Takes a list. `selected` are the flavors that count; null for all. */
  listed(flavors: readonly Flavor[], selected: readonly string[] | null, nowMs: number): void {
    const counting = flavors.filter(({ id }) => selected === null || selected.includes(id));
    this.#names = new Map(counting.map(({ id, name }) => [id, name]));
    this.#nameless = new Set([...this.#nameless, ...this.#unknown].filter((id) => !this.#names.has(id)));
    this.#unknown = new Set();
    this.#listedMs = nowMs;
    this.#dueMs = nowMs + lifetimeMs;
    this.#failures = 0;
    this.#error = null;
  }

  /** Notes that the list failed. Names are kept. */
  failed(error: CheckError, nowMs: number): void {
    this.#error = error;
    this.#dueMs = nowMs + this.#retryMs(error);
  }

  /** Asks again at the next poll: the region's selection changed, or its access. */
  expire(): void {
    this.#dueMs = Number.NEGATIVE_INFINITY;
    this.#failures = 0;
  }

  /** A region that fails as a whole is asked by each poll, so that its first good answer has the flavors' names. */
  #retryMs({ code, retryAfterMs }: CheckError): number {
    if (retryAfterMs !== undefined) return Math.min(retryAfterMs, longestRetryMs);
    if (concernsRegion(code) && code !== 'rate-limited') return 0;
    // Half a period less: the poll that is meant may begin a little early.
    const polls = 2 ** Math.min(this.#failures++, 16);
    return Math.min((polls - 0.5) * this.#pollPeriodMs, longestRetryMs);
  }
}
