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

export const clusterSchema = v.object({
  server: v.pipe(v.string(), v.regex(/^https?:\/\//i, 'must begin with https:// or http://')),
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

export const userSchema = v.object({
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

export const contextSchema = v.object({ cluster: v.string(), user: text, namespace: text });

const entry = v.record(v.string(), v.unknown());

/** Entries are read when they are used: one that is wrong spoils only the contexts that name it. */
const fileSchema = v.object({
  'current-context': text,
  clusters: list(v.object({ name: v.string(), cluster: v.nullish(entry, {}) })),
  users: list(v.object({ name: v.string(), user: v.nullish(entry, {}) })),
  contexts: list(v.object({ name: v.string(), context: v.nullish(entry, {}) })),
});

export type Cluster = v.InferOutput<typeof clusterSchema>;
export type User = v.InferOutput<typeof userSchema>;
export type Exec = v.InferOutput<typeof execSchema>;

/** Something of a kubeconfig, and the file that it stood in: paths are relative to that. */
export interface Found<Value> {
  readonly value: Value;
  readonly file: string;
}

/** One that has not been read yet. */
export interface Entry extends Found<unknown> {
  /** For messages: "clusters.0.cluster". */
  readonly place: string;
}

export interface MergedKubeconfig {
  currentContext: string;
  readonly clusters: Map<string, Entry>;
  readonly users: Map<string, Entry>;
  readonly contexts: Map<string, Entry>;
}

export async function readAndMerge(files: readonly string[]): Promise<MergedKubeconfig> {
  const merged: MergedKubeconfig = {
    currentContext: '',
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
  };
  let found = false;
  for (const file of files) {
    const content = await readIfThere(file);
    if (content === null) continue;
    found = true;
    const parsed = await parse(file, content);
    merged.currentContext ||= parsed['current-context'] ?? '';
    for (const [index, { name, cluster: value }] of parsed.clusters.entries())
      keep(merged.clusters, name, { value, file, place: `clusters.${index}.cluster` });
    for (const [index, { name, user: value }] of parsed.users.entries())
      keep(merged.users, name, { value, file, place: `users.${index}.user` });
    for (const [index, { name, context: value }] of parsed.contexts.entries())
      keep(merged.contexts, name, { value, file, place: `contexts.${index}.context` });
  }
  if (!found)
    throw new AccessError(
      `no kubeconfig at ${files.join(', ')}`,
      'give --kubeconfig, set KUBECONFIG, or run inside a cluster',
    );
  return merged;
}

function keep(map: Map<string, Entry>, name: string, entry: Entry): void {
  if (!map.has(name)) map.set(name, entry);
}

/** Throws an AccessError. */
export function readEntry<Value>(
  schema: v.GenericSchema<unknown, Value>,
  { value, file, place }: Entry,
): Found<Value> {
  return { value: read(schema, value, { file, place }), file };
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
  return read(fileSchema, await decode(file, content), { file, place: '' });
}

function read<Value>(
  schema: v.GenericSchema<unknown, Value>,
  value: unknown,
  { file, place }: Pick<Entry, 'file' | 'place'>,
): Value {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  // What was received instead stays out: it may be a password of digits alone.
  const expected = issue.message.replace(/ but received .*$/s, '');
  const path = [place, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.') || 'the file';
  throw new AccessError(
    `kubeconfig ${file}: ${path}: ${expected}`,
    'correct it, or give another --kubeconfig',
  );
}

/** The first document, or an empty one; of a key that is there twice, the last value: as kubectl does. A pod has no kubeconfig, so js-yaml is loaded only here. */
async function decode(file: string, content: string): Promise<unknown> {
  const { loadAll, YAMLException } = await import('js-yaml');
  let place = '';
  try {
    return loadAll(content, { json: true })[0] ?? {};
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
