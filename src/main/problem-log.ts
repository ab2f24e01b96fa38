// Says each problem once when it begins and once when it ends, instead of at every poll, and bounds the lines that a mass
// failure writes: the first ones in full, then a count.

import type { Logger } from './logger.ts';

export interface Problem {
  /** Identity: the same key in the next report is the same problem, going on. Texts that vary stay out of it. */
  readonly key: string;
  /** What it is a problem of, `key` unless given. When it gives way to another problem of the same, it has not ended. */
  readonly subject?: string;
  /** While it goes on, nothing is known of the scope's other problems: they go on unseen. */
  readonly hidesOthers?: boolean;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Given: an error line. Absent: an info line. */
  readonly error?: unknown;
  /** Message of the info line when it ended; absent when the end is not worth a line. */
  readonly ended?: string;
}

/** Lines of one message that one report writes in full. */
const fullLines = 20;

export class ProblemLog {
  readonly #logger: Logger;
  /** Problems that go on, by scope and key. */
  readonly #open = new Map<string, Map<string, Problem>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Takes all problems that a scope (a region, say) has now. What is new is logged, what is no longer among them is
   * logged as ended.
   */
  report(scope: string, problems: readonly Problem[]): void {
    const before = this.#open.get(scope) ?? new Map<string, Problem>();
    const now = new Map(problems.map((problem) => [problem.key, problem]));
    const subjects = new Set([...now.values()].map(subjectOf));
    const begun = [...now.values()].filter(({ key }) => !before.has(key));
    const gone = [...before.values()].filter((problem) => !subjects.has(subjectOf(problem)));
    const hidden = problems.some(({ hidesOthers }) => hidesOthers === true);
    const ended = hidden ? [] : gone;
    if (hidden) for (const problem of gone) now.set(problem.key, problem);
    this.#write(scope, ended, ({ ended, fields }) => {
      if (ended !== undefined) this.#logger.info(ended, fields);
    });
    this.#write(scope, begun, ({ message, error, fields }) => {
      if (error === undefined) this.#logger.info(message, fields);
      else this.#logger.error(message, error, fields);
    });
    if (now.size === 0) this.#open.delete(scope);
    else this.#open.set(scope, now);
  }

  /** Drops a scope that is no more, without a word about its problems. */
  forget(scope: string): void {
    this.#open.delete(scope);
  }

  #write(scope: string, problems: readonly Problem[], write: (problem: Problem) => void): void {
    const written = new Map<string, number>();
    for (const problem of problems) {
      const count = (written.get(problem.message) ?? 0) + 1;
      written.set(problem.message, count);
      if (count <= fullLines) write(problem);
    }
    for (const [message, count] of written) {
      if (count <= fullLines) continue;
      this.#logger.info('further lines of the same message left out', {
        message,
        region: scope,
        count: count - fullLines,
      });
    }
  }
}

function subjectOf({ key, subject }: Problem): string {
  return subject ?? key;
}
