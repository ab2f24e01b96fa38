// One account's access to its region during one job, for whatever services: a login that is made when it is needed, and
// made again when it is due or refused.

import { CheckFailure, type ErrorCode, toCheckError } from '../../shared/errors.ts';
import type { Credentials, Session } from '../../shared/session.ts';
import { type LoginTools, logIn } from './login.ts';

/** Failures that a login will meet again however soon: no reason to go on with an old token. */
const refusals: readonly ErrorCode[] = ['unauthorized', 'forbidden', 'wrong-scope', 'invalid-config'];
/** What a service may answer that has moved since the login read the catalog: the next login reads it again. */
const moved: readonly ErrorCode[] = ['not-found', 'no-endpoint'];

export interface TokenSessionOptions {
  readonly credentials: Credentials;
  readonly session: Session | undefined;
}

/**
 * Logs in when there is no session or it is due, and once more when the cloud refuses the token; requests that run at
 * the same time share these logins.
 */
export class TokenSession {
  readonly #tools: LoginTools;
  readonly #credentials: Credentials;
  #session: Session | null;
  #opening: Promise<void> | null = null;
  #renewal: Promise<Session> | null = null;

  constructor(tools: LoginTools, { credentials, session }: TokenSessionOptions) {
    this.#tools = tools;
    this.#credentials = credentials;
    this.#session = session ?? null;
  }

  /** The session to keep, whatever became of the requests made with it; null when there is none worth keeping. */
  get kept(): Session | null {
    return this.#session;
  }

  /** The session to keep after a failure that ended the work with a service. */
  keptAfter(code: ErrorCode): Session | null {
    return moved.includes(code) ? null : this.#session;
  }

  /** Takes what was learnt of a service meanwhile, unless another request has logged in again. */
  replace(session: Session): void {
    if (session.token === this.#session?.token) this.#session = session;
  }

  /** Makes sure that there is a session. Rejects with a CheckFailure. */
  async open(): Promise<void> {
    this.#opening ??= this.#open();
    await this.#opening;
  }

  /** Sends with the session; with a new one when the token was refused. Rejects with a CheckFailure. */
  async use<Reply>(send: (session: Session) => Promise<Reply>): Promise<Reply> {
    await this.open();
    const session = this.#current();
    try {
      return await send(session);
    } catch (thrown) {
      if (toCheckError(thrown).code !== 'unauthorized') throw thrown;
    }
    this.#renewal ??= this.#logIn();
    const renewed = await this.#renewal.catch((thrown: unknown) => this.#forget(thrown));
    try {
      return await send(renewed);
    } catch (thrown) {
      if (toCheckError(thrown).code === 'unauthorized') this.#session = null;
      throw thrown;
    }
  }

  async #open(): Promise<void> {
    const { clock } = this.#tools;
    const old = this.#session;
    if (old !== null && old.renewAtMs > clock.monotonicMs()) return;
    try {
      await this.#logIn();
    } catch (thrown) {
      // A token is due well before it expires: while Keystone is away, the old one still serves.
      const { code, retryAfterMs } = toCheckError(thrown);
      if (old === null || refusals.includes(code)) this.#forget(thrown);
      else if (retryAfterMs !== undefined)
        this.#session = { ...old, renewAtMs: clock.monotonicMs() + retryAfterMs };
    }
  }

  async #logIn(): Promise<Session> {
    const session = await logIn(this.#tools, this.#credentials);
    this.#session = session;
    return session;
  }

  #forget(thrown: unknown): never {
    this.#session = null;
    throw thrown;
  }

  #current(): Session {
    if (this.#session !== null) return this.#session;
    throw new CheckFailure({
      code: 'unauthorized',
      message: 'the token was refused to another request of this poll: the next poll logs in again',
    });
  }
}
