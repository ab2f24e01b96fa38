// Logs why a duration of a server was not measured, with the original's messages and keys.

import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Logger } from '../../log/logger.ts';
import { serverFields } from './server-fields.ts';

export class DurationLog {
  readonly #logger: Logger;
  readonly #fields: typeof serverFields;

  constructor(logger: Logger, fields: typeof serverFields = serverFields) {
    this.#logger = logger;
    this.#fields = fields;
  }

  invalidPendingTime(server: ServerRecord, text: string): void {
    this.#logger.error(
      'skipping provision duration: invalid pending-entry-time annotation',
      `cannot parse ${JSON.stringify(text)} as an RFC 3339 time`,
      this.#fields(server),
    );
  }

  clockSkew(server: ServerRecord, pendingSince: string): void {
    this.#logger.info('skipping duration metric: negative duration (clock skew?)', {
      ...this.#fields(server),
      pending_entry_time: pendingSince,
    });
  }

  bootClockSkew(
    server: ServerRecord,
    times: Readonly<Record<'created_at', string> & Partial<Record<'launched_at' | 'scheduled_at', string>>>,
  ): void {
    this.#logger.info('skipping duration metric: negative duration (clock skew?)', {
      ...this.#fields(server),
      ...times,
    });
  }
}
