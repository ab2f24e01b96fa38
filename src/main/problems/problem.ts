// A problem of a scope, as every report of the scope gives it while it goes on.

import type { ServerRecord } from '../../shared/server-record.ts';

export interface Problem {
  /** Identity: the same key in the next report is the same problem, going on. Texts that vary stay out of it. */
  readonly key: string;
  /** What it is a problem of, `key` unless given. When it gives way to another problem of the same, it has not ended. */
  readonly subject?: string;
  /** The server that it is a problem of: when that is no more, the problem has not ended, it is nobody's. */
  readonly server?: ServerRecord;
  /** While it goes on, nothing is known of the scope's other problems: they go on unseen. */
  readonly hidesOthers?: boolean;
  /** A subject of which nothing is known while it goes on: its problems go on unseen. */
  readonly hides?: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Given: an error line. Absent: an info line. */
  readonly error?: unknown;
  /** Message of the info line when it ended; absent when the end is not worth a line. */
  readonly ended?: string;
}
