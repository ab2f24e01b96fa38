// One project's authorised access to the compute service during one job.

import { CheckFailure, type ErrorCode, toCheckError } from '../../shared/errors.ts';
import type { Credentials, Session } from '../../shared/server-health.ts';
import type { ApiReply } from './client.ts';
import { type LoginTools, logIn } from './login.ts';

/** Failures that a login will meet again however soon: no reason to go on with an old token. */
const refusals: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden',
  'wrong-scope',
  'no-endpoint',
  'invalid-config',
];

export interface ComputeQuery {
  /** Below the compute URL, for example "/servers/detail?limit=10". */
  readonly path: string;
  readonly route: string;
  /** See ApiRequest. */
  readonly knownDigest?: string | undefined;
}

/**
 * Logs in when there is no session or it is due, and once more when the cloud refuses the token; requests that run at
 * the same time share these logins. Falls back to the microversion that the cloud offers.
 */
export class ComputeSession {
  readonly #tools: LoginTools;
  readonly #credentials: Credentials;
  #session: Session | null;
  #opening: Promise<Session> | null = null;
  #renewal: Promise<Session> | null = null;

  constructor(tools: LoginTools, options: { credentials: Credentials; session: Session | undefined }) {
    this.#tools = tools;
    this.#credentials = options.credentials;
    this.#session = options.session ?? null;
  }

  /** The session to keep, whatever became of the requests made with it; null when there is none worth keeping. */
  get kept(): Session | null {
    return this.#session;
  }

  /** GETs a path below the compute URL. Rejects with a CheckFailure. */
  async get(query: ComputeQuery): Promise<ApiReply> {
    this.#opening ??= this.#open();
    await this.#opening;
    const session = this.#current();
    try {
      return await this.#send(session, query);
    } catch (thrown) {
      if (toCheckError(thrown).code !== 'unauthorized') throw thrown;
    }
    this.#renewal ??= this.#logIn();
    const renewed = await this.#renewal.catch((thrown: unknown) => this.#forget(thrown));
    try {
      return await this.#send(renewed, query);
    } catch (thrown) {
      if (toCheckError(thrown).code === 'unauthorized') this.#session = null;
      throw thrown;
    }
  }

  async #open(): Promise<Session> {
    const old = this.#session;
    if (old !== null && old.renewAtMs > this.#tools.clock.monotonicMs()) return old;
    try {
      return await this.#logIn();
    } catch (thrown) {
      // A token is due well before it expires: while Keystone is away, the old one still serves.
      const { code, retryAfterMs } = toCheckError(thrown);
      if (old === null || refusals.includes(code)) return this.#forget(thrown);
      if (retryAfterMs === undefined) return old;
      this.#session = { ...old, renewAtMs: this.#tools.clock.monotonicMs() + retryAfterMs };
      return this.#session;
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
      message: 'the token was refused to another request of this poll: the next poll logs in anew',
    });
  }

  async #send(session: Session, query: ComputeQuery): Promise<ApiReply> {
    const reply = await this.#sendOnce(session, query);
    if (reply.status !== 406) return reply;
    const { computeUrl, token } = session;
    const microversion = await this.#tools.discovery.offered(computeUrl, token);
    const lowered = { ...session, microversion };
    this.#session = lowered;
    const second = await this.#sendOnce(lowered, query);
    if (second.status !== 406) return second;
    throw new CheckFailure({
      code: 'unexpected-status',
      message: `${query.route} answered 406 to microversion ${microversion ?? 'none'}, which the service itself offers`,
      status: 406,
    });
  }

  async #sendOnce(session: Session, { path, route, knownDigest }: ComputeQuery): Promise<ApiReply> {
    const { computeUrl, microversion, token } = session;
    return this.#tools.client.send({
      method: 'GET',
      url: `${computeUrl}${path}`,
      route,
      headers: {
        'x-auth-token': token,
        ...(microversion === null
          ? {}
          : {
              'openstack-api-version': `compute ${microversion}`,
              'x-openstack-nova-api-version': microversion,
            }),
      },
      accept: [200, 406],
      knownDigest,
    });
  }
}
