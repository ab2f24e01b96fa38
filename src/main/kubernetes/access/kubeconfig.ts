// Access to a cluster by a context of kubeconfig files: what client-go's clientcmd and rest make of one.

import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Clock } from '../../../shared/clock.ts';
import { codeOf } from '../../../shared/errors.ts';
import { parseProxy } from '../../../shared/network/network.ts';
import { AccessError } from './access-error.ts';
import type { ClusterAccess, TlsMaterial } from './cluster-access.ts';
import { type Authorization, providerCredentials, tokenFile } from './credentials.ts';
import { impersonationHeaders } from './impersonation.ts';
import {
  type Cluster,
  clusterSchema,
  contextSchema,
  type Found,
  readAndMerge,
  readEntry,
  type User,
  userSchema,
} from './kubeconfig-file.ts';
import { type PluginContext, pluginOf } from './kubeconfig-plugin.ts';
import { type TlsFiles, TlsSource, whyUnusable } from './tls-material.ts';

type NamedUser = Found<User> & { readonly name: string };

/** Access through `context`, or through the current context when that is "". Rejects with an AccessError. */
export async function readKubeconfig(
  files: readonly string[],
  context: string,
  plugins: PluginContext,
): Promise<ClusterAccess> {
  const merged = await readAndMerge(files);
  const where = `kubeconfig ${files.join(', ')}`;
  const name = context === '' ? merged.currentContext : context;
  const known = [...merged.contexts.keys()].join(', ') || 'none';
  const choose = `give --context (it has: ${known})`;
  if (name === '') throw new AccessError(`${where} has no current-context`, choose);
  const entry = merged.contexts.get(name);
  if (entry === undefined) throw new AccessError(`${where} has no context "${name}"`, choose);
  const { value: chosen } = readEntry(contextSchema, entry);
  const lacks = (what: string) =>
    new AccessError(
      `${where}: context "${name}" names the ${what}, which is not there`,
      `add it to the file, or ${choose}`,
    );
  const named = merged.clusters.get(chosen.cluster);
  if (named === undefined) throw lacks(`cluster "${chosen.cluster}"`);
  const cluster = readEntry(clusterSchema, named);
  const userName = chosen.user ?? '';
  const namedUser = merged.users.get(userName);
  if (userName !== '' && namedUser === undefined) throw lacks(`user "${userName}"`);
  const user = namedUser === undefined ? { value: {}, file: cluster.file } : readEntry(userSchema, namedUser);
  return accessOf(cluster, { name: userName, ...user }, { plugins, namespace: chosen.namespace ?? null });
}

async function accessOf(
  cluster: Found<Cluster>,
  user: NamedUser,
  context: { readonly plugins: PluginContext; readonly namespace: string | null },
): Promise<ClusterAccess> {
  refuseContradictions(cluster, user);
  const ca = await pem(cluster.file, 'certificate-authority', cluster.value);
  const cert = await pem(user.file, 'client-certificate', user.value);
  const key = await pem(user.file, 'client-key', user.value);
  if (ca.data !== undefined && whyUnusable({ ca: ca.data }) !== '')
    throw new AccessError(
      `${cluster.file}: certificate-authority${ca.path === undefined ? '-data' : ` ${ca.path}`} is not a PEM certificate`,
      'give the certificate authority of the API server as PEM (certificate-authority-data: PEM in base64)',
    );
  const servername = cluster.value['tls-server-name'];
  const material: TlsMaterial = {
    ...(ca.data === undefined ? {} : { ca: ca.data }),
    ...(cert.data === undefined ? {} : { cert: cert.data }),
    ...(key.data === undefined ? {} : { key: key.data }),
    ...(servername ? { servername } : {}),
  };
  const files: TlsFiles = {
    ...(ca.path === undefined ? {} : { ca: ca.path }),
    ...(cert.path === undefined ? {} : { cert: cert.path }),
    ...(key.path === undefined ? {} : { key: key.path }),
  };
  const tls = new TlsSource(material, files, context.plugins.clock);
  const plugin = ownCredentials(user.value)
    ? null
    : await pluginOf({ cluster, ca: ca.data, user, path: beside }, context.plugins);
  tls.take(plugin?.first.certificate ?? {});
  const authorization =
    plugin === null ? await authorizationOf(user, context.plugins.clock) : plugin.authorization;
  const impersonation = impersonationHeaders(user.value);
  return {
    server: cluster.value.server.replace(/\/+$/, ''),
    get tls() {
      return tls.current;
    },
    skipTlsVerify: cluster.value['insecure-skip-tls-verify'] === true,
    ...proxyOf(cluster),
    ...(impersonation === null ? {} : { headers: impersonation }),
    defaultNamespace: context.namespace,
    authorization: async (refused) => {
      await tls.refresh(refused !== undefined);
      const header = await authorization(refused);
      if (plugin !== null) tls.take(plugin.certificate());
      return header;
    },
    close: () => plugin?.close(),
  };
}

/** A plugin runs only for a user who has nothing else to show. */
function ownCredentials(user: User): boolean {
  const certificate = user['client-certificate'] || user['client-certificate-data'];
  return Boolean(user.token || user.tokenFile || user.username || user.password || certificate);
}

function refuse(where: string, what: string, remedy: string): never {
  throw new AccessError(`${where}: ${what}`, remedy);
}

/** What client-go refuses, too: one of the two was not meant, and only the author knows which. */
function refuseContradictions(
  { value: cluster, file }: Found<Cluster>,
  { name, value: user, ...found }: NamedUser,
): void {
  const hasAuthority = cluster['certificate-authority'] || cluster['certificate-authority-data'];
  if (hasAuthority && cluster['insecure-skip-tls-verify'] === true)
    refuse(
      file,
      'a cluster has both a certificate-authority and insecure-skip-tls-verify',
      'remove one of the two',
    );
  const ofUser = (what: string, remedy: string) => refuse(found.file, `user "${name}" has ${what}`, remedy);
  if ((user.token || user.tokenFile) && (user.username || user.password))
    ofUser('both a token and username and password', 'remove one of the two');
  if (user.exec && user['auth-provider']) ofUser('both exec and auth-provider', 'remove one of the two');
  const cert = Boolean(user['client-certificate'] || user['client-certificate-data']);
  const key = Boolean(user['client-key'] || user['client-key-data']);
  if (cert && !key) ofUser('a client-certificate without client-key', 'add client-key or client-key-data');
  const detail =
    user['as-uid'] || user['as-groups']?.length || Object.keys(user['as-user-extra'] ?? {}).length;
  if (detail && !user.as)
    ofUser('as-uid, as-groups or as-user-extra without as', 'add as, the name of the user to impersonate');
}

/** The cluster's proxy-url, which goes before HTTPS_PROXY and NO_PROXY. */
function proxyOf({ value, file }: Found<Cluster>): Pick<ClusterAccess, 'proxy'> {
  const url = value['proxy-url'];
  if (!url) return {};
  const proxy = parseProxy(url, 'proxy-url');
  if (typeof proxy !== 'string') return { proxy };
  throw new AccessError(`${file}: ${proxy}`, 'correct it, or use a context without a proxy');
}

async function authorizationOf(user: NamedUser, clock: Clock): Promise<Authorization> {
  const { token, username, password, 'auth-provider': provider } = user.value;
  if (user.value.tokenFile)
    return tokenFile(beside(user.file, user.value.tokenFile), clock, token || undefined);
  const fixed = token
    ? `Bearer ${token}`
    : username || password
      ? `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`
      : undefined;
  if (fixed === undefined && provider) return providerCredentials(user.name, provider);
  return async () => fixed;
}

/** The bytes of `<field>-data` (base64), or of the file that `<field>` names, and which file that is. */
async function pem<Field extends string>(
  file: string,
  field: Field,
  fields: { readonly [Key in Field | `${Field}-data`]?: string | null | undefined },
): Promise<{ readonly data?: Buffer; readonly path?: string }> {
  const data = fields[`${field}-data`];
  if (data) return { data: Buffer.from(data, 'base64') };
  const named = fields[field];
  if (!named) return {};
  const path = beside(file, named);
  try {
    return { data: await readFile(path), path };
  } catch (cause) {
    throw new AccessError(
      `${file}: ${field} ${path} cannot be read: ${codeOf(cause)}`,
      'correct the path in the kubeconfig, or the permissions of the file',
      { cause },
    );
  }
}

function beside(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}
