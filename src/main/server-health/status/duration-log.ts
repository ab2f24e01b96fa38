// Logs why a duration of a server was not measured, with the original's messages and keys.

import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Logger } from '../../log/logger.ts';
import { serverFields } from './server-fields.ts';

export class DurationLog {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  invalidPendingTime(server: ServerRecord, text: string): void {
    this.#logger.error(
      'skipping provision duration: invalid pending-entry-time annotation',
      `cannot parse ${JSON.stringify(text)} as an RFC 3339 time`,
      serverFields(server),
    );
  }

  clockSkew(server: ServerRecord, pendingSince: string): void {
    this.#logger.info('skipping duration metric: negative duration (clock skew?)', {
      ...serverFields(server),
      pending_entry_time: pendingSince,
    });
  }

  bootClockSkew(
    server: ServerRecord,
    times: Readonly<Record<'created_at', string> & Partial<Record<'launched_at' | 'scheduled_at', string>>>,
  ): void {
    this.#logger.info('skipping duration metric: negative duration (clock skew?)', {
      ...serverFields(server),
      ...times,
    });
  }
}
