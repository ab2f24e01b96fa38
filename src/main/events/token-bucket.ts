// How often something may happen: at once as often as the bucket is deep, then at a steady rate.

export interface Rate {
  readonly burst: number;
  /** Milliseconds until one more is allowed. */
  readonly everyMs: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** Milliseconds until `take` would succeed; 0 when it would now. */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) * this.#rate.everyMs;
  }

  take(nowMs: number): boolean {
    if (this.waitMs(nowMs) > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  #refill(nowMs: number): void {
    const { burst, everyMs } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#atMs) / everyMs);
    this.#atMs = nowMs;
  }
}
