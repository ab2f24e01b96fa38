// Growing pauses between attempts, with jitter so that many replicas do not come back in step.

export class Backoff {
  readonly #options: { readonly firstMs: number; readonly maxMs: number; readonly random: () => number };
  #attempts = 0;

  constructor(options: { firstMs: number; maxMs: number; random: () => number }) {
    this.#options = options;
  }

  /** Milliseconds to wait: half to one and a half of a length that doubles up to the maximum; `atLeastMs` if longer. */
  next(atLeastMs = 0): number {
    const { firstMs, maxMs, random } = this.#options;
    const length = Math.min(maxMs, firstMs * 2 ** this.#attempts);
    // Beyond this the length has long reached its maximum, and 2 ** attempts would overflow.
    this.#attempts = Math.min(this.#attempts + 1, 30);
    return Math.max(atLeastMs, length * (0.5 + random()));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
