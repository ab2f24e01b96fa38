// The stand-in's storage: every object as one JSON text, and a bounded window of past changes.
//
// An object is serialised once, when it is written; lists and watches send that text as it is. The window gives both
// the watches that resume and the pages of a list that must show one moment: what changed since then is undone.

import { isKubernetesObject, type KubernetesObject, parseJson } from './object.ts';
import type { Resource } from './resources.ts';

export interface Stored {
  /** "<namespace>/<name>", or "<name>" where there are no namespaces. */
  readonly key: string;
  readonly revision: number;
  readonly json: string;
}

export interface Change {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: Resource;
  /** After the change; of a deletion the last state, with the deletion's revision. */
  readonly object: Stored;
  /** Before the change; undefined for ADDED. */
  readonly previous: Stored | undefined;
}

/** A run of keys as they were at one revision. */
export interface Snapshot {
  readonly keys: readonly string[];
  /** Index of the first key of the run. */
  readonly start: number;
  /** Index after the last key of the run. */
  readonly end: number;
  /** Undefined for a key that was not there yet. */
  at(key: string): Stored | undefined;
  /** How many objects there were from an index on. */
  countFrom(index: number): number;
}

export function readStored(stored: Stored): KubernetesObject {
  const value = parseJson(stored.json);
  if (!isKubernetesObject(value)) throw new TypeError(`the stored text of ${stored.key} is no object`);
  return value;
}

class Collection {
  readonly objects = new Map<string, Stored>();
  #sorted: readonly string[] | undefined;

  set(stored: Stored): void {
    if (!this.objects.has(stored.key)) this.#sorted = undefined;
    this.objects.set(stored.key, stored);
  }

  delete(key: string): void {
    if (this.objects.delete(key)) this.#sorted = undefined;
  }

  /** Sorting is put off until a list asks: filling the store with 100,000 objects sorts once. */
  sorted(): readonly string[] {
    this.#sorted ??= [...this.objects.keys()].toSorted();
    return this.#sorted;
  }
}

/** The first index whose key is not before `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Version 1 is so always too old, as it is on any API server that has lived a while.
const firstRevision = 100;

export class KubernetesStore {
  readonly #collections = new Map<Resource, Collection>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #window: number;
  #changes: Change[] = [];
  #revision = firstRevision;
  #floor = firstRevision;

  /** `window` is the number of past changes kept. */
  constructor(window: number) {
    this.#window = window;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision from which a watch can resume and a list can continue. */
  get floor(): number {
    return this.#floor;
  }

  get(resource: Resource, key: string): Stored | undefined {
    return this.#collection(resource).objects.get(key);
  }

  count(resource: Resource): number {
    return this.#collection(resource).objects.size;
  }

  /** Stores the text that `serialise` gives for the next revision. */
  put(resource: Resource, key: string, serialise: (revision: number) => string): Stored {
    const revision = this.#revision + 1;
    const object: Stored = { key, revision, json: serialise(revision) };
    const collection = this.#collection(resource);
    const previous = collection.objects.get(key);
    collection.set(object);
    const type = previous === undefined ? 'ADDED' : 'MODIFIED';
    this.#record({ revision, type, resource, object, previous });
    return object;
  }

  /** `serialise` gives the last state with the deletion's revision, which watches see. */
  remove(resource: Resource, key: string, serialise: (revision: number) => string): void {
    const collection = this.#collection(resource);
    const previous = collection.objects.get(key);
    if (previous === undefined) return;
    const revision = this.#revision + 1;
    const object: Stored = { key, revision, json: serialise(revision) };
    collection.delete(key);
    this.#record({ revision, type: 'DELETED', resource, object, previous });
  }

  /** The changes of a resource after a revision, in order; undefined when some of them are forgotten. */
  changesSince(resource: Resource, revision: number): readonly Change[] | undefined {
    if (revision < this.#floor) return undefined;
    let from = this.#changes.length;
    while (from > 0 && (this.#changes[from - 1]?.revision ?? 0) > revision) from--;
    return this.#changes.slice(from).filter((change) => change.resource === resource);
  }

  /**
   * The keys with a prefix, from `after` (exclusive) on, as they were at a revision; undefined when that moment is
   * forgotten.
   */
  snapshot(
    resource: Resource,
    range: { readonly prefix: string; readonly after: string; readonly revision: number },
  ): Snapshot | undefined {
    const collection = this.#collection(resource);
    const since = this.changesSince(resource, range.revision);
    if (since === undefined) return undefined;
    // The first change since then knows the state of that moment.
    const before = new Map<string, Stored | undefined>();
    for (const change of since)
      if (!before.has(change.object.key)) before.set(change.object.key, change.previous);
    const gone = [...before].filter(([key, stored]) => stored !== undefined && !collection.objects.has(key));
    let keys = collection.sorted();
    if (gone.length > 0) keys = [...keys, ...gone.map(([key]) => key)].toSorted();
    const first = range.after > range.prefix ? `${range.after}\0` : range.prefix;
    const end = range.prefix === '' ? keys.length : lowerBound(keys, `${range.prefix}\uffff`);
    // Counted from the few keys that were not there yet, not by asking for each of perhaps 100,000.
    const later = [...before].filter(([key, stored]) => stored === undefined && collection.objects.has(key));
    const countFrom = (index: number) => {
      const [from, to] = [keys[index], end < keys.length ? keys[end] : undefined];
      if (from === undefined || index >= end) return 0;
      const absent = later.filter(([key]) => key >= from && (to === undefined || key < to));
      return end - index - absent.length;
    };
    return {
      keys,
      end,
      countFrom,
      start: lowerBound(keys, first),
      at: (key) => (before.has(key) ? before.get(key) : collection.objects.get(key)),
    };
  }

  /** Calls `listener` for every change until the returned function is called. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets all past changes: every older revision is too old from now on. */
  compact(): void {
    this.#changes = [];
    this.#floor = this.#revision;
  }

  #record(change: Change): void {
    this.#revision = change.revision;
    this.#changes.push(change);
    const excess = this.#changes.length - this.#window;
    if (excess > 0) this.#floor = this.#changes[excess - 1]?.revision ?? this.#floor;
    // In lumps: shifting the array at every write would cost more than the write.
    if (excess > this.#window) this.#changes = this.#changes.slice(excess);
    for (const listener of this.#listeners) listener(change);
  }

  #collection(resource: Resource): Collection {
    const found = this.#collections.get(resource);
    if (found !== undefined) return found;
    const created = new Collection();
    this.#collections.set(resource, created);
    return created;
  }
}
