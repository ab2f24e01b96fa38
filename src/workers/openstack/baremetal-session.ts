// Authorised access to the bare-metal service during one job.

import type { BaremetalSession, Credentials } from '../../shared/server-health.ts';
import type { ApiReply } from './client.ts';
import { authenticate, type Login, type LoginTools, publicEndpoint } from './login.ts';
import type { ServiceQuery } from './session.ts';
import { TokenSession } from './token-session.ts';

/** Every service since 2015 has it, and states of nodes are named as we know them from it on. */
export const baremetalMicroversion = '1.11';

export class BaremetalAccess {
  readonly #tools: LoginTools;
  readonly #session: TokenSession<BaremetalSession>;

  constructor(
    tools: LoginTools,
    options: { credentials: Credentials; session: BaremetalSession | undefined },
  ) {
    const { credentials, session } = options;
    this.#tools = tools;
    const logIn = async () => startBaremetalSession(tools, await authenticate(tools, credentials));
    this.#session = new TokenSession({ clock: tools.clock, logIn, session });
  }

  /** See ComputeSession. */
  get kept(): BaremetalSession | null {
    return this.#session.kept;
  }

  /** Makes sure that there is a way to the service. Rejects with a CheckFailure. */
  async open(): Promise<void> {
    await this.#session.open();
  }

  /** GETs a path below the bare-metal URL. Rejects with a CheckFailure. */
  async get({ path, route }: ServiceQuery): Promise<ApiReply> {
    return this.#session.use(async ({ baremetalUrl, token }) =>
      this.#tools.client.send({
        method: 'GET',
        url: `${baremetalUrl}${path}`,
        route,
        headers: {
          'x-auth-token': token,
          'openstack-api-version': `baremetal ${baremetalMicroversion}`,
          'x-openstack-ironic-api-version': baremetalMicroversion,
        },
        accept: [200],
      }),
    );
  }
}

/** Finds the bare-metal service in the catalog that came with a token. Rejects with a CheckFailure. */
function startBaremetalSession(
  { target }: Pick<LoginTools, 'target'>,
  { token, tokenId, renewAtMs }: Login,
): BaremetalSession {
  const { url } = publicEndpoint(token, 'baremetal', target.catalogRegion);
  return { token: tokenId, renewAtMs, baremetalUrl: versionedUrl(url) };
}

/** There is but one version, and catalogs name it or not. */
function versionedUrl(catalogUrl: string): string {
  const root = catalogUrl.replace(/\/+$/, '');
  return root.endsWith('/v1') ? root : `${root}/v1`;
}
