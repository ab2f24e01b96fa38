// One timer and one outer signal behind one AbortSignal, released by hand. AbortSignal.any() and AbortSignal.timeout()
// would do the same, but each hangs a listener or a timer on the outer signal for as long as that lives.

export class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onOuterAbort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: NodeJS.Timeout | undefined;
  #expired = false;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    if (outer?.aborted === true) this.#onOuterAbort();
    else outer?.addEventListener('abort', this.#onOuterAbort, { once: true });
    this.restart(ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True when the time ran out, as opposed to the outer signal. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Starts again from now, with another length. */
  restart(ms: number): void {
    clearTimeout(this.#timer);
    const end = (): void => {
      this.#expired = !this.#controller.signal.aborted;
      this.#controller.abort(new Error(`nothing within ${ms} ms`));
    };
    // What is over already: Node prints a warning into the log about a timer of less than nothing.
    this.#timer = setTimeout(end, Math.max(0, ms));
  }

  /** Starts again from now, with the same length. Cheap: call it for every chunk. */
  postpone(): void {
    this.#timer?.refresh();
  }

  /** Ends what it is for before its time, for another reason. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
  }
}
