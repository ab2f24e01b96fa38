// One project's authorised access to the compute service during one job.

import { CheckFailure } from '../../shared/errors.ts';
import type { Credentials, Session } from '../../shared/server-health.ts';
import type { ApiReply } from './client.ts';
import { type LoginTools, logIn } from './login.ts';
import { TokenSession } from './token-session.ts';

export interface ServiceQuery {
  /** Below the service's URL, for example "/servers/detail?limit=10". */
  readonly path: string;
  readonly route: string;
  /** See ApiRequest. */
  readonly knownDigest?: string | undefined;
}

/** Falls back to the microversion that the cloud offers. */
export class ComputeSession {
  readonly #tools: LoginTools;
  readonly #session: TokenSession<Session>;

  constructor(tools: LoginTools, options: { credentials: Credentials; session: Session | undefined }) {
    const { credentials, session } = options;
    this.#tools = tools;
    const { clock } = tools;
    this.#session = new TokenSession({ clock, logIn: async () => logIn(tools, credentials), session });
  }

  /** The session to keep, whatever became of the requests made with it; null when there is none worth keeping. */
  get kept(): Session | null {
    return this.#session.kept;
  }

  /** GETs a path below the compute URL. Rejects with a CheckFailure. */
  async get(query: ServiceQuery): Promise<ApiReply> {
    return this.#session.use(async (session) => this.#send(session, query));
  }

  async #send(session: Session, query: ServiceQuery): Promise<ApiReply> {
    const reply = await this.#sendOnce(session, query);
    if (reply.status !== 406) return reply;
    const { computeUrl, token } = session;
    const microversion = await this.#tools.discovery.offered(computeUrl, token);
    const lowered = { ...session, microversion };
    this.#session.replace(lowered);
    const second = await this.#sendOnce(lowered, query);
    if (second.status !== 406) return second;
    throw new CheckFailure({
      code: 'unexpected-status',
      message: `${query.route} answered 406 to microversion ${microversion ?? 'none'}, which the service itself offers`,
      status: 406,
    });
  }

  async #sendOnce(session: Session, { path, route, knownDigest }: ServiceQuery): Promise<ApiReply> {
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
