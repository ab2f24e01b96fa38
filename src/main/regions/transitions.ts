// Servers of a project that will soon be different, and since when each has been so. They are watched closely, but not for
// ever: a task that hangs, or a rebuild that never begins, must not keep its project in polls between polls.

import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import { isRebuildPending } from '../server-health/status/rebuild-marker.ts';

/** 'failed': the cloud could not build the server, and the platform may try again. */
export type TransitionKind = 'build' | 'rebuild' | 'task' | 'failed';

export interface Transition {
  readonly kind: TransitionKind;
  /** How far it has come: another text shows progress, or another transition. */
  readonly stage: string;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** When this process first saw it at this stage. */
  readonly progressMs: number;
}

/** How long a transition without progress is watched closely. */
const watchedMs = 15 * 60_000;

/** Phases of a server that is still to come. */
const coming: ReadonlySet<string> = new Set(['', 'Pending', 'Queued', 'Building']);

/** Null for a server that stays as it is. `before` is its transition when it was last looked at. */
export function transitionOf(
  server: ServerRecord,
  observation: Observation,
  { before, nowMs }: { readonly before: Transition | undefined; readonly nowMs: number },
): Transition | null {
  const found = findTransition(server, observation);
  if (found === null) return null;
  const { kind, stage, beganMs } = found;
  const same = before?.kind === kind ? before : undefined;
  const sinceMs = beganMs ?? same?.sinceMs ?? nowMs;
  const progressMs = same?.stage === stage ? same.progressMs : nowMs;
  return { kind, stage, sinceMs, progressMs };
}

interface Found {
  readonly kind: TransitionKind;
  readonly stage: string;
  /** Undefined where the object does not say it: then the process remembers it. */
  readonly beganMs?: number;
}

function findTransition(server: ServerRecord, observation: Observation): Found | null {
  const { rebuild } = server;
  if (isRebuildPending(rebuild))
    return { kind: 'rebuild', stage: `${rebuild?.state} ${rebuild?.targetImageId}` };
  const phase = observation.phase ?? server.phase;
  // One that has booted before is not built again, whatever its phase says until the cloud has started it.
  if (server.provisionedAtSeconds === null && coming.has(phase)) {
    const kind = observation.stage === 'failed' ? 'failed' : 'build';
    return { kind, stage: phase, beganMs: comingSince(server) };
  }
  return observation.inTransition ? { kind: 'task', stage: observation.stage } : null;
}

/** The annotation is of v1.16, where a server that is started again is Pending again. */
function comingSince({ pendingEntryTime, createdAt }: ServerRecord): number {
  const since = Date.parse(pendingEntryTime ?? '');
  return Number.isNaN(since) ? createdAt : since;
}

export class Transitions {
  /** By uid of the object. */
  #running: ReadonlyMap<string, Transition> = new Map();
  #watched = false;
  #oldest = new Map<TransitionKind, number>();

  of(uid: string): Transition | undefined {
    return this.#running.get(uid);
  }

  /** True when the last look found a server that is to be asked for between two polls, too. */
  get watched(): boolean {
    return this.#watched;
  }

  /** Since when the oldest transition of each kind has been running: epoch milliseconds. */
  get oldest(): ReadonlyMap<TransitionKind, number> {
    return this.#oldest;
  }

  /** Takes what a look at the whole project found, by uid. */
  take(running: ReadonlyMap<string, Transition>, nowMs: number): void {
    this.#running = running;
    this.#watched = false;
    this.#oldest = new Map();
    for (const { kind, sinceMs, progressMs } of running.values()) {
      this.#watched ||= nowMs - progressMs < watchedMs;
      this.#oldest.set(kind, Math.min(sinceMs, this.#oldest.get(kind) ?? sinceMs));
    }
  }
}
