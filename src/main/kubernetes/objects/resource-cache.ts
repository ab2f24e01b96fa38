// A copy of one resource, kept up to date by list and watch.
//
// - A list is read in pages and replaces the content at once; what it lacks is reported as deleted.
// - A watch goes on from the last version that was seen (bookmarks move it forward in quiet times), so that a broken
//   connection costs nothing but the events that were missed. When the API server has forgotten that version (410),
//   all is listed again.
// - A connection whose other end is gone is noticed by its silence: bookmarks come about every minute.
// - Errors are waited out, for as long as they last; nothing is thrown, and the old content stays.
//
// Not @kubernetes/client-node's informer: it stops at the first broken connection, takes no bookmarks and no pages, and
// keeps whole objects (10,000 of 1.4 KB: 190 MB of memory, where plain requests and a Map take 119 MB).

import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Clock } from '../../../shared/clock.ts';
import { type KubernetesClient, type ResourceKind, resourcePath } from '../client.ts';
import { ApiError } from '../errors.ts';
import { Backoff } from './backoff.ts';
import { createIntern, type Intern } from './interner.ts';
import {
  historyLost,
  objectName,
  parseListPage,
  parseWatchEvent,
  type WatchEvent,
} from './list-watch-messages.ts';
import { type ChangeListener, compareVersions, ResourceStore, type StoredRecord } from './resource-store.ts';

export interface ResourceCacheOptions<R extends StoredRecord> {
  readonly client: KubernetesClient;
  readonly resource: ResourceKind;
  /** "" for all namespaces. */
  readonly namespace: string;
  /** Throws for an object that is not as it should be. `intern` gives one copy of texts that repeat. */
  readonly parse: (object: unknown, intern: Intern) => R;
  readonly clock: Clock;
  /** Each failure to list or watch, as it happens: one in half a second at most. */
  readonly onError?: (error: Error) => void;
  /** The API server is listed and watched as before: once after each failure, or after some in a row. */
  readonly onRecovered?: () => void;
  /** An object that `parse` refused, as "namespace/name", once for each reason. It has no record. */
  readonly onMalformed?: (name: string, error: Error) => void;
  readonly pageSize?: number;
  /** Pauses between attempts grow up to this, give or take half. Not below half a second. */
  readonly maxPauseMs?: number;
  readonly random?: () => number;
  /** A watch that is silent for so long is given up. Well above the bookmarks' interval of a minute. */
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
  /** Lists that were needed because the watch could not go on. */
  relists: number;
}

const firstPauseMs = 500;
/** A watch that lasted so long was a good one, even if nothing happened meanwhile. */
const goodWatchMs = 5_000;
/** A watch that ended sooner had no time to say anything: that it was silent is no sign of anything. */
const silentWatchMs = 30_000;
/** However long a Retry-After asks for, we look again after this. */
const longestRetryAfterMs = 5 * 60_000;

export class ResourceCache<R extends StoredRecord> {
  readonly counters: CacheCounters = { lists: 0, watches: 0, events: 0, errors: 0, relists: 0 };
  readonly #options: ResourceCacheOptions<R>;
  readonly #path: string;
  readonly #random: () => number;
  readonly #intern = createIntern();
  readonly #store: ResourceStore<R>;
  readonly #backoff: Backoff;
  readonly #firstSync = Promise.withResolvers<void>();
  /** Why each object that has no record has none, by "namespace/name". */
  readonly #malformed = new Map<string, string>();
  /** The version to watch from; null asks for a list. */
  #position: string | null = null;
  /** The newest version that we ever saw. */
  #newest = '';
  #silentWatches = 0;
  #synced = false;
  /** Between a failure and the good watch that ends it. */
  #failing = false;
  #lastError: Error | null = null;
  #lastContactMs = 0;

  constructor(options: ResourceCacheOptions<R>) {
    this.#options = options;
    this.#path = resourcePath(options.resource, options.namespace);
    this.#random = options.random ?? Math.random;
    this.#store = new ResourceStore({ onListenerError: (error) => options.onError?.(error) });
    const { maxPauseMs = 30_000 } = options;
    this.#backoff = new Backoff({
      firstMs: firstPauseMs,
      maxMs: Math.max(firstPauseMs, maxPauseMs),
      random: this.#random,
    });
  }

  /** True once a complete list was read, and from then on. */
  get synced(): boolean {
    return this.#synced;
  }

  /** What went wrong last; null while all is well. */
  get lastError(): Error | null {
    return this.#lastError;
  }

  /** Monotonic milliseconds at which the API server last said anything; 0 before. */
  get lastContactMs(): number {
    return this.#lastContactMs;
  }

  get size(): number {
    return this.#store.size;
  }

  get(namespace: string, name: string): R | undefined {
    return this.#store.get(namespace, name);
  }

  values(): Iterable<R> {
    return this.#store.values();
  }

  /** An object as the cache would keep it, sharing the texts that repeat: for what is `put`. Throws as `parse` does. */
  parse(object: unknown): R {
    return this.#options.parse(object, this.#intern);
  }

  /** The response to a write of ours: ignored when something newer is here, or when the object is gone. */
  put(record: R): void {
    this.#store.put(record);
  }

  /** Calls the listener for each change, at once; it must be quick. Returns what ends it. */
  onChange(listener: ChangeListener<R>): () => void {
    return this.#store.onChange(listener);
  }

  /** Rejects with the signal's reason when that comes first. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#firstSync.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Lists and watches until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const position = this.#position ?? (await this.#list(signal));
        await this.#watch(position, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error instanceof Error ? error : new Error(String(error)), signal);
      }
    }
  }

  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    this.counters.errors += 1;
    this.#lastError = error;
    this.#failing = true;
    this.#options.onError?.(error);
    if (error instanceof ApiError && error.status === 410) this.#forgetPosition();
    const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const pauseMs = this.#backoff.next(Math.min(retryAfterMs, longestRetryAfterMs));
    await this.#options.clock.sleep(pauseMs, signal).catch(() => {});
  }

  #forgetPosition(): void {
    if (this.#position === null) return;
    this.#position = null;
    this.counters.relists += 1;
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, pageSize = 500 } = this.#options;
    const malformed = new Set<string>();
    let replacement: ReturnType<ResourceStore<R>['replace']> | undefined;
    let token = '';
    for (;;) {
      const query = { limit: String(pageSize), ...(token === '' ? {} : { continue: token }) };
      const page = parseListPage(await client.get(this.#path, { signal, query }), this.#options.resource);
      this.#contact();
      replacement ??= this.#store.replace({
        rewound: compareVersions(page.resourceVersion, this.#newest) < 0,
      });
      for (const item of page.items) {
        const record = this.#read(item);
        if (record === null) malformed.add(objectName(item));
        else replacement.add(record);
      }
      if (page.continue === '') {
        replacement.commit();
        for (const name of this.#malformed.keys()) if (!malformed.has(name)) this.#malformed.delete(name);
        this.#position = page.resourceVersion;
        this.#newest = page.resourceVersion;
        this.#silentWatches = 0;
        this.#lastError = null;
        this.counters.lists += 1;
        this.#synced = true;
        this.#firstSync.resolve();
        return page.resourceVersion;
      }
      if (page.continue === token)
        throw new Error(`list ${this.#options.resource}: the same page came twice`);
      token = page.continue;
      // A page takes some milliseconds to parse; others get their turn in between.
      await yieldToOthers();
    }
  }

  async #watch(position: string, signal: AbortSignal): Promise<void> {
    const { client, clock, idleTimeoutMs = 150_000 } = this.#options;
    const query = {
      watch: 'true',
      resourceVersion: position,
      allowWatchBookmarks: 'true',
      // Spread, so that the replicas' watches do not end together.
      timeoutSeconds: String(240 + Math.floor(this.#random() * 60)),
    };
    let openedMs: number | null = null;
    let received = 0;
    const ended = new AbortController();
    const onOpen = (): void => {
      openedMs = clock.monotonicMs();
      this.#contact();
      this.#lastError = null;
      this.counters.watches += 1;
      if (this.#failing)
        void this.#recoverBy(clock.sleep(goodWatchMs, AbortSignal.any([signal, ended.signal])));
    };
    try {
      for await (const event of client.stream(this.#path, { query, signal, idleTimeoutMs, onOpen })) {
        this.#contact();
        this.#apply(parseWatchEvent(event, this.#options.resource));
        received += 1;
        this.#recovered();
      }
      if (received === 0 && !this.#lasted(openedMs))
        throw new Error(`watch ${this.#options.resource}: ended at once`);
    } finally {
      ended.abort();
      if (received > 0 || this.#lasted(openedMs)) this.#backoff.reset();
      const silent = received === 0 && this.#lasted(openedMs, Math.min(silentWatchMs, idleTimeoutMs / 2));
      if (!signal.aborted && (received > 0 || silent)) this.#judgeSilence(silent);
    }
  }

  /** A watch that was accepted is not yet a good one: it may be ended at once, again and again. */
  async #recoverBy(proof: Promise<void>): Promise<void> {
    try {
      await proof;
      this.#recovered();
    } catch {
      // The watch ended before.
    }
  }

  #recovered(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.onRecovered?.();
  }

  #lasted(openedMs: number | null, ms = goodWatchMs): boolean {
    return openedMs !== null && this.#options.clock.monotonicMs() - openedMs >= ms;
  }

  /**
   * After a restored backup the API server's versions are below ours: it then accepts the watch and stays silent until
   * it has caught up, which may be never. So two silent watches in a row ask for a list.
   */
  #judgeSilence(silent: boolean): void {
    this.#silentWatches = silent ? this.#silentWatches + 1 : 0;
    if (this.#silentWatches >= 2) this.#forgetPosition();
  }

  #apply(event: WatchEvent): void {
    const { type, object, version } = event;
    // Within one history versions only grow.
    if (compareVersions(version, this.#newest) < 0) throw historyLost(this.#options.resource);
    if (type !== 'BOOKMARK') this.counters.events += 1;
    const record = type === 'ADDED' || type === 'MODIFIED' ? this.#read(object) : null;
    if (record !== null) {
      this.#store.apply(record);
    } else if (type !== 'BOOKMARK') {
      this.#store.remove(event.namespace, event.name, version);
      if (type === 'DELETED') this.#malformed.delete(objectName(object));
    }
    this.#position = version;
    this.#newest = version;
  }

  /** Null for an object that cannot be read; that is said once for each reason. */
  #read(object: unknown): R | null {
    try {
      const record = this.parse(object);
      if (this.#malformed.size > 0) this.#malformed.delete(objectName(object));
      return record;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      const name = objectName(object);
      if (this.#malformed.get(name) !== error.message) {
        this.#malformed.set(name, error.message);
        this.#options.onMalformed?.(name, error);
      }
      return null;
    }
  }

  #contact(): void {
    this.#lastContactMs = this.#options.clock.monotonicMs();
  }
}
