// Makes records of objects, and reports those that cannot be read: once for each reason.

import { asError } from '../../../shared/errors.ts';
import { createIntern, type Intern } from './interner.ts';
import { objectName } from './list-watch-messages.ts';

export interface ObjectReaderOptions<R> {
  readonly parse: (object: unknown, intern: Intern) => R;
  readonly onMalformed?: (name: string, error: Error) => void;
}

export class ObjectReader<R> {
  readonly #options: ObjectReaderOptions<R>;
  readonly #intern = createIntern();
  /** Why each object that has no record has none, by "namespace/name". */
  readonly #malformed = new Map<string, string>();

  constructor(options: ObjectReaderOptions<R>) {
    this.#options = options;
  }

  /** Throws as `parse` does. */
  parse(object: unknown): R {
    return this.#options.parse(object, this.#intern);
  }

  /** Null for an object that cannot be read. */
  read(object: unknown): R | null {
    try {
      const record = this.parse(object);
      if (this.#malformed.size > 0) this.#malformed.delete(objectName(object));
      return record;
    } catch (thrown) {
      const error = asError(thrown);
      const name = objectName(object);
      if (this.#malformed.get(name) !== error.message) {
        this.#malformed.set(name, error.message);
        this.#options.onMalformed?.(name, error);
      }
      return null;
    }
  }

  gone(object: unknown): void {
    this.#malformed.delete(objectName(object));
  }

  /** All others are gone. */
  retain(names: ReadonlySet<string>): void {
    for (const name of this.#malformed.keys()) if (!names.has(name)) this.#malformed.delete(name);
  }
}
