// Work on main comes in slices, one after another, and the event loop gets its turn when the time for one is spent,
// whoever spent it. Regions answer at the same time: what each needs is little, but all of it in one turn would hold up
// timers, watches and probes.

import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';

/** Work that is done in one turn of the event loop, about. */
const budgetMs = 8;

export class EventLoopTurns {
  readonly #oneAtATime = pLimit(1);
  #beganMs = 0;

  /** Does a slice when its turn has come. A slice should be much shorter than what may hold up others. */
  async take<T>(slice: () => T): Promise<T> {
    return this.#oneAtATime(async () => {
      if (performance.now() - this.#beganMs > budgetMs) {
        await nextTurn();
        this.#beganMs = performance.now();
      }
      return slice();
    });
  }

  /** Does work that comes in slices. */
  async run<T>(slices: Generator<void, T>): Promise<T> {
    for (;;) {
      const step = await this.take(() => slices.next());
      if (step.done === true) return step.value;
    }
  }
}
