// One Event: what happened first, and how often the same has happened since.

import type { Happening, Occurrences } from './event.ts';

export interface EventSeries {
  readonly happening: Happening;
  /** The name that it was created under; null until it is. */
  name: string | null;
  occurrences: Occurrences;
  /** Whether it waits to be sent. */
  waiting: boolean;
}

/** What happens again after a longer silence is a new Event. As in client-go. */
const silenceMs = 360_000;
/** Events whose repetition is recognised. */
const limit = 4_000;

/** The Events that may yet be repeated. */
export class RecentSeries {
  /** By what happened; the one that was touched last comes last. */
  readonly #series = new Map<string, EventSeries>();

  /** The Event of what happened, with this time counted. */
  counted(happening: Happening, nowMs: number): EventSeries {
    const key = keyOf(happening);
    const known = this.#series.get(key);
    this.#series.delete(key);
    const series =
      known === undefined || nowMs - known.occurrences.lastMs > silenceMs
        ? {
            happening,
            name: null,
            occurrences: { count: 1, firstMs: nowMs, lastMs: nowMs },
            waiting: false,
          }
        : known;
    if (series === known) series.occurrences = again(known.occurrences, nowMs);
    this.#series.set(key, series);
    const [oldest] = this.#series.keys();
    if (this.#series.size > limit && oldest !== undefined) this.#series.delete(oldest);
    return series;
  }
}

function again({ count, firstMs }: Occurrences, nowMs: number): Occurrences {
  return { count: count + 1, firstMs, lastMs: nowMs };
}

/** A note never changes in an Event, so what is said otherwise is another one. */
function keyOf({ regarding, type, action, reason, note }: Happening): string {
  return [regarding.kind, regarding.uid, type, action, reason, note].join('\n');
}
