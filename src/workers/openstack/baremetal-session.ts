// Access to the bare-metal service with a login, during one job.

import type { Session } from '../../shared/session.ts';
import { endpointUrl } from './catalog.ts';
import type { ApiReply } from './client.ts';
import type { LoginTools } from './login.ts';
import type { ServiceQuery } from './session.ts';
import type { TokenSession } from './token-session.ts';

/** Every service since 2015 has it, and states of nodes are named as we know them from it on. */
export const baremetalMicroversion = '1.11';

export class BaremetalAccess {
  readonly #tools: LoginTools;
  readonly #session: TokenSession;

  constructor(tools: LoginTools, session: TokenSession) {
    this.#tools = tools;
    this.#session = session;
  }

  /** Where the service is. Logs in if it must. Rejects with a CheckFailure. */
  async url(): Promise<string> {
    return this.#session.use(async (session) => this.#urlIn(session));
  }

  /** GETs a path below the bare-metal URL. Rejects with a CheckFailure. */
  async get({ path, route }: ServiceQuery): Promise<ApiReply> {
    return this.#session.use(async (session) =>
      this.#tools.client.send({
        method: 'GET',
        url: `${this.#urlIn(session)}${path}`,
        route,
        headers: {
          'x-auth-token': session.token,
          'openstack-api-version': `baremetal ${baremetalMicroversion}`,
          'x-openstack-ironic-api-version': baremetalMicroversion,
        },
        accept: [200],
      }),
    );
  }

  /** There is but one version, and catalogs name it or not. */
  #urlIn({ endpoints }: Session): string {
    const root = endpointUrl(endpoints, 'baremetal', this.#tools.target.catalogRegion).replace(/\/+$/, '');
    return root.endsWith('/v1') ? root : `${root}/v1`;
  }
}
