// Something that takes time to render, and that many may ask for at once. It is rendered once at a time, for all who ask
// meanwhile, and stays fresh for a moment: the longer it takes, the longer, so that requests can hardly take more than a
// tenth of the main thread.

/** Of the time that it took. */
const freshTimes = 9;
const freshBoundsMs = { least: 50, most: 1_000 };

export class SharedRendering<T> {
  readonly #render: () => T | Promise<T>;
  #latest: { readonly rendered: Promise<T>; freshUntilMs: number } | null = null;

  constructor(render: () => T | Promise<T>) {
    this.#render = render;
  }

  /** Rejects with what `render` throws; that is not kept. */
  async get(): Promise<T> {
    if (this.#latest !== null && performance.now() < this.#latest.freshUntilMs) return this.#latest.rendered;
    const begunMs = performance.now();
    const rendering = { rendered: this.#rendered(), freshUntilMs: Number.POSITIVE_INFINITY };
    this.#latest = rendering;
    try {
      const rendered = await rendering.rendered;
      const endedMs = performance.now();
      const freshMs = (endedMs - begunMs) * freshTimes;
      rendering.freshUntilMs = endedMs + Math.min(Math.max(freshMs, freshBoundsMs.least), freshBoundsMs.most);
      return rendered;
    } catch (thrown) {
      this.#latest = null;
      throw thrown;
    }
  }

  /** As a promise also where it throws at once. */
  async #rendered(): Promise<T> {
    return this.#render();
  }
}
