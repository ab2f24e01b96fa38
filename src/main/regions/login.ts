// One account of a region, and its session. A session is used with exactly the credentials that it was made with.

import { isDeepStrictEqual } from 'node:util';
import type { Credentials, Session } from '../../shared/session.ts';

export class Login {
  #credentials: Credentials | null = null;
  #session: Session | null = null;

  /** The session to use again; undefined when there is none for these credentials. */
  session(credentials: Credentials | undefined): Session | undefined {
    if (this.#session === null || !isDeepStrictEqual(this.#credentials, credentials)) return undefined;
    return this.#session;
  }

  keep(credentials: Credentials | undefined, session: Session | null): void {
    this.#credentials = credentials ?? null;
    this.#session = credentials === undefined ? null : session;
  }

  drop(): void {
    this.#session = null;
  }
}
