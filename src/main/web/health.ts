// Whether the monitor is alive and ready, judged by its progress. Ready once is ready: a new region whose cloud hangs must
// not take readiness back, and with it rollouts and the Service of all regions.

import type { Clock } from '../../shared/clock.ts';
import type { ResourceCaches } from '../kubernetes/objects/resource-caches.ts';
import { longestTurnMs, type PollClock } from '../polls/poll-clock.ts';

export interface Verdict {
  readonly ok: boolean;
  /** One line that says why. */
  readonly detail: string;
}

export interface HealthSources {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly polls: Pick<PollClock, 'lastTickMs' | 'lastTurnMs'>;
  readonly pollPeriodMs: number;
  readonly caches: Pick<ResourceCaches, 'synced'>;
  /** Whether every region was tried at least once; not asked again once it was so. */
  readonly triedAll: () => boolean;
}

/** A turn of the poll clock may come late on a busy machine; this late it does not come at all. */
const lateTurns = 3;
const lateMs = 10_000;

export class Health {
  readonly #sources: HealthSources;
  #wasReady = false;

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  /** That there is an answer shows that main's event loop turns; the poll clock must turn too, once it has begun. */
  live(): Verdict {
    const {
      clock,
      polls: { lastTickMs, lastTurnMs },
      pollPeriodMs,
    } = this.#sources;
    if (lastTickMs === null || lastTurnMs === null) return { ok: true, detail: 'starting' };
    const nowMs = clock.monotonicMs();
    const silentMs = nowMs - lastTurnMs;
    const detail = `last poll began ${seconds(nowMs - lastTickMs)} s ago`;
    if (silentMs < Math.min(pollPeriodMs, longestTurnMs) * lateTurns + lateMs) return { ok: true, detail };
    return { ok: false, detail: `${detail}; the poll clock stopped ${seconds(silentMs)} s ago` };
  }

  /** Also called after each poll, so that a region added between two probes is not waited for. */
  ready(): Verdict {
    const { caches, triedAll } = this.#sources;
    if (!this.#wasReady && !caches.synced)
      return { ok: false, detail: 'waiting for the caches of Kubernetes objects' };
    if (!this.#wasReady && !triedAll())
      return { ok: false, detail: 'waiting for the first check of every region' };
    this.#wasReady = true;
    return { ok: true, detail: 'ready' };
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
