// Every state that each Server object ever had, from the stand-in's own record of changes: no connection can lose any.

import { parseServer } from '../src/main/kubernetes/objects/resource-records.ts';
import type { KubernetesObject } from '../src/sandbox/kubernetes/api.ts';
import type { ServerRecord } from '../src/shared/server-record.ts';
import { type Shown, shownBy } from './truth.ts';

export interface ObjectHistory {
  /** As it is, or was last. */
  server: ServerRecord;
  readonly states: (Shown & { readonly atMs: number })[];
  /** Null while it is there. */
  deletedMs: number | null;
}

export interface Transition {
  readonly from: string;
  readonly to: string;
}

export type TransitionKind = 'phase' | 'health';

export class Histories {
  /** By uid, in the order of their creation. */
  readonly #objects = new Map<string, ObjectHistory>();

  take(type: string, object: KubernetesObject): void {
    const server = parseServer(object);
    const history = this.#objects.get(server.uid) ?? {
      server,
      states: [],
      deletedMs: null,
    };
    this.#objects.set(server.uid, history);
    history.server = server;
    if (type === 'DELETED') history.deletedMs = Date.now();
    const shown = shownBy(server);
    const last = history.states.at(-1);
    if (shown === null || (last !== undefined && isSame(shown, last))) return;
    history.states.push({ ...shown, atMs: Date.now() });
  }

  all(): Iterable<ObjectHistory> {
    return this.#objects.values();
  }

  /** Objects that are there. */
  live(): readonly ObjectHistory[] {
    return [...this.#objects.values()].filter(({ deletedMs }) => deletedMs === null);
  }

  /** By name, the transitions of all objects that had it, in order. */
  transitions(kind: TransitionKind): ReadonlyMap<string, readonly (Transition & { atMs: number })[]> {
    const found = new Map<string, (Transition & { atMs: number })[]>();
    for (const { server, states } of this.#objects.values()) {
      const ofName = found.get(server.name) ?? [];
      found.set(server.name, ofName);
      for (const [index, state] of states.entries()) {
        const before = states[index - 1];
        const changed = kind === 'phase' ? before?.phase !== state.phase : before?.status !== state.status;
        if (!changed) continue;
        const [from, to] =
          kind === 'phase' ? [before?.phase ?? '', state.phase] : [before?.reason ?? '', state.reason];
        ofName.push({ from, to, atMs: state.atMs });
      }
    }
    return found;
  }
}

function isSame(a: Shown, b: Shown): boolean {
  return a.phase === b.phase && a.status === b.status && a.reason === b.reason && a.message === b.message;
}
