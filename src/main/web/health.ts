// Whether the monitor lives and is ready, told by the progress that it makes and not by flags that somebody set.

import type { Clock } from '../../shared/clock.ts';
import type { ResourceCaches } from '../kubernetes/objects/resource-caches.ts';
import type { PollClock } from '../polls/poll-clock.ts';

export interface Verdict {
  readonly ok: boolean;
  /** One line that says why. */
  readonly detail: string;
}

export interface HealthSources {
  readonly clock: Clock;
  readonly polls: PollClock;
  readonly pollPeriodMs: number;
  readonly caches: ResourceCaches;
  /** Whether every region was tried at least once. */
  readonly triedAll: () => boolean;
}

/** A tick may come late on a busy machine; this late it does not come at all. */
const latePeriods = 3;
const lateMs = 10_000;

export class Health {
  readonly #sources: HealthSources;

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  /** That somebody answers shows that main's event loop turns; the poll clock must tick too, once it has begun. */
  live(): Verdict {
    const { clock, polls, pollPeriodMs } = this.#sources;
    if (polls.lastTickMs === null) return { ok: true, detail: 'starting' };
    const ageMs = clock.monotonicMs() - polls.lastTickMs;
    const ok = ageMs < pollPeriodMs * latePeriods + lateMs;
    return { ok, detail: `last poll began ${(ageMs / 1000).toFixed(1)} s ago` };
  }

  ready(): Verdict {
    const { caches, triedAll } = this.#sources;
    if (!caches.synced) return { ok: false, detail: 'waiting for the caches of Kubernetes objects' };
    if (!triedAll()) return { ok: false, detail: 'waiting for the first check of every region' };
    return { ok: true, detail: 'ready' };
  }
}
