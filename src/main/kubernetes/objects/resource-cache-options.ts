// What a cache needs, and what it counts.

import type { Clock } from '../../../shared/clock.ts';
import type { KubernetesClient, ResourceKind } from '../client.ts';
import type { Intern } from './interner.ts';
import type { StoredRecord } from './resource-store.ts';

export interface ResourceCacheOptions<R extends StoredRecord> {
  readonly client: KubernetesClient;
  readonly resource: ResourceKind;
  /** "" for all namespaces. */
  readonly namespace: string;
  /** Only objects with these labels; all of them unless given. */
  readonly labelSelector?: string | undefined;
  /** Throws for an object that is not as it should be. `intern` gives one copy of texts that repeat. */
  readonly parse: (object: unknown, intern: Intern) => R;
  readonly clock: Clock;
  /** Each failure to list or watch, as it happens: one in half a second at most. */
  readonly onError?: (error: Error) => void;
  /** The API server is listed and watched as before: once after each failure, or after some in a row. */
  readonly onRecovered?: () => void;
  /** A page that came further than those before it: the first list gets on, however slowly. */
  readonly onProgress?: () => void;
  /** An object that `parse` refused, as "namespace/name", once for each reason. It has no record. */
  readonly onMalformed?: (name: string, error: Error) => void;
  readonly pageSize?: number;
  /** Whether a first list of several pages is asked for as a stream. */
  readonly streamed?: boolean;
  /** Pauses between attempts grow up to this, give or take half. Not below half a second. */
  readonly maxPauseMs?: number;
  readonly random?: () => number;
  /** A watch that is silent this long is given up. Well above the bookmarks' interval of a minute. */
  readonly idleTimeoutMs?: number;
}

export interface CacheCounters {
  /** Complete lists. */
  lists: number;
  /** Watches that the API server accepted. */
  watches: number;
  /** Changes that the watch reported. */
  events: number;
  /** Failed lists and watches. */
  errors: number;
}
