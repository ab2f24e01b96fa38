// What a region says of one server, in neutral terms.

import type { Health } from './conditions.ts';
import type { Phase } from './server-record.ts';

/** What the cloud has made of the server, or makes of it now. 'other' is all that makes no difference to the monitor. */
export type Stage = 'building' | 'rebuilding' | 'active' | 'failed' | 'other';

export interface Observation {
  /** The cloud's id of the server. */
  readonly providerId: string;
  /** The cloud's name of the server; null in the partial record of an unreachable cell. */
  readonly name: string | null;
  /** Name of the Server object that the cloud's metadata says it belongs to; null where it says nothing. */
  readonly ownerId: string | null;
  readonly health: Health;
  /** Null keeps the phase that the object has. */
  readonly phase: Phase | null;
  /** A power state that has no phase and is worth a log line, as the cloud names it. */
  readonly unsupportedPowerState: 'PAUSED' | 'SUSPENDED' | null;
  readonly stage: Stage;
  /** True while a task of the cloud runs on the server. */
  readonly taskRuns: boolean;
  /** True when the server will soon be different: a task runs, or the cloud leaves this state by itself. */
  readonly inTransition: boolean;
  /** True when the cloud could not reach the cell that holds the server: only `providerId` is certain. */
  readonly partial: boolean;
  /** True when the cloud says that the server was deleted (it comes in lists of changes only). */
  readonly deleted: boolean;
  /** When the cloud made the server, and when it booted it last: epoch seconds, null where the cloud does not say. */
  readonly createdAtSeconds: number | null;
  readonly launchedAtSeconds: number | null;
  /** Image that the server has by now; null when the cloud names none, or one that is not a UUID. */
  readonly imageId: string | null;
  /** Of an active server: its MAC address in each network, by the network's id. Null when nothing is known of them. */
  readonly macAddresses: Readonly<Record<string, string>> | null;
  /**
   * Of a bare-metal server that is building: provision state of its node, null when it has none yet. Absent when that is
   * not known. Main adds it: the list of servers can be unchanged while it changes.
   */
  readonly node?: string | null;
  /** The cloud's own text, to know whether a fault that was fetched before still stands. */
  readonly updated: string | null;
  /** The fault text of a server in error; null when it has none, undefined when it was not fetched. */
  readonly fault?: string | null;
}
