// What is true of each server, from the clouds' own records, over time. Says independently of the monitor's code how a
// server must be shown.

import type { CloudServer } from '../src/sandbox/openstack/server.ts';
import { findCondition, healthyType } from '../src/shared/conditions.ts';
import type { ServerRecord } from '../src/shared/server-record.ts';

/** How a server must be shown. */
export interface Said {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** Null where the cloud says nothing of it: the phase that the object has must stay. */
  readonly phase: 'Running' | 'Stopped' | null;
}

/** From a time on. */
interface Moment {
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Null while the cloud has no such server. */
  readonly said: Said | null;
}

/** As an object shows it. */
export interface Shown {
  readonly phase: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

const unknown = { status: 'Unknown', reason: 'Unknown', message: 'unable to determine server status' };
const inError = 'server is in an error state';

export class Truth {
  /** By name of the Server object. */
  readonly #moments = new Map<string, Moment[]>();
  /** Servers whose status the cloud leaves out for a while. */
  readonly #veiled = new Set<string>();
  readonly #latest = new Map<string, CloudServer>();

  /** Takes a server as it is from now on. */
  take(server: CloudServer): void {
    const name = ownerOf(server);
    const latest = this.#latest.get(name);
    // What becomes of one that has a successor is nobody's news.
    if (latest !== undefined && latest.ordinal > server.ordinal) return;
    this.#latest.set(name, server);
    this.#add(name, saidOf(server));
    if (this.#veiled.has(name)) this.#add(name, veiled(saidOf(server)));
  }

  /** From now on the cloud shows the server's status as null. */
  veil(name: string): void {
    this.#veiled.add(name);
    this.#add(name, veiled(this.now(name)));
  }

  unveil(name: string): void {
    this.#veiled.delete(name);
    const latest = this.#latest.get(name);
    if (latest !== undefined) this.#add(name, saidOf(latest));
  }

  /** Null where the cloud has no such server. */
  now(name: string): Said | null {
    return this.#moments.get(name)?.at(-1)?.said ?? null;
  }

  /** The server that belongs to an object; undefined where there never was one. */
  server(name: string): CloudServer | undefined {
    return this.#latest.get(name);
  }

  /** Whether the cloud did not have the server at some time between the two. */
  wasMissing(name: string, fromMs: number, untilMs: number): boolean {
    const moments = this.#moments.get(name) ?? [];
    // The cloud has a server before Kubernetes has its object.
    if (moments.length === 0) return true;
    return moments.some(({ atMs, said }, index) => {
      const endMs = moments[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
      return said === null && atMs <= untilMs && endMs >= fromMs;
    });
  }

  /** The first state of an object that was never true, or not in this order; null when all were. */
  firstLie(name: string, states: readonly (Shown & { readonly atMs: number })[]): Shown | null {
    const moments = this.#moments.get(name) ?? [];
    let index = 0;
    let phase = '';
    for (const shown of states) {
      for (;;) {
        const moment = moments[index];
        if (moment === undefined || moment.atMs > shown.atMs) return shown;
        if (moment.said !== null && agrees(shown, moment.said, phase)) break;
        index++;
      }
      phase = shown.phase;
    }
    return null;
  }

  #add(name: string, said: Said | null): void {
    const moments = this.#moments.get(name);
    const moment = { atMs: Date.now(), said };
    if (moments === undefined) this.#moments.set(name, [moment]);
    else moments.push(moment);
  }
}

/** Whether an object that had the phase `before` shows what is said. */
export function agrees(shown: Shown, said: Said, before: string): boolean {
  const phase = said.phase ?? (before === '' ? 'Pending' : before);
  return (
    shown.phase === phase &&
    shown.status === said.status &&
    shown.reason === said.reason &&
    // Why it is in error is asked for separately, and may come later.
    (shown.message === said.message || (said.reason === 'Errored' && shown.message === inError))
  );
}

/** Null for an object that shows nothing yet. */
export function shownBy(server: ServerRecord): Shown | null {
  const condition = findCondition(server.conditions, healthyType);
  if (server.phase === '' && condition === undefined) return null;
  const { status = '', reason = '', message = '' } = condition ?? {};
  return { phase: server.phase, status, reason, message };
}

function ownerOf({ metadata, name }: CloudServer): string {
  return metadata['region:server_id'] ?? name;
}

function saidOf(server: CloudServer): Said | null {
  if (server.status === 'DELETED') return null;
  if (server.cellDown) return { ...unknown, phase: null };
  return { ...healthOf(server), phase: phaseOf(server) };
}

function veiled(said: Said | null): Said | null {
  return said === null ? null : { ...said, ...unknown };
}

function healthOf({ status, fault }: CloudServer): Omit<Said, 'phase'> {
  if (status === 'ACTIVE') return { status: 'True', reason: 'Healthy', message: 'server is healthy' };
  if (status === 'UNKNOWN') return unknown;
  if (status !== 'ERROR')
    return { status: 'False', reason: 'Degraded', message: `server is in state ${status}` };
  const message = fault === null ? inError : `${inError}: ${fault.message}`;
  return { status: 'False', reason: 'Errored', message };
}

function phaseOf({ powerState, taskState }: CloudServer): Said['phase'] {
  if (powerState === 1 && taskState !== 'powering-off') return 'Running';
  if (powerState === 4 && taskState !== 'powering-on') return 'Stopped';
  return null;
}
