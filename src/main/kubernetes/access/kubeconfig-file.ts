// Reads kubeconfig files as kubectl does: several are merged, the first that names something wins.
//
// Not through @kubernetes/client-node's KubeConfig: to load it takes 316 ms and 89 MB for every command outside a pod,
// js-yaml 5 ms and 4 MB. Here an error names the file, the context and the field.

import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { codeOf, messageOf } from '../../../shared/errors.ts';
import { AccessError } from './access-error.ts';

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
  'disable-compression': v.nullish(v.boolean()),
  extensions: list(v.object({ name: v.string(), extension: v.unknown() })),
});

const execSchema = v.object({
  apiVersion: text,
  command: v.string(),
  args: v.nullish(v.array(v.string())),
  env: v.nullish(
    v.array(
      v.object({
        name: v.pipe(v.string(), v.nonEmpty('must not be empty')),
        value: v.nullish(v.string(), ''),
      }),
    ),
  ),
  installHint: text,
  provideClusterInfo: v.nullish(v.boolean()),
  interactiveMode: text,
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
  'as-uid': text,
  'as-groups': v.nullish(v.array(v.string())),
  'as-user-extra': v.nullish(v.record(v.string(), v.nullish(v.array(v.string()), []))),
});

const contextSchema = v.object({ cluster: v.string(), user: text, namespace: text });

const fileSchema = v.object({
  'current-context': text,
  clusters: list(v.object({ name: v.string(), cluster: clusterSchema })),
  users: list(v.object({ name: v.string(), user: v.nullish(userSchema, {}) })),
  contexts: list(v.object({ name: v.string(), context: contextSchema })),
});

export type Cluster = v.InferOutput<typeof clusterSchema>;
export type User = v.InferOutput<typeof userSchema>;
export type Exec = v.InferOutput<typeof execSchema>;

/** Something of a kubeconfig, and the file that it stood in: paths are relative to that. */
export interface Found<Value> {
  readonly value: Value;
  readonly file: string;
}

export interface MergedKubeconfig {
  currentContext: string;
  readonly clusters: Map<string, Found<Cluster>>;
  readonly users: Map<string, Found<User>>;
  readonly contexts: Map<string, Found<v.InferOutput<typeof contextSchema>>>;
}

export async function readAndMerge(files: readonly string[]): Promise<MergedKubeconfig> {
  const merged: MergedKubeconfig = {
    currentContext: '',
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
  };
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
      `kubeconfig ${file} cannot be read: ${codeOf(cause) || messageOf(cause)}`,
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
