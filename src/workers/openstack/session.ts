// Access to the compute service with a login, during one job.

import { CheckFailure } from '../../shared/errors.ts';
import type { ComputeService, Session } from '../../shared/session.ts';
import { endpointUrl } from './catalog.ts';
import type { ApiReply, ApiRequest } from './client.ts';
import type { LoginTools } from './login.ts';
import type { TokenSession } from './token-session.ts';

export interface ServiceQuery extends Pick<ApiRequest, 'route' | 'knownDigest' | 'records'> {
  /** Below the service's URL, for example "/servers/detail?limit=10". */
  readonly path: string;
}

/** Finds the service that the catalog names, and falls back to the microversion that it offers. */
export class ComputeSession {
  readonly #tools: LoginTools;
  readonly #session: TokenSession;

  constructor(tools: LoginTools, session: TokenSession) {
    this.#tools = tools;
    this.#session = session;
  }

  /** GETs a path below the compute URL. Rejects with a CheckFailure. */
  async get(query: ServiceQuery): Promise<ApiReply> {
    return this.#session.use(async (session) => this.#send(session, query));
  }

  async #send(session: Session, query: ServiceQuery): Promise<ApiReply> {
    const service = await this.#serviceOf(session);
    const { token } = session;
    const reply = await this.#sendOnce(service, token, query);
    if (reply.status !== 406) return reply;
    const microversion = await this.#tools.discovery.offered(service.url, token);
    const lowered = { ...service, microversion };
    this.#session.replace({ ...session, compute: lowered });
    const second = await this.#sendOnce(lowered, token, query);
    if (second.status !== 406) return second;
    throw new CheckFailure({
      code: 'unexpected-status',
      message: `${query.route} answered 406 to microversion ${microversion ?? 'none'}, which the service itself offers`,
      status: 406,
    });
  }

  async #serviceOf(session: Session): Promise<ComputeService> {
    if (session.compute !== null) return session.compute;
    const { discovery, target } = this.#tools;
    const url = endpointUrl(session.endpoints, 'compute', target.catalogRegion);
    const compute = await discovery.service(url, session.token);
    this.#session.replace({ ...session, compute });
    return compute;
  }

  async #sendOnce(
    { url, microversion }: ComputeService,
    token: string,
    { path, route, knownDigest, records }: ServiceQuery,
  ): Promise<ApiReply> {
    return this.#tools.client.send({
      method: 'GET',
      url: `${url}${path}`,
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
      records,
    });
  }
}
