// What a region says of one server, in neutral terms.

import type { Health } from './conditions.ts';
import type { Phase } from './server-record.ts';

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
  /** True while a task of the cloud changes the server: it will be another soon. */
  readonly inTransition: boolean;
  /** True when the cloud could not reach the cell that holds the server: only `providerId` is certain. */
  readonly partial: boolean;
  /** True when the cloud says that the server was deleted (it comes in lists of changes only). */
  readonly deleted: boolean;
  /** The cloud's own text, to know whether a fault that was fetched before still stands. */
  readonly updated: string | null;
  /** The fault text of a server in error; null when it has none, undefined when it was not fetched. */
  readonly fault?: string | null;
}
