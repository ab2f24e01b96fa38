// Reads kubeconfig files as kubectl does: several are merged, the first that names something wins.
//
// Not through @kubernetes/client-node's KubeConfig: to load it takes 316 ms and 89 MB for every command outside a pod,
// js-yaml 5 ms and 4 MB. Here an error names the file, the context and the field.

import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { parseProxy } from '../../../shared/network/network.ts';
import { AccessError } from './access-error.ts';
import type { ClusterAccess } from './cluster-access.ts';
import {
  type Authorization,
  type ExecPlugin,
  pluginCredentials,
  providerCredentials,
  tokenFile,
} from './credentials.ts';

// YAML gives null for a key without a value.
const text = v.nullish(v.string());
const list = <Schema extends v.GenericSchema>(item: Schema) => v.nullish(v.array(item), []);

const clusterSchema = v.object({
  server: v.pipe(v.string(), v.regex(/^https?:\/\//, 'must begin with https:// or http://')),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': v.nullish(v.boolean()),
  'tls-server-name': text,
  'proxy-url': text,
});

const execSchema = v.object({
  apiVersion: text,
  command: v.string(),
  args: v.nullish(v.array(v.string())),
  env: v.nullish(v.array(v.object({ name: v.string(), value: v.string() }))),
});

const userSchema = v.object({
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  exec: v.nullish(execSchema),
  'auth-provider': v.nullish(v.looseObject({ name: v.string() })),
  as: text,
});

const contextSchema = v.object({ cluster: v.string(), user: text, namespace: text });

const fileSchema = v.object({
  'current-context': text,
  clusters: list(v.object({ name: v.string(), cluster: clusterSchema })),
  users: list(v.object({ name: v.string(), user: v.nullish(userSchema, {}) })),
  contexts: list(v.object({ name: v.string(), context: contextSchema })),
});

type Cluster = v.InferOutput<typeof clusterSchema>;
type User = v.InferOutput<typeof userSchema>;

/** Something of a kubeconfig, and the file that it stood in: paths are relative to that. */
interface Found<Value> {
  readonly value: Value;
  readonly file: string;
}

interface Merged {
  currentContext: string;
  readonly clusters: Map<string, Found<Cluster>>;
  readonly users: Map<string, Found<User>>;
  readonly contexts: Map<string, Found<v.InferOutput<typeof contextSchema>>>;
}

/** Access through `context`, or through the current context when that is "". Rejects with an AccessError. */
export async function readKubeconfig(files: readonly string[], context: string): Promise<ClusterAccess> {
  const merged = await readAndMerge(files);
  const where = `kubeconfig ${files.join(', ')}`;
  const name = context === '' ? merged.currentContext : context;
  const known = [...merged.contexts.keys()].join(', ') || 'none';
  const choose = `give --context (it has: ${known})`;
  if (name === '') throw new AccessError(`${where} has no current-context`, choose);
  const chosen = merged.contexts.get(name)?.value;
  if (chosen === undefined) throw new AccessError(`${where} has no context "${name}"`, choose);
  const lacks = (what: string) =>
    new AccessError(
      `${where}: context "${name}" names the ${what}, which is not there`,
      `add it to the file, or ${choose}`,
    );
  const cluster = merged.clusters.get(chosen.cluster);
  if (cluster === undefined) throw lacks(`cluster "${chosen.cluster}"`);
  const userName = chosen.user ?? '';
  const user = userName === '' ? { value: {}, file: cluster.file } : merged.users.get(userName);
  if (user === undefined) throw lacks(`user "${userName}"`);
  // Left out silently, it would give the monitor more rights than were meant.
  if (user.value.as)
    throw new AccessError(
      `${user.file}: user "${userName}" impersonates, which is not supported`,
      'use a context whose user has the rights itself',
    );
  return accessOf(cluster, { name: userName, ...user }, chosen.namespace ?? null);
}

async function accessOf(
  cluster: Found<Cluster>,
  user: Found<User> & { readonly name: string },
  defaultNamespace: string | null,
): Promise<ClusterAccess> {
  const ca = await pem(cluster.file, 'certificate-authority', cluster.value);
  const plugin =
    user.value.exec && !user.value.token && !user.value.tokenFile
      ? await runPlugin(user.name, user.file, user.value.exec)
      : null;
  const cert = (await pem(user.file, 'client-certificate', user.value)) ?? plugin?.cert;
  const key = (await pem(user.file, 'client-key', user.value)) ?? plugin?.key;
  const servername = cluster.value['tls-server-name'];
  return {
    server: cluster.value.server.replace(/\/+$/, ''),
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername ? { servername } : {}),
    },
    skipTlsVerify: cluster.value['insecure-skip-tls-verify'] === true,
    ...proxyOf(cluster),
    defaultNamespace,
    authorization: plugin?.authorization ?? (await authorizationOf(user)),
  };
}

/** The cluster's proxy-url, which goes before HTTPS_PROXY and NO_PROXY. */
function proxyOf({ value, file }: Found<Cluster>): Pick<ClusterAccess, 'proxy'> {
  const url = value['proxy-url'];
  if (!url) return {};
  const proxy = parseProxy(url, 'proxy-url');
  if (typeof proxy !== 'string') return { proxy };
  throw new AccessError(`${file}: ${proxy}`, 'correct it, or use a context without a proxy');
}

async function authorizationOf(user: Found<User> & { readonly name: string }): Promise<Authorization> {
  const { token, username, password, 'auth-provider': provider } = user.value;
  if (user.value.tokenFile) return tokenFile(beside(user.file, user.value.tokenFile));
  const fixed = token
    ? `Bearer ${token}`
    : username
      ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
      : undefined;
  if (fixed === undefined && provider) return providerCredentials(user.name, provider);
  return async () => fixed;
}

async function runPlugin(user: string, file: string, plugin: ExecPlugin) {
  // A command with a slash is a path beside the kubeconfig; one without is looked up in PATH.
  const command = plugin.command.includes('/') ? beside(file, plugin.command) : plugin.command;
  try {
    return await pluginCredentials(user, { ...plugin, command });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new AccessError(
      `${file}: credential plugin ${command} of user "${user}" failed: ${detail}`,
      'does kubectl work with this context? the plugin must be installed here, and must not ask anybody',
      { cause },
    );
  }
}

/** The bytes of `<field>-data` (base64) or of the file that `<field>` names. */
async function pem<Field extends string>(
  file: string,
  field: Field,
  fields: { readonly [Key in Field | `${Field}-data`]?: string | null | undefined },
): Promise<Buffer | undefined> {
  const data = fields[`${field}-data`];
  if (data) return Buffer.from(data, 'base64');
  const path = fields[field];
  if (!path) return undefined;
  try {
    return await readFile(beside(file, path));
  } catch (cause) {
    throw new AccessError(
      `${file}: ${field} ${beside(file, path)} cannot be read: ${codeOf(cause)}`,
      'correct the path in the kubeconfig, or the permissions of the file',
      { cause },
    );
  }
}

async function readAndMerge(files: readonly string[]): Promise<Merged> {
  const merged: Merged = { currentContext: '', clusters: new Map(), users: new Map(), contexts: new Map() };
  let found = 0;
  for (const file of files) {
    const content = await readIfThere(file);
    if (content === null) continue;
    found += 1;
    const parsed = await parse(file, content);
    merged.currentContext ||= parsed['current-context'] ?? '';
    for (const entry of parsed.clusters ?? []) keep(merged.clusters, entry.name, entry.cluster, file);
    for (const entry of parsed.users ?? []) keep(merged.users, entry.name, entry.user, file);
    for (const entry of parsed.contexts ?? []) keep(merged.contexts, entry.name, entry.context, file);
  }
  if (found === 0)
    throw new AccessError(
      `no kubeconfig at ${files.join(', ')}`,
      'give --kubeconfig, set KUBECONFIG, or run inside a cluster',
    );
  return merged;
}

function keep<Value>(map: Map<string, Found<Value>>, name: string, value: Value, file: string): void {
  if (!map.has(name)) map.set(name, { value, file });
}

/** Null when there is no such file: like kubectl, skip files of KUBECONFIG that do not exist. */
async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null;
    throw new AccessError(
      `kubeconfig ${file} cannot be read: ${codeOf(cause)}`,
      'give a file that this user may read',
      { cause },
    );
  }
}

async function parse(file: string, content: string): Promise<v.InferOutput<typeof fileSchema>> {
  const result = v.safeParse(fileSchema, await decode(file, content));
  if (result.success) return result.output;
  const [issue] = result.issues;
  // What was received instead stays out: it may be a password of digits alone.
  const expected = issue.message.replace(/ but received .*$/s, '');
  throw new AccessError(
    `kubeconfig ${file}: ${v.getDotPath(issue) ?? 'the file'}: ${expected}`,
    'correct it, or give another --kubeconfig',
  );
}

/** The first document, or an empty one, as kubectl does. A pod has no kubeconfig, so js-yaml is loaded only here. */
async function decode(file: string, content: string): Promise<unknown> {
  const { loadAll, YAMLException } = await import('js-yaml');
  let place = '';
  try {
    return loadAll(content)[0] ?? {};
  } catch (error) {
    // Only the place: the error and its message quote the file, which may hold a token.
    const mark = error instanceof YAMLException ? error.mark : undefined;
    if (mark !== undefined) place = ` (line ${mark.line + 1}, column ${mark.column + 1})`;
  }
  throw new AccessError(
    `kubeconfig ${file} is not valid YAML${place}`,
    'correct it, or give another --kubeconfig',
  );
}

function beside(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
