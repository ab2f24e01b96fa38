// A list on its way into the store: its objects are read as they come, and stand once all are there.

import { objectName, type WatchEvent } from './list-watch-messages.ts';
import type { ObjectReader } from './object-reader.ts';
import type { ResourceStore, StoredRecord } from './resource-store.ts';

export class IncomingList<R extends StoredRecord> {
  readonly #reader: ObjectReader<R>;
  readonly #replacement: ReturnType<ResourceStore<R>['replace']>;
  readonly #malformed = new Set<string>();

  constructor(reader: ObjectReader<R>, store: ResourceStore<R>, options: { readonly rewound: boolean }) {
    this.#reader = reader;
    this.#replacement = store.replace(options);
  }

  add(object: unknown): void {
    const record = this.#reader.read(object);
    if (record === null) this.#malformed.add(objectName(object));
    else this.#replacement.add(record);
  }

  /** Of a list that comes as a stream: objects change while it does. */
  apply({ type, object, namespace, name }: WatchEvent): void {
    // Also before a change: the new version may be one that cannot be read.
    if (type !== 'ADDED') this.#replacement.remove(namespace, name);
    if (type !== 'DELETED') this.add(object);
  }

  commit(): void {
    this.#replacement.commit();
    this.#reader.retain(this.#malformed);
  }
}
