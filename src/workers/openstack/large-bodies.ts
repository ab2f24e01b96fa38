// Keeps the memory of a worker within bounds when several clouds send endless answers at once: answers of the usual size
// are read side by side, but of those that grow large only a few at a time. The others wait where they are, and their
// senders with them.

/** Answers up to this size need no turn: a page of 1000 servers has 1.5 MB. */
export const usualBytes = 4 * 1024 * 1024;
/** Large ones at a time: more than one, so that a slow sender does not hold up all the others. */
const atOnce = 3;

export class LargeBodies {
  #free = atOnce;
  /** First come, first served. */
  readonly #waiting = new Set<() => void>();

  /** Resolves when it is this body's turn, with what ends the turn; rejects with the signal's reason. */
  async turn(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    return () => this.#end();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const abort = (): void => turn.reject(signal.reason);
    this.#waiting.add(turn.resolve);
    signal.addEventListener('abort', abort);
    try {
      await turn.promise;
    } finally {
      this.#waiting.delete(turn.resolve);
      signal.removeEventListener('abort', abort);
    }
  }

  #end(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
