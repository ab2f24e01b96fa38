// A region's health changes when two polls in a row agree, so that a service that flaps does not flap the condition.

import type { Condition, Health } from '../../shared/conditions.ts';
import type { Verdict } from './verdict.ts';

export class Settling {
  #latest: string | null = null;
  #settled: Verdict | null = null;

  /**
   * The health to show; null while there is none. `shown` is what the object shows. Of one that shows nothing yet, only good
   * news is believed at once: the first poll may meet a monitor that is busy with its start.
   */
  take(verdict: Verdict, shown: Condition | undefined): Health | null {
    const { gist, health } = verdict;
    const first = shown === undefined && health.status === 'True';
    const confirmed = first || this.#latest === gist || (shown !== undefined && isSame(shown, health));
    this.#latest = gist;
    // The same goes on: its first message stays, however its reasons vary.
    if (confirmed && this.#settled?.gist !== gist) this.#settled = verdict;
    return this.#settled?.health ?? null;
  }
}

function isSame({ status, reason, message }: Condition, health: Health): boolean {
  return status === health.status && reason === health.reason && message === health.message;
}
