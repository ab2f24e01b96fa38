// One login's use during one job, for whatever service: opened when it is needed, renewed when it is due or refused.

import type { Clock } from '../../shared/clock.ts';
import { CheckFailure, type ErrorCode, toCheckError } from '../../shared/errors.ts';
import type { ApiReply } from './client.ts';

/** Failures that a login will meet again however soon: no reason to go on with an old token. */
const refusals: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'wrong-scope',
  'no-endpoint',
  'invalid-config',
];

/** What a session of any service has. */
export interface Renewable {
  readonly token: string;
  /** Monotonic milliseconds. */
  readonly renewAtMs: number;
}

export interface TokenSessionOptions<Kept extends Renewable> {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly logIn: () => Promise<Kept>;
  readonly session: Kept | undefined;
}

/**
 * Logs in when there is no session or it is due, and once more when the cloud refuses the token; requests that run at
 * the same time share these logins.
 */
export class TokenSession<Kept extends Renewable> {
  readonly #options: TokenSessionOptions<Kept>;
  #session: Kept | null;
  #opening: Promise<Kept> | null = null;
  #renewal: Promise<Kept> | null = null;

  constructor(options: TokenSessionOptions<Kept>) {
    this.#options = options;
    this.#session = options.session ?? null;
  }

  /** The session to keep, whatever became of the requests made with it; null when there is none worth keeping. */
  get kept(): Kept | null {
    return this.#session;
  }

  /** Takes what was learnt of the service meanwhile. */
  replace(session: Kept): void {
    this.#session = session;
  }

  /** Makes sure that there is a session. Rejects with a CheckFailure. */
  async open(): Promise<void> {
    this.#opening ??= this.#open();
    await this.#opening;
  }

  /** Sends with the session; with a new one when the token was refused. Rejects with a CheckFailure. */
  async use(send: (session: Kept) => Promise<ApiReply>): Promise<ApiReply> {
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

  async #open(): Promise<Kept> {
    const { clock } = this.#options;
    const old = this.#session;
    if (old !== null && old.renewAtMs > clock.monotonicMs()) return old;
    try {
      return await this.#logIn();
    } catch (thrown) {
      // A token is due well before it expires: while Keystone is away, the old one still serves.
      const { code, retryAfterMs } = toCheckError(thrown);
      if (old === null || refusals.includes(code)) return this.#forget(thrown);
      if (retryAfterMs === undefined) return old;
      this.#session = { ...old, renewAtMs: clock.monotonicMs() + retryAfterMs };
      return this.#session;
    }
  }

  async #logIn(): Promise<Kept> {
    const session = await this.#options.logIn();
    this.#session = session;
    return session;
  }

  #forget(thrown: unknown): never {
    this.#session = null;
    throw thrown;
  }

  #current(): Kept {
    if (this.#session !== null) return this.#session;
    throw new CheckFailure({
      code: 'unauthorized',
      message: 'the token was refused to another request of this poll: the next poll logs in again',
    });
  }
}
