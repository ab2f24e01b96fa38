// How to reach the API server, and as whom: from inside a pod, or from a kubeconfig.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { AccessError } from './access-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { tokenFile } from './credentials.ts';
import { readKubeconfig } from './kubeconfig.ts';
import type { PluginContext } from './kubeconfig-plugin.ts';
import { type TlsFiles, TlsSource, whyUnusable } from './tls-material.ts';

export interface ClusterAccessOptions {
  /** A file, or "" to look where kubectl does, and in the pod. */
  readonly kubeconfig: string;
  /** A context of the kubeconfig, or "" for its current one. */
  readonly context: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where a pod finds its service account. */
  readonly serviceAccountDir?: string;
  readonly clock?: Clock;
  /** What a credential plugin writes for people; dropped unless given. */
  readonly onNotice?: (message: string) => void;
  /** Gives the loading up. */
  readonly signal?: AbortSignal;
}

/**
 * Takes the first of: the `kubeconfig` option, the files that KUBECONFIG names, the pod's service account,
 * ~/.kube/config. A KUBECONFIG that is set inside a pod was set on purpose, so it goes before the service account, as
 * in other controllers. Rejects with an AccessError that names file, context and field.
 */
export async function loadClusterAccess(options: ClusterAccessOptions): Promise<ClusterAccess> {
  const env = options.env ?? process.env;
  const { clock = systemClock, onNotice = () => {}, signal } = options;
  const access = await load(options, env, { clock, onNotice, signal });
  const flaw = whyUnusable(access.tls);
  if (flaw === '') return access;
  throw new AccessError(
    `certificate authority, client certificate or key of ${access.server} is unusable: ${flaw}`,
    'give certificates and key as PEM, and the key that belongs to the certificate',
  );
}

async function load(
  options: ClusterAccessOptions,
  env: Readonly<Record<string, string | undefined>>,
  plugins: PluginContext,
): Promise<ClusterAccess> {
  const { context } = options;
  if (options.kubeconfig !== '') return readKubeconfig([options.kubeconfig], context, plugins);
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return readKubeconfig(listed, context, plugins);
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host !== undefined && host !== '') {
    if (options.context !== '')
      throw new AccessError(
        `--context ${options.context} needs a kubeconfig`,
        'give --kubeconfig, or set KUBECONFIG',
      );
    const directory = options.serviceAccountDir ?? '/var/run/secrets/kubernetes.io/serviceaccount';
    const port = env['KUBERNETES_SERVICE_PORT'] || '443';
    return podAccess({ host, port, directory }, plugins.clock);
  }
  return readKubeconfig([join(env['HOME'] ?? homedir(), '.kube', 'config')], context, plugins);
}

/** Not through client-node: it would cost 60 MB to read three files. */
async function podAccess(
  { host, port, directory }: { readonly host: string; readonly port: string; readonly directory: string },
  clock: Clock,
): Promise<ClusterAccess> {
  const read = async (name: string): Promise<Buffer> => {
    try {
      return await readFile(join(directory, name));
    } catch (cause) {
      throw new AccessError(
        `KUBERNETES_SERVICE_HOST is set, but ${join(directory, name)} cannot be read`,
        'give the pod a service account (automountServiceAccountToken), or outside a pod give --kubeconfig',
        { cause },
      );
    }
  };
  const [ca, namespace] = await Promise.all([read('ca.crt'), read('namespace').catch(() => null)]);
  await read('token');
  const files: TlsFiles = { ca: join(directory, 'ca.crt') };
  // As client-go does where that file holds no certificate: the system's authorities then.
  const tls = new TlsSource(whyUnusable({ ca }) === '' ? { ca } : {}, files, clock);
  const authorization = tokenFile(join(directory, 'token'), clock);
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    get tls() {
      return tls.current;
    },
    skipTlsVerify: false,
    defaultNamespace: namespace?.toString('utf8').trim() || null,
    authorization: async (refused) => {
      await tls.refresh(refused !== undefined);
      return authorization(refused);
    },
  };
}
