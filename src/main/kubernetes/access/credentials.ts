// The Authorization header, from whatever a kubeconfig or a pod gives.

import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../shared/clock.ts';
import { messageOf } from '../../../shared/errors.ts';

/** Gives the Authorization header; undefined where the client certificate says it all. */
export type Authorization = (refused?: string) => Promise<string | undefined>;

/** The kubelet renews a token after 80 % of its lifetime, which is ten minutes at least: a minute is soon enough. */
const rereadAfterMs = 60_000;

/**
 * A token in a file that others renew. A file that cannot be read leaves the token that was read before, or `fallback`,
 * the one beside it in the kubeconfig.
 */
export function tokenFile(path: string, clock: Clock, fallback?: string): Authorization {
  let header = fallback === undefined ? undefined : `Bearer ${fallback}`;
  let readAtMs: number | null = null;
  return async (refused) => {
    const isFresh = readAtMs !== null && clock.monotonicMs() - readAtMs < rereadAfterMs;
    if (header !== undefined && header !== refused && isFresh) return header;
    try {
      const token = (await readFile(path, 'utf8')).trim();
      if (token === '') throw new Error(`token file ${path} is empty`);
      header = `Bearer ${token}`;
      readAtMs = clock.monotonicMs();
    } catch (error) {
      if (header === undefined) throw error;
    }
    return header;
  };
}

/** The part of node's request options that client-node's authenticators fill in. */
interface PlainOptions {
  readonly headers: Record<string, string>;
}

/**
 * The `auth-provider` of old kubeconfigs (OpenID Connect and clouds): the one case that needs client-node's KubeConfig.
 * The module is imported by file and on demand: the index costs 400 ms and 60 MB. The file name holds for the pinned
 * version, which has no `exports`.
 */
export async function providerCredentials(
  user: string,
  authProvider: { readonly name: string },
): Promise<Authorization> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  // KubeConfig asks the user for credentials, but only with a cluster beside it; this one is never called.
  config.loadFromClusterAndUser(
    { name: 'unused', server: 'https://localhost', skipTLSVerify: false },
    { name: user, authProvider },
  );
  return async () => {
    const options: PlainOptions = { headers: {} };
    try {
      await config.applyToHTTPSOptions(options);
    } catch (cause) {
      const what = `the auth-provider ${authProvider.name} of user "${user}" gives no token: ${messageOf(cause)}`;
      const instead =
        authProvider.name === 'oidc'
          ? 'log in again'
          : 'kubectl has no such provider any more: use exec, with gke-gcloud-auth-plugin or kubelogin for example';
      throw new Error(`${what}; ${instead}`, { cause });
    }
    return options.headers['Authorization'];
  };
}
