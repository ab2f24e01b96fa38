// The records of one resource, by namespace and name, and the rules for which version stands.
//
// Versions of one object reach us on three ways, in any order: lists, the watch, and the responses to our own writes.
// The newer one stands. Deletions come with lists and the watch only.

import { asError } from '../../../shared/errors.ts';

export interface StoredRecord {
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion: string;
}

/** For "delete", `record` is the last version that was known. */
export interface Change<R> {
  readonly type: 'put' | 'delete';
  readonly record: R;
  readonly previous: R | undefined;
}

/** Called at once, for every change: it must be quick. */
export type ChangeListener<R> = (change: Change<R>) => void;

/** Below zero when `a` is the older. The API server counts upwards, in numbers that may not fit a double. */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By namespace, then name: a joined key would cost a string for each record. */
type Content<R> = Map<string, Map<string, R>>;

export class ResourceStore<R extends StoredRecord> {
  readonly #listeners = new Set<ChangeListener<R>>();
  readonly #onListenerError: (error: Error) => void;
  #content: Content<R> = new Map();
  #size = 0;
  #replacement: Replacement<R> | null = null;

  constructor(options: { onListenerError: (error: Error) => void }) {
    this.#onListenerError = options.onListenerError;
  }

  get size(): number {
    return this.#size;
  }

  get(namespace: string, name: string): R | undefined {
    return this.#content.get(namespace)?.get(name);
  }

  *values(): Generator<R, void, undefined> {
    for (const names of this.#content.values()) yield* names.values();
  }

  onChange(listener: ChangeListener<R>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the watch says. An older version than ours is an echo of the past: our own write was quicker. */
  apply(record: R): void {
    const previous = this.get(record.namespace, record.name);
    if (previous !== undefined && compareVersions(record.resourceVersion, previous.resourceVersion) <= 0)
      return;
    this.#set(record, previous);
  }

  /**
   * The response to our own write. Ignored when something newer is here, and when nothing is: then the object was
   * deleted meanwhile, and what the response describes is gone.
   */
  put(record: R): void {
    if (this.get(record.namespace, record.name) === undefined) return;
    this.#replacement?.written.push(record);
    this.apply(record);
  }

  /** The object is gone as of `resourceVersion`; a record that is newer belongs to its successor and stays. */
  remove(namespace: string, name: string, resourceVersion: string): void {
    const record = this.get(namespace, name);
    if (record === undefined || compareVersions(record.resourceVersion, resourceVersion) > 0) return;
    const names = this.#content.get(namespace);
    names?.delete(name);
    if (names?.size === 0) this.#content.delete(namespace);
    this.#size -= 1;
    this.#emit({ type: 'delete', record, previous: record });
  }

  /**
   * Begins to collect a complete list, page by page; `commit` puts it in place at once. Until then the old content
   * stands. `rewound` says that the API server's history is not the one that we know (a restored backup): then
   * versions cannot be compared, and what the list says stands.
   */
  replace(options: { rewound: boolean }): {
    add(record: R): void;
    /** It was added, and is gone again. */
    remove(namespace: string, name: string): void;
    commit(): void;
  } {
    const replacement: Replacement<R> = { content: new Map(), size: 0, kept: 0, changed: [], written: [] };
    this.#replacement = replacement;
    return {
      add: (record) => {
        const old = this.get(record.namespace, record.name);
        const keep =
          old !== undefined &&
          !options.rewound &&
          compareVersions(old.resourceVersion, record.resourceVersion) >= 0;
        const stands = keep ? old : record;
        if (!keep) replacement.changed.push(record);
        if (!insert(replacement.content, stands)) return;
        replacement.size += 1;
        if (old !== undefined) replacement.kept += 1;
      },
      remove: (namespace, name) => {
        const names = replacement.content.get(namespace);
        if (names?.delete(name) !== true) return;
        replacement.size -= 1;
        if (names.size === 0) replacement.content.delete(namespace);
        if (this.get(namespace, name) !== undefined) replacement.kept -= 1;
      },
      commit: () => {
        if (this.#replacement === replacement) this.#commit(replacement);
      },
    };
  }

  #commit(replacement: Replacement<R>): void {
    for (const written of replacement.written) {
      const listed = replacement.content.get(written.namespace)?.get(written.name);
      const stands = this.get(written.namespace, written.name);
      if (listed === undefined || stands === undefined) continue;
      if (compareVersions(stands.resourceVersion, listed.resourceVersion) > 0)
        insert(replacement.content, stands);
    }
    const old = this.#content;
    const oldSize = this.#size;
    this.#content = replacement.content;
    this.#size = replacement.size;
    this.#replacement = null;
    for (const record of replacement.changed) {
      // A write of ours came in between and was announced then.
      if (this.get(record.namespace, record.name) !== record) continue;
      this.#emit({ type: 'put', record, previous: old.get(record.namespace)?.get(record.name) });
    }
    if (replacement.kept === oldSize) return;
    for (const names of old.values()) {
      for (const record of names.values()) {
        if (this.get(record.namespace, record.name) === undefined)
          this.#emit({ type: 'delete', record, previous: record });
      }
    }
  }

  #set(record: R, previous: R | undefined): void {
    if (insert(this.#content, record)) this.#size += 1;
    this.#emit({ type: 'put', record, previous });
  }

  /** A listener's defect is its own: the others, and the watch, continue. */
  #emit(change: Change<R>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#onListenerError(asError(error));
      }
    }
  }
}

interface Replacement<R> {
  readonly content: Content<R>;
  size: number;
  /** Records that are in the old content, too: as many as it had means that nothing was deleted. */
  kept: number;
  readonly changed: R[];
  /** Our own writes since the list began: it may show what they replaced. */
  readonly written: R[];
}

/** True when it was not there before. */
function insert<R extends StoredRecord>(content: Content<R>, record: R): boolean {
  let names = content.get(record.namespace);
  if (names === undefined) {
    names = new Map();
    content.set(record.namespace, names);
  }
  const before = names.size;
  names.set(record.name, record);
  return names.size > before;
}
