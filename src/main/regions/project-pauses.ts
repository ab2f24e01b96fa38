// Projects that a region wants left alone for a while: it refused them and said for how long (Retry-After). Its other
// projects go on being asked, and these count as refused until their time is over.

import type { CheckError } from '../../shared/errors.ts';

/** Longest pause, whatever the region says. */
export const longestPauseMs = 300_000;

interface Pause {
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  readonly error: CheckError;
}

export class ProjectPauses {
  readonly #pauses = new Map<string, Pause>();

  /** Begins a pause if the error asks for one. */
  begin(identityId: string, error: CheckError, nowMs: number): void {
    const { retryAfterMs = 0 } = error;
    if (retryAfterMs <= 0) this.#pauses.delete(identityId);
    else this.#pauses.set(identityId, { untilMs: nowMs + Math.min(retryAfterMs, longestPauseMs), error });
  }

  /** Why a project is not to be asked now, with the time that is left; null when it may be asked. */
  of(identityId: string, nowMs: number): CheckError | null {
    const pause = this.#pauses.get(identityId);
    if (pause === undefined) return null;
    const leftMs = pause.untilMs - nowMs;
    if (leftMs > 0) return { ...pause.error, retryAfterMs: leftMs };
    this.#pauses.delete(identityId);
    return null;
  }

  /** Lets go of all projects but some. */
  retain(identityIds: ReadonlySet<string>): void {
    for (const id of this.#pauses.keys()) if (!identityIds.has(id)) this.#pauses.delete(id);
  }

  clear(): void {
    this.#pauses.clear();
  }
}
