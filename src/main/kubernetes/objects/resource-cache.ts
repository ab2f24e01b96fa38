// A copy of one resource, kept up to date by list and watch.
//
// - A list is read in pages and replaces the content at once; what it lacks is reported as deleted. The first one, when it
//   has several pages, comes as a stream where the API server can do that (initial-events).
// - A watch continues from the last version that was seen (bookmarks move it forward in quiet times), so that a broken
//   connection costs nothing but the events that were missed. When the API server cannot go on from that version, all
//   is listed again (watch-position).
// - A connection whose other end is gone is noticed by its silence: bookmarks come about every minute.
// - Errors are waited out, for as long as they last; nothing is thrown, and the old content stays.
//
// Not @kubernetes/client-node's informer: it stops at the first broken connection, takes no bookmarks and no pages, and
// keeps whole objects (10,000 of 1.4 KB: 190 MB of memory, where plain requests and a Map take 119 MB).

import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { Backoff } from '../../../shared/backoff.ts';
import { asError } from '../../../shared/errors.ts';
import { untilAborted } from '../../../shared/until-aborted.ts';
import { resourcePath } from '../client.ts';
import { ApiError } from '../errors.ts';
import { IncomingList } from './incoming-list.ts';
import { streamList } from './initial-events.ts';
import { endedAtOnce, parseListPage, parseWatchEvent, type WatchEvent } from './list-watch-messages.ts';
import { ObjectReader } from './object-reader.ts';
import type { CacheCounters, ResourceCacheOptions } from './resource-cache-options.ts';
import { type ChangeListener, ResourceStore, type StoredRecord } from './resource-store.ts';
import { isVersionGone, WatchPosition } from './watch-position.ts';

const firstPauseMs = 500;
/** A watch that lasted this long was a good one, even if nothing happened meanwhile. */
const goodWatchMs = 5_000;
/** A watch that ended sooner had no time to say anything, so its silence means nothing. */
const silentWatchMs = 30_000;
/** However long a Retry-After asks for, we look again after this. */
const longestRetryAfterMs = 5 * 60_000;
/** Pages grow up to so many times their size while lists do not end before the API server forgets their version. */
const maxPageGrowth = 8;
/** A page that is larger than an answer may be is asked for again with so many times fewer objects. */
const pageShrinkage = 4;
const usualPageSize = 500;

export class ResourceCache<R extends StoredRecord> {
  readonly counters: CacheCounters = { lists: 0, watches: 0, events: 0, errors: 0 };
  readonly #options: ResourceCacheOptions<R>;
  readonly #path: string;
  /** Which objects are listed and watched. */
  readonly #selection: Readonly<Record<string, string>>;
  readonly #random: () => number;
  readonly #reader: ObjectReader<R>;
  readonly #store: ResourceStore<R>;
  readonly #backoff: Backoff;
  readonly #firstSync = Promise.withResolvers<void>();
  readonly #position = new WatchPosition();
  /** A server that sends bookmarks is never silent for long. */
  #bookmarked = false;
  /** What failed once is not tried again: pages always work. */
  #streamed: boolean;
  /** Objects in a page of a list. */
  #pageSize: number;
  /** Pages of the list that came furthest, since the last one that was complete or expired; of a stream, as many objects. */
  #furthestPage = 0;
  #synced = false;
  /** Between a failure and the good watch that ends it. */
  #failing = false;
  #lastError: Error | null = null;
  #lastContactMs = 0;

  constructor(options: ResourceCacheOptions<R>) {
    this.#options = options;
    this.#path = resourcePath(options.resource, options.namespace);
    this.#selection = options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector };
    this.#streamed = options.streamed ?? false;
    this.#pageSize = this.#usualPageSize;
    this.#random = options.random ?? Math.random;
    this.#reader = new ObjectReader(options);
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

  /** What went wrong last; null while a watch is open. */
  get lastError(): Error | null {
    return this.#lastError;
  }

  /** Monotonic milliseconds at which the API server last said something of the resource; 0 before. Failures do not count. */
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
    return this.#reader.parse(object);
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
    await untilAborted(this.#firstSync.promise, signal);
  }

  /** Lists and watches until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const position = this.#position.version ?? (await this.#list(signal));
        await this.#watch(position, signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(asError(error), signal);
      }
    }
  }

  async #recover(error: Error, signal: AbortSignal): Promise<void> {
    this.counters.errors += 1;
    this.#lastError = error;
    this.#failing = true;
    this.#options.onError?.(error);
    this.#position.failed(error);
    const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const pauseMs = this.#backoff.next(Math.min(retryAfterMs, longestRetryAfterMs));
    await this.#options.clock.sleep(pauseMs, signal).catch(() => {});
  }

  async #list(signal: AbortSignal): Promise<string> {
    let list: IncomingList<R> | undefined;
    let token = '';
    for (let pages = 1; ; pages += 1) {
      const query = { ...this.#selection, ...(token === '' ? {} : { continue: token }) };
      const page = parseListPage(await this.#page(query, signal), this.#options.resource);
      this.#contact();
      this.#progress(pages);
      const streamed = pages === 1 && page.continue !== '' ? await this.#stream(signal) : null;
      if (streamed !== null) return streamed;
      const rewound = this.#position.isBehind(page.resourceVersion);
      list ??= new IncomingList(this.#reader, this.#store, { rewound });
      for (const item of page.items) list.add(item);
      if (page.continue === '') return this.#listed(list, page.resourceVersion);
      if (page.continue === token)
        throw new Error(`list ${this.#options.resource}: the same page came twice`);
      token = page.continue;
      // A page takes some milliseconds to parse; others get their turn in between.
      await yieldToOthers();
    }
  }

  /** The whole first list as a stream; null when that is not to be had. */
  async #stream(signal: AbortSignal): Promise<string | null> {
    if (!this.#streamed || this.#synced) return null;
    const { client, resource } = this.#options;
    const list = new IncomingList(this.#reader, this.#store, { rewound: false });
    const asked = { path: this.#path, resource, query: this.#selection };
    let received = 0;
    const take = (event: WatchEvent): void => {
      received += 1;
      this.#contact();
      this.#progress(Math.floor(received / this.#usualPageSize));
      list.apply(event);
    };
    try {
      return this.#listed(list, await streamList(client, asked, { signal, take }));
    } catch (error) {
      if (signal.aborted) throw error;
      this.#streamed = false;
      this.#furthestPage = 0;
      return null;
    }
  }

  #listed(list: IncomingList<R>, version: string): string {
    list.commit();
    this.#position.listed(version);
    this.#pageSize = Math.min(this.#pageSize, this.#usualPageSize);
    this.counters.lists += 1;
    this.#synced = true;
    this.#firstSync.resolve();
    return version;
  }

  /**
   * When objects are so large that the answer is more than may be read, there are fewer in a page. When the list expires in
   * the middle, the next one has larger pages, takes fewer requests, and may be in time.
   */
  async #page(selected: Readonly<Record<string, string>>, signal: AbortSignal): Promise<unknown> {
    const query = { ...selected, limit: String(this.#pageSize) };
    try {
      return await this.#options.client.get(this.#path, { signal, query });
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'ResponseTooLarge' && this.#pageSize > 1) {
        this.#pageSize = Math.ceil(this.#pageSize / pageShrinkage);
        return this.#page(selected, signal);
      }
      if (selected['continue'] !== undefined && isVersionGone(error)) {
        this.#pageSize = Math.min(this.#pageSize * 2, this.#usualPageSize * maxPageGrowth);
        this.#furthestPage = 0;
      }
      throw error;
    }
  }

  get #usualPageSize(): number {
    return this.#options.pageSize ?? usualPageSize;
  }

  /** The same pages again and again, before one that fails, are no progress. */
  #progress(pages: number): void {
    if (this.#synced || pages <= this.#furthestPage) return;
    this.#furthestPage = pages;
    this.#options.onProgress?.();
  }

  async #watch(position: string, signal: AbortSignal): Promise<void> {
    const { client, clock, idleTimeoutMs = 150_000 } = this.#options;
    const query = {
      ...this.#selection,
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
      this.#lastError = null;
      this.counters.watches += 1;
      void this.#goodAfter(clock.sleep(goodWatchMs, AbortSignal.any([signal, ended.signal])));
    };
    try {
      for await (const event of client.stream(this.#path, { query, signal, idleTimeoutMs, onOpen })) {
        this.#apply(parseWatchEvent(event, this.#options.resource));
        received += 1;
        this.#good();
      }
      if (received === 0 && !this.#lasted(openedMs)) throw endedAtOnce(this.#options.resource);
    } catch (error) {
      // Without bookmarks, silence does not mean a broken connection: just ask again.
      if (this.#bookmarked || !(error instanceof ApiError) || error.reason !== 'IdleTimeout') throw error;
    } finally {
      ended.abort();
      if (received > 0 || this.#lasted(openedMs)) this.#backoff.reset();
      const silent = received === 0 && this.#lasted(openedMs, Math.min(silentWatchMs, idleTimeoutMs / 2));
      if (!signal.aborted && silent) this.#position.silent();
    }
  }

  /** A watch that was accepted is not yet a good one: it may be ended at once, again and again. */
  async #goodAfter(proof: Promise<void>): Promise<void> {
    try {
      await proof;
      this.#good();
    } catch {
      // The watch ended before.
    }
  }

  #good(): void {
    this.#contact();
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.onRecovered?.();
  }

  #lasted(openedMs: number | null, ms = goodWatchMs): boolean {
    return openedMs !== null && this.#options.clock.monotonicMs() - openedMs >= ms;
  }

  #apply(event: WatchEvent): void {
    const { type, object, version } = event;
    this.#position.moved(version, this.#options.resource);
    if (type === 'BOOKMARK') this.#bookmarked = true;
    else this.counters.events += 1;
    const record = type === 'ADDED' || type === 'MODIFIED' ? this.#reader.read(object) : null;
    if (record !== null) {
      this.#store.apply(record);
    } else if (type !== 'BOOKMARK') {
      this.#store.remove(event.namespace, event.name, version);
      if (type === 'DELETED') this.#reader.gone(object);
    }
  }

  #contact(): void {
    this.#lastContactMs = this.#options.clock.monotonicMs();
  }
}
