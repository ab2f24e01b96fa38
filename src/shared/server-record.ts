// The Server object, reduced to what the monitor reads: about 1 KB each, so that 100,000 fit in memory.

import type { Condition } from './conditions.ts';

/** Lifecycle phases that the monitor writes (profile v1.16). */
export type Phase = 'Pending' | 'Running' | 'Stopping' | 'Stopped';

/** A Server as cached. Never changed in place: a new version is a new record, so identity tells whether it changed. */
export interface ServerRecord {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly deleting: boolean;
  /** Undefined when the label is missing; an empty string is present. */
  readonly regionId: string | undefined;
  readonly identityId: string | undefined;
  readonly organizationId: string;
  /** The display name, which is the server's name in the cloud. */
  readonly displayName: string;
  readonly flavorId: string;
  readonly pendingEntryTime: string | undefined;
  /** As stored; "" when there is none. Others may write values that we never do. */
  readonly phase: string;
  readonly conditions: readonly Condition[];
}
