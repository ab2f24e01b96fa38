// Kubeconfig files as kubectl merges them.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AccessError } from '../../../../src/main/kubernetes/access/access-error.ts';
import {
  clusterSchema,
  readAndMerge,
  readEntry,
  userSchema,
} from '../../../../src/main/kubernetes/access/kubeconfig-file.ts';

/** Files with these contents; null for one that does not exist. */
async function files(t: ExecutionContext, ...contents: (string | null)[]): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'kubeconfig-file-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  return Promise.all(
    contents.map(async (content, index) => {
      const file = join(dir, `config-${index}`);
      if (content !== null) await writeFile(file, content);
      return file;
    }),
  );
}

/** A file that names things of the other one, too; `a` has an empty current-context. */
function both(server: string, context: string): string {
  return `
clusters:
- {name: own-${context}, cluster: {server: "https://own"}}
- {name: c, cluster: {server: "https://${server}"}}
- {name: c, cluster: {server: "https://twice"}}
users:
- {name: u, user: {token: ${server}}}
contexts:
- {name: ${context}, context: {cluster: c}}
- {name: x, context: {cluster: c, namespace: ${server}}}
current-context: "${context === 'a' ? '' : context}"
`;
}

test('of clusters, users and contexts of one name the first is taken, and the first current-context', async (t) => {
  const paths = await files(t, both('one', 'a'), null, both('two', 'b'), 'current-context: late\n');
  const [one = '', , two = ''] = paths;
  const { currentContext, clusters, users, contexts } = await readAndMerge(paths);
  t.is(currentContext, 'b');
  t.deepEqual([...clusters.keys()], ['own-a', 'c', 'own-b']);
  t.deepEqual(clusters.get('c'), {
    value: { server: 'https://one' },
    file: one,
    place: 'clusters.1.cluster',
  });
  t.is(clusters.get('own-b')?.file, two);
  t.deepEqual(users.get('u'), { value: { token: 'one' }, file: one, place: 'users.0.user' });
  t.deepEqual(contexts.get('x'), {
    value: { cluster: 'c', namespace: 'one' },
    file: one,
    place: 'contexts.1.context',
  });
  t.deepEqual([...contexts.keys()], ['a', 'x', 'b']);
});

for (const [what, content] of [
  ['nothing', ''],
  ['a comment', '# later\n'],
  ['keys without values', 'clusters:\nusers:\ncontexts:\ncurrent-context:\n'],
  ['an empty document before others', '---\n---\ncurrent-context: x\n'],
] as const)
  test(`a file may hold ${what}`, async (t) => {
    const { currentContext, clusters, users, contexts } = await readAndMerge(await files(t, content));
    t.is(currentContext, '');
    t.is(clusters.size + users.size + contexts.size, 0);
  });

test('of several documents the first counts, and of a key that is there twice the last value', async (t) => {
  const text = 'current-context: a\ncurrent-context: b\n---\ncurrent-context: c\n';
  t.is((await readAndMerge(await files(t, text))).currentContext, 'b');
});

test('an entry without content is kept: it matters only when it is used', async (t) => {
  const [file = ''] = await files(t, 'clusters:\n- name: c\nusers:\n- name: u\ncontexts:\n- name: x\n');
  const { clusters, users, contexts } = await readAndMerge([file]);
  t.deepEqual(users.get('u'), { value: {}, file, place: 'users.0.user' });
  t.deepEqual(contexts.get('x'), { value: {}, file, place: 'contexts.0.context' });
  const cluster = clusters.get('c');
  t.throws(() => cluster && readEntry(clusterSchema, cluster), {
    instanceOf: AccessError,
    message:
      /^kubeconfig .*config-0: clusters\.0\.cluster\.server: Invalid key: Expected "server": correct it/,
  });
});

test('no file at all says where it was looked for', async (t) => {
  const [one = '', two = ''] = await files(t, null, null);
  await t.throwsAsync(readAndMerge([one, two]), {
    instanceOf: AccessError,
    message: `no kubeconfig at ${one}, ${two}: give --kubeconfig, set KUBECONFIG, or run inside a cluster`,
  });
});

test('a file that cannot be read is not skipped', async (t) => {
  await t.throwsAsync(readAndMerge([tmpdir(), ...(await files(t, ''))]), {
    instanceOf: AccessError,
    message: `kubeconfig ${tmpdir()} cannot be read: EISDIR: give a file that this user may read`,
  });
});

for (const [what, content, message] of [
  ['a text', 'hunter2\n', /config-0: the file: Invalid type: Expected Object: correct it/],
  ['an entry without a name', 'users:\n- user: {token: hunter2}\n', /config-0: users\.0\.name: Invalid key/],
  [
    'a number for a name',
    'clusters:\n- name: 13579\n',
    /clusters\.0\.name: Invalid type: Expected string: correct/,
  ],
  ['not YAML', 'a: 1\n b: hunter2\n', /is not valid YAML \(line 2, column 3\): correct it/],
] as const)
  test(`an error names file and place, and quotes nothing of the file: ${what}`, async (t) => {
    const error = await t.throwsAsync(readAndMerge(await files(t, content)), {
      instanceOf: AccessError,
      message,
    });
    t.notRegex(`${error?.stack} ${String(error?.cause)}`, /hunter2|13579/);
  });

test('an entry that is used is read in full, and its error names the field', (t) => {
  const at = { file: '/config', place: 'users.3.user' };
  t.deepEqual(readEntry(userSchema, { value: { token: 'abc', unknown: 1, username: null }, ...at }), {
    value: { token: 'abc', username: null },
    file: '/config',
  });
  const exec = { command: 'x', env: [{ name: 'A' }, { name: '', value: 'b' }] };
  t.throws(() => readEntry(userSchema, { value: { exec }, ...at }), {
    message:
      'kubeconfig /config: users.3.user.exec.env.1.name: must not be empty: correct it, or give another --kubeconfig',
  });
});
