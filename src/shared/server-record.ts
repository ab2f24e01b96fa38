// The Server object, reduced to what the monitor reads: about 1 KB each, so that 100,000 fit in memory.

import type { WatchedObject } from './watched-object.ts';

/** Lifecycle phases; Queued and Building are of profile v1.19. */
export type Phase = 'Pending' | 'Queued' | 'Building' | 'Running' | 'Stopping' | 'Stopped';

/** A rebuild that the platform asked for. It makes and ends the marker; the monitor only advances its state. */
export interface RebuildMarker {
  readonly targetImageId: string;
  /** As stored: "Initiated", "Rebuilding", "Succeeded", "Failed", or what a later definition allows. */
  readonly state: string;
}

/**
 * A Server as cached; its display name is its name in the cloud. Never changed in place: a new version is a new record, so
 * identity shows whether it changed.
 */
export interface ServerRecord extends WatchedObject {
  readonly identityId: string | undefined;
  readonly organizationId: string;
  readonly flavorId: string;
  readonly pendingEntryTime: string | undefined;
  /** As stored; "" when there is none. Others may write values that we never do. */
  readonly phase: string;
  /** The first of its networks, whose MAC address counts; null when it names none. */
  readonly networkId: string | null;
  // Of profile v1.19. Times are epoch seconds, as small integers: they take no memory of their own.
  readonly scheduledAtSeconds: number | null;
  readonly launchedAtSeconds: number | null;
  /** Written once: the server has booted at least once. */
  readonly provisionedAtSeconds: number | null;
  /** "" when it is not known. */
  readonly macAddress: string;
  readonly rebuild: RebuildMarker | null;
}
