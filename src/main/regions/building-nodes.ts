// What the bare-metal service says of a project's servers that are building. It is asked with the region's service account,
// and is asked less often while it refuses that or does not answer.

import { isDeepStrictEqual } from 'node:util';
import type { CheckError } from '../../shared/errors.ts';
import type { BaremetalTask, NodesResult } from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { Credentials, Session } from '../../shared/session.ts';
import { Pause } from './pause.ts';

/** Phases of servers that may be building. One that has booted is never built again, but its phase may yet say so. */
const mayBuild: ReadonlySet<string> = new Set(['', 'Pending', 'Queued', 'Building']);

/** Why nothing is known of the nodes. */
export interface NodesFailure {
  readonly step: 'session' | 'list';
  readonly error: CheckError;
  /** Servers that were asked for. */
  readonly servers: number;
}

export class BuildingNodes {
  readonly #pause: Pause;
  /** Provider ids of bare-metal servers that were building when last observed. */
  #building = new Set<string>();
  #states: Readonly<Record<string, string | null>> = {};
  #ambiguous: readonly string[] = [];
  #credentials: Credentials | null = null;
  #session: Session | null = null;
  #failure: NodesFailure | null = null;
  /** True while it would have been asked, had it not refused or kept silent. */
  #resting = false;

  constructor(pollPeriodMs: number) {
    this.#pause = new Pause(pollPeriodMs, isRefusalOrSilence);
  }

  /** Null when the last answer was good, or nothing was asked. */
  get failure(): NodesFailure | null {
    return this.#failure;
  }

  /** Servers that more than one node claims. */
  get ambiguous(): readonly string[] {
    return this.#ambiguous;
  }

  /** Takes the servers that a look at the whole project found building. */
  set building(providerIds: Set<string>) {
    this.#building = providerIds;
  }

  /** Provision state of a server's node; null when it has none, undefined when that is not known. */
  stateOf(providerId: string): string | null | undefined {
    return this.#states[providerId];
  }

  /** What to ask; undefined when no server can be building, or not now. */
  task(
    servers: readonly ServerRecord[],
    flavorIds: readonly string[],
    context: { readonly credentials: Credentials; readonly nowMs: number },
  ): BaremetalTask | undefined {
    const { credentials, nowMs } = context;
    if (!isDeepStrictEqual(credentials, this.#credentials)) {
      this.#credentials = credentials;
      this.#session = null;
      this.#pause.end();
    }
    this.#resting = false;
    if (flavorIds.length === 0) return undefined;
    const candidates = servers.filter(
      ({ flavorId, phase, provisionedAtSeconds }) =>
        (provisionedAtSeconds === null || mayBuild.has(phase)) && flavorIds.includes(flavorId),
    );
    if (candidates.length === 0) return undefined;
    this.#resting = this.#pause.errorAt(nowMs) !== null;
    if (this.#resting) return undefined;
    return {
      credentials,
      ...(this.#session === null ? {} : { session: this.#session }),
      servers: candidates.map(({ name, displayName }) => ({ name, displayName })),
      building: [...this.#building],
    };
  }

  /** Takes the answer to the task; undefined when nothing was asked. */
  take(result: NodesResult | undefined, nowMs: number): void {
    if (result === undefined) {
      // Nothing is building; or the service is left alone for a while, and what it said before may be wrong by now.
      if (!this.#resting) this.#failure = null;
      this.#states = {};
      this.#ambiguous = [];
      return;
    }
    const { outcome, session } = result;
    this.#session = session;
    this.#pause.take(outcome.ok ? null : outcome.error, nowMs);
    if (outcome.ok) {
      this.#states = outcome.states;
      this.#ambiguous = outcome.ambiguous;
      this.#failure = null;
      return;
    }
    const { step, error, asked: ids } = outcome;
    this.#states = {};
    this.#ambiguous = [];
    this.#failure = { step, error, servers: ids.length };
  }
}

function isRefusalOrSilence({ code }: CheckError): boolean {
  return code === 'unauthorized' || code === 'timeout';
}
