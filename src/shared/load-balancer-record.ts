// The LoadBalancer object, reduced to what the monitor reads.

import type { WatchedObject } from './watched-object.ts';

/** A LoadBalancer as cached. Never changed in place: a new version is a new record. */
export interface LoadBalancerRecord extends WatchedObject {
  readonly identityId: string | undefined;
  readonly organizationId: string;
}
