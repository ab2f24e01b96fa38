// Access to the load-balancer service (Octavia) with a login, during one job.

import { endpointUrl } from '../openstack/catalog.ts';
import type { ApiReply } from '../openstack/client.ts';
import type { LoginTools } from '../openstack/login.ts';
import type { ServiceQuery } from '../openstack/session.ts';
import type { TokenSession } from '../openstack/token-session.ts';

export class Octavia {
  readonly #tools: LoginTools;
  readonly #session: TokenSession;

  constructor(tools: LoginTools, session: TokenSession) {
    this.#tools = tools;
    this.#session = session;
  }

  /** GETs a path below the service's URL. Rejects with a CheckFailure. */
  async get({ path, route, knownDigest }: ServiceQuery): Promise<ApiReply> {
    const { client, target } = this.#tools;
    return this.#session.use(async ({ endpoints, token }) =>
      client.send({
        method: 'GET',
        url: `${versioned(endpointUrl(endpoints, 'load-balancer', target.catalogRegion))}${path}`,
        route,
        headers: { 'x-auth-token': token },
        accept: [200],
        knownDigest,
      }),
    );
  }
}

/** There is but one version, and catalogs name it or not. A slash too many is a 404. */
function versioned(catalogUrl: string): string {
  return `${catalogUrl.replace(/\/+$/, '').replace(/\/v2(?:\.0)?$/, '')}/v2.0`;
}
