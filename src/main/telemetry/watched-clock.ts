// A clock that notes by how much its sleeps end too late. A process that is stopped while it waits has no delay in its event
// loop: only what it meant to do meanwhile shows that. A timer for nothing but this would wake an idle process.

import type { Clock } from '../../shared/clock.ts';

export class WatchedClock implements Clock {
  readonly #clock: Clock;
  #lateMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const dueMs = this.monotonicMs() + Math.max(0, ms);
    await this.#clock.sleep(ms, signal);
    this.#lateMs = Math.max(this.#lateMs, this.monotonicMs() - dueMs);
  }

  /** The most by which a sleep ended late since this was last asked. */
  takeLateMs(): number {
    const lateMs = this.#lateMs;
    this.#lateMs = 0;
    return lateMs;
  }
}
