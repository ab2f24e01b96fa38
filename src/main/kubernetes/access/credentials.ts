// The Authorization header, from whatever a kubeconfig or a pod gives.
//
// The modules of @kubernetes/client-node are imported by file and on demand: its index costs 400 ms and 60 MB, the
// credential plugin's module nothing that shows. The file names hold for the pinned version, which has no `exports`.

import { readFile } from 'node:fs/promises';
import { monotonicMs } from '../../../shared/clock.ts';

/** Gives the Authorization header; undefined where the client certificate says it all. */
export type Authorization = (refused?: string) => Promise<string | undefined>;

/** The kubelet renews a token after 80 % of its lifetime, which is ten minutes at least: a minute is soon enough. */
const rereadAfterMs = 60_000;

/** A token in a file that others renew. A file that cannot be read leaves the token that was read before. */
export function tokenFile(path: string): Authorization {
  let header: string | undefined;
  let readAtMs = 0;
  return async (refused) => {
    if (header !== undefined && header !== refused && monotonicMs() - readAtMs < rereadAfterMs) return header;
    try {
      const token = (await readFile(path, 'utf8')).trim();
      if (token === '') throw new Error(`token file ${path} is empty`);
      header = `Bearer ${token}`;
      readAtMs = monotonicMs();
    } catch (error) {
      if (header === undefined) throw error;
    }
    return header;
  };
}

export interface PluginCredentials {
  readonly authorization: Authorization;
  /** PEM, where the plugin gives a certificate instead of a token. Held for the life of the process. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface ExecPlugin {
  readonly apiVersion?: string | null | undefined;
  readonly command: string;
  readonly args?: readonly string[] | null | undefined;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null | undefined;
}

/** Runs a credential plugin once, so that a wrong one shows at start; it runs again when its token expires. */
export async function pluginCredentials(user: string, plugin: ExecPlugin): Promise<PluginCredentials> {
  const { ExecAuth } = await import('@kubernetes/client-node/dist/exec_auth.js');
  const auth = new ExecAuth();
  // The protocol wants this variable; client-node leaves it out.
  const info = JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: plugin.apiVersion ?? 'client.authentication.k8s.io/v1',
    spec: { interactive: false },
  });
  const exec = {
    command: plugin.command,
    args: [...(plugin.args ?? [])],
    env: [...(plugin.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: info }],
  };
  const run = async (): Promise<PlainOptions> => {
    const options: PlainOptions = { headers: {} };
    await auth.applyAuthentication({ name: user, exec }, options);
    return options;
  };
  const first = await run();
  return {
    authorization: async () => (await run()).headers['Authorization'],
    ...(first.cert === undefined ? {} : { cert: Buffer.from(first.cert) }),
    ...(first.key === undefined ? {} : { key: Buffer.from(first.key) }),
  };
}

/** The part of node's request options that client-node's authenticators fill in. */
interface PlainOptions {
  headers: Record<string, string>;
  cert?: string;
  key?: string;
}

/** The `auth-provider` of old kubeconfigs (OpenID Connect and clouds): the one case that needs the whole KubeConfig. */
export async function providerCredentials(user: string, authProvider: unknown): Promise<Authorization> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  // KubeConfig asks the user for credentials, but only with a cluster beside it; this one is never called.
  config.loadFromClusterAndUser(
    { name: 'unused', server: 'https://localhost', skipTLSVerify: false },
    { name: user, authProvider },
  );
  return async () => {
    const options: PlainOptions = { headers: {} };
    await config.applyToHTTPSOptions(options);
    return options.headers['Authorization'];
  };
}
