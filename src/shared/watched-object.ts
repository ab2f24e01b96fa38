// What the monitor reads of every object whose status it writes, whatever its kind.

import type { Condition } from './conditions.ts';

/** The kinds, as paths and RBAC name them. */
export type WatchedResource = 'servers' | 'regions' | 'loadbalancers';

export interface WatchedObject {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly deleting: boolean;
  /** The region that it belongs to, a Region to itself. Undefined when the label is missing; an empty string is present. */
  readonly regionId: string | undefined;
  /** "" when there is none. */
  readonly displayName: string;
  readonly conditions: readonly Condition[];
}

/** Names an object, and tells it from another that took its name. */
export interface ObjectRef
  extends Pick<WatchedObject, 'namespace' | 'name' | 'uid' | 'displayName' | 'regionId'> {
  readonly resource: WatchedResource;
}

export function refTo(
  resource: WatchedResource,
  { namespace, name, uid, displayName, regionId }: WatchedObject,
): ObjectRef {
  return { resource, namespace, name, uid, displayName, regionId };
}
