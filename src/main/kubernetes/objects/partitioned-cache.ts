// One cache in parts, each with a label selector of its own: of a large resource, only what this process works on. A part
// whose selector changes keeps what it has until the new list is complete.

import { untilAborted } from '../../../shared/until-aborted.ts';
import { createIntern, type Intern } from './interner.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { CacheCounters } from './resource-cache-options.ts';
import type { ChangeListener, StoredRecord } from './resource-store.ts';

/** What others need of a cache, whole or in parts. */
export type ObjectCache<R extends StoredRecord> = Pick<
  ResourceCache<R>,
  | 'counters'
  | 'synced'
  | 'lastError'
  | 'lastContactMs'
  | 'size'
  | 'get'
  | 'values'
  | 'parse'
  | 'put'
  | 'onChange'
  | 'run'
  | 'whenSynced'
>;

export interface PartitionedCacheOptions<R extends StoredRecord> {
  readonly open: (labelSelector: string | undefined) => ResourceCache<R>;
  readonly parse: (object: unknown, intern: Intern) => R;
}

interface Opened<R extends StoredRecord> {
  readonly cache: ResourceCache<R>;
  readonly stop: AbortController;
}

interface Part<R extends StoredRecord> {
  current: Opened<R> | null;
  /** Takes its place once it is complete. */
  next: Opened<R> | null;
}

export class PartitionedCache<R extends StoredRecord> implements ObjectCache<R> {
  readonly #options: PartitionedCacheOptions<R>;
  readonly #intern = createIntern();
  readonly #parts = new Map<number, Part<R>>();
  readonly #listeners = new Set<ChangeListener<R>>();
  readonly #ending = new Set<Promise<void>>();
  /** Of caches that were closed. */
  readonly #past: CacheCounters = { lists: 0, watches: 0, events: 0, errors: 0 };
  #running: AbortSignal | null = null;

  constructor(options: PartitionedCacheOptions<R>) {
    this.#options = options;
  }

  /**
   * Lists and watches a part with another selector. Resolves when the list is complete; false when the part was dropped,
   * or given yet another selector, before.
   */
  async select(number: number, labelSelector: string | undefined): Promise<boolean> {
    const part = this.#part(number);
    if (part.next !== null) this.#close(part.next);
    const next = this.#open(labelSelector);
    part.next = next;
    try {
      await next.cache.whenSynced(next.stop.signal);
    } catch {
      return false;
    }
    if (part.next !== next) return false;
    if (part.current !== null) this.#close(part.current);
    part.current = next;
    part.next = null;
    return true;
  }

  /** Ends a part, and forgets what it had. */
  drop(number: number): void {
    const part = this.#parts.get(number);
    this.#parts.delete(number);
    for (const opened of [part?.current, part?.next]) if (opened) this.#close(opened);
  }

  /** Runs the parts until the signal aborts; before, there are none. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#running = signal;
    await untilAborted(new Promise<never>(() => {}), signal).catch(() => {});
    for (const number of this.#parts.keys()) this.drop(number);
    await Promise.all(this.#ending);
  }

  /** A part counts once its list is complete: what there is always is. */
  get synced(): boolean {
    return true;
  }

  async whenSynced(): Promise<void> {}

  get lastError(): Error | null {
    return this.#all().find(({ lastError }) => lastError !== null)?.lastError ?? null;
  }

  /** Of the part that the API server was silent about for longest. */
  get lastContactMs(): number {
    const contacts = this.#current().map(({ lastContactMs }) => lastContactMs);
    return contacts.length === 0 ? 0 : Math.min(...contacts);
  }

  get counters(): CacheCounters {
    const sum = { ...this.#past };
    for (const { counters } of this.#all()) add(sum, counters);
    return sum;
  }

  get size(): number {
    return this.#current().reduce((sum, { size }) => sum + size, 0);
  }

  get(namespace: string, name: string): R | undefined {
    for (const cache of this.#current()) {
      const record = cache.get(namespace, name);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  *values(): Generator<R, void, undefined> {
    for (const cache of this.#current()) yield* cache.values();
  }

  parse(object: unknown): R {
    return this.#options.parse(object, this.#intern);
  }

  put(record: R): void {
    for (const cache of this.#all()) cache.put(record);
  }

  onChange(listener: ChangeListener<R>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #part(number: number): Part<R> {
    let part = this.#parts.get(number);
    if (part === undefined) {
      part = { current: null, next: null };
      this.#parts.set(number, part);
    }
    return part;
  }

  #open(labelSelector: string | undefined): Opened<R> {
    const cache = this.#options.open(labelSelector);
    const stop = new AbortController();
    cache.onChange((change) => {
      for (const listener of this.#listeners) listener(change);
    });
    if (this.#running === null || this.#running.aborted) {
      stop.abort();
    } else {
      const running = cache.run(stop.signal).finally(() => this.#ending.delete(running));
      this.#ending.add(running);
    }
    return { cache, stop };
  }

  #close({ cache, stop }: Opened<R>): void {
    stop.abort();
    add(this.#past, cache.counters);
  }

  #current(): readonly ResourceCache<R>[] {
    return [...this.#parts.values()].flatMap(({ current }) => (current === null ? [] : [current.cache]));
  }

  #all(): readonly ResourceCache<R>[] {
    return [...this.#parts.values()].flatMap(({ current, next }) =>
      [current, next].flatMap((opened) => (opened === null ? [] : [opened.cache])),
    );
  }
}

function add(sum: CacheCounters, counters: CacheCounters): void {
  sum.lists += counters.lists;
  sum.watches += counters.watches;
  sum.events += counters.events;
  sum.errors += counters.errors;
}
