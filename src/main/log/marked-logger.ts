// A logger whose lines all carry the same fields, so that they are not taken for another monitor's.

import type { Fields, Logger } from './logger.ts';

export class MarkedLogger implements Logger {
  readonly #logger: Logger;
  readonly #mark: Fields;

  constructor(logger: Logger, mark: Fields) {
    this.#logger = logger;
    this.#mark = mark;
  }

  debug(msg: string, fields: Fields = {}): void {
    this.#logger.debug(msg, { ...this.#mark, ...fields });
  }

  info(msg: string, fields: Fields = {}): void {
    this.#logger.info(msg, { ...this.#mark, ...fields });
  }

  error(msg: string, error: unknown, fields: Fields = {}): void {
    this.#logger.error(msg, error, { ...this.#mark, ...fields });
  }

  named(name: string): Logger {
    return new MarkedLogger(this.#logger.named(name), this.#mark);
  }
}
