// The credential plugin that a kubeconfig names for a user (exec).

import type { Clock } from '../../../shared/clock.ts';
import { AccessError } from './access-error.ts';
import { CredentialPlugin } from './credential-plugin.ts';
import type { Authorization } from './credentials.ts';
import {
  apiVersions,
  type ClusterInfo,
  clusterExtension,
  defaultApiVersion,
  execInfo,
  type PluginCredentials,
} from './exec-credential.ts';
import type { Cluster, Exec, Found, User } from './kubeconfig-file.ts';

export interface PluginContext {
  readonly clock: Clock;
  /** What a plugin writes for people. */
  readonly onNotice: (message: string) => void;
  /** Ends the first run. */
  readonly signal?: AbortSignal | undefined;
}

export interface UserPlugin {
  readonly authorization: Authorization;
  /** As of the last `authorization`. */
  readonly certificate: () => PluginCredentials['certificate'];
  readonly first: PluginCredentials;
  readonly close: () => void;
}

/** Runs the plugin once, so that a wrong one shows at start. Null for a user without one; rejects with an AccessError. */
export async function pluginOf(
  of: {
    readonly cluster: Found<Cluster>;
    readonly ca: Buffer | undefined;
    readonly user: Found<User> & { readonly name: string };
    /** A path that stands in a file. */
    readonly path: (file: string, path: string) => string;
  },
  context: PluginContext,
): Promise<UserPlugin | null> {
  const { name, file, value: user } = of.user;
  const { exec } = user;
  if (!exec) return null;
  const apiVersion = exec.apiVersion || defaultApiVersion;
  refuseUnsupported(exec, `${file}: credential plugin of user "${name}"`, apiVersion);
  // A command with a slash is a path beside the kubeconfig; one without is looked up in PATH.
  const command = exec.command.includes('/') ? of.path(file, exec.command) : exec.command;
  const cluster = exec.provideClusterInfo === true ? clusterInfo(of.cluster.value, of.ca) : null;
  const plugin = new CredentialPlugin({
    command,
    args: exec.args ?? [],
    env: {
      ...process.env,
      ...Object.fromEntries((exec.env ?? []).map((variable) => [variable.name, variable.value ?? ''])),
      KUBERNETES_EXEC_INFO: execInfo(apiVersion, cluster),
    },
    apiVersion,
    what: `${file}: credential plugin ${command} of user "${name}"`,
    installHint: exec.installHint ?? '',
    clock: context.clock,
    onNotice: context.onNotice,
  });
  const end = (): void => plugin.close();
  context.signal?.addEventListener('abort', end);
  try {
    const first = await plugin.credentials();
    let last = first;
    return {
      authorization: async (refused) => {
        last = await plugin.credentials(refused);
        return last.authorization;
      },
      certificate: () => last.certificate,
      first,
      close: end,
    };
  } finally {
    context.signal?.removeEventListener('abort', end);
  }
}

function refuseUnsupported(exec: Exec, what: string, apiVersion: string): void {
  if (!apiVersions.includes(apiVersion))
    throw new AccessError(
      `${what}: apiVersion ${apiVersion} is not supported`,
      `update the plugin, and the kubeconfig to ${apiVersions.join(' or ')}`,
    );
  const mode = exec.interactiveMode || 'IfAvailable';
  if (mode === 'Always')
    throw new AccessError(
      `${what}: interactiveMode Always wants a terminal, and there is none here`,
      'use a context whose plugin works without questions (interactiveMode Never or IfAvailable)',
    );
  if (mode !== 'Never' && mode !== 'IfAvailable')
    throw new AccessError(
      `${what}: interactiveMode ${mode} is not known`,
      'correct it: Never, IfAvailable or Always',
    );
  if (exec.command === '')
    throw new AccessError(`${what}: command is empty`, 'name the program that gives the credentials');
}

function clusterInfo(cluster: Cluster, ca: Buffer | undefined): ClusterInfo {
  const extension = (cluster.extensions ?? []).find(({ name }) => name === clusterExtension);
  return {
    server: cluster.server,
    ...(cluster['tls-server-name'] ? { 'tls-server-name': cluster['tls-server-name'] } : {}),
    ...(cluster['insecure-skip-tls-verify'] === true ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca === undefined ? {} : { 'certificate-authority-data': ca.toString('base64') }),
    ...(cluster['proxy-url'] ? { 'proxy-url': cluster['proxy-url'] } : {}),
    ...(cluster['disable-compression'] === true ? { 'disable-compression': true } : {}),
    ...(extension === undefined ? {} : { config: extension.extension }),
  };
}
