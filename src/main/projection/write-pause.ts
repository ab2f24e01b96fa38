// A pause that the API server asks for: it holds the writes of all kinds of objects.

import type { Clock } from '../../shared/clock.ts';

const pauseMs = { default: 1_000, most: 30_000 };

export class WritePause {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  #untilMs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'sleep'>) {
    this.#clock = clock;
  }

  /** `retryAfterMs` is null where the API server did not say how long. */
  begin(retryAfterMs: number | null): void {
    const wait = Math.min(retryAfterMs ?? pauseMs.default, pauseMs.most);
    this.#untilMs = Math.max(this.#untilMs, this.#clock.monotonicMs() + wait);
  }

  /** Resolves when there is no pause. Rejects when the signal aborts. */
  async over(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const wait = this.#untilMs - this.#clock.monotonicMs();
    if (wait > 0) await this.#clock.sleep(wait, signal);
  }
}
