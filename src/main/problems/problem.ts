// A problem of a scope, as every report of the scope gives it while it lasts.

import type { ObjectRef } from '../../shared/watched-object.ts';

export interface Problem {
  /** Identity: the same key in the next report is the same problem, going on. Texts that vary stay out of it. */
  readonly key: string;
  /** What it is a problem of, `key` unless given. When it gives way to another problem of the same, it has not ended. */
  readonly subject?: string;
  /** The object that has the problem: if it is deleted, the problem is dropped without an "ended" line. */
  readonly object?: ObjectRef;
  /** While it lasts, nothing is known of the scope's other problems: they neither end nor begin again. */
  readonly hidesOthers?: boolean;
  /** A subject of which nothing is known while it lasts: its problems neither end nor begin again. */
  readonly hides?: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Given: an error line. Absent: an info line. */
  readonly error?: unknown;
  /** Message of the info line when it ended; absent when the end is not worth a line. */
  readonly ended?: string;
}
