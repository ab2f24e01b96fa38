// Besides the requests, the projects of a job take turns: what is begun gets finished before the deadline, and no more
// lists are in memory than can be read at once. Those that must log in wait among themselves: logins are paced, and would
// hold up the projects that have a session.

import pLimit, { type LimitFunction } from 'p-limit';
import type { Session } from '../../shared/session.ts';

interface Turn {
  readonly session?: Session | undefined;
}

export class ProjectTurns {
  readonly #listing: LimitFunction;
  readonly #loggingIn: LimitFunction;

  constructor(concurrency: number) {
    this.#listing = pLimit(concurrency);
    this.#loggingIn = pLimit(concurrency);
  }

  async take<Result>({ session }: Turn, work: () => Promise<Result>): Promise<Result> {
    const limit = session === undefined ? this.#loggingIn : this.#listing;
    return limit(work);
  }
}
