import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadClusterAccess } from '../../../../src/main/kubernetes/access/config.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubernetes-config-'));
  t.teardown(async () => rm(path, { recursive: true }));
  return path;
}

interface Parts {
  cluster?: object;
  user?: object;
  context?: object;
  rest?: object;
}

function config({ cluster, user, context, rest }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/', ...cluster } }],
    users: [{ name: 'u', user: { ...user } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': 'x',
    ...rest,
  });
}

async function load(t: ExecutionContext, content: string, context = '') {
  const file = join(await folder(t), 'config');
  await writeFile(file, content);
  return loadClusterAccess({ kubeconfig: file, context, env: {} });
}

const yaml = `
apiVersion: v1
kind: Config
preferences: {}
clusters:
- name: one
  cluster: {server: "https://one.example:6443", insecure-skip-tls-verify: true}
- name: two
  cluster: {server: "https://two.example/k8s/clusters/c-1", tls-server-name: api.two}
users:
- name: alice
  user: {token: abc}
- name: bob
  user: {username: bob, password: hunter2}
contexts:
- {name: first, context: {cluster: one, user: alice}}
- {name: second, context: {cluster: two, user: bob, namespace: shop}}
current-context: first
`;

test('reads YAML, its current context or another', async (t) => {
  const first = await load(t, yaml);
  t.like(first, { server: 'https://one.example:6443', skipTlsVerify: true, defaultNamespace: null });
  t.is(await first.authorization(), 'Bearer abc');
  const second = await load(t, yaml, 'second');
  t.like(second, {
    server: 'https://two.example/k8s/clusters/c-1',
    skipTlsVerify: false,
    defaultNamespace: 'shop',
    tls: { servername: 'api.two' },
  });
  t.is(await second.authorization(), `Basic ${Buffer.from('bob:hunter2').toString('base64')}`);
});

test('certificates and tokens may stand in files beside the kubeconfig', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'token'), ' from a file\n');
  await writeFile(join(dir, 'config'), config({ user: { token: 'ignored', tokenFile: 'token' } }));
  const access = await loadClusterAccess({ kubeconfig: join(dir, 'config'), context: '', env: {} });
  t.is(access.server, 'https://api.example:6443');
  t.is(await access.authorization(), 'Bearer from a file');
  await rm(join(dir, 'token'));
  t.is(await access.authorization(), 'Bearer from a file');
});

test('KUBECONFIG may name several files: the first that names something wins, and missing ones do not matter', async (t) => {
  const dir = await folder(t);
  const files = ['a', 'missing', 'b'].map((name) => join(dir, name));
  const [a = '', , b = ''] = files;
  await writeFile(a, JSON.stringify({ clusters: [{ name: 'c', cluster: { server: 'https://a' } }] }));
  await writeFile(b, config({ user: { token: 'b' } }));
  const access = await loadClusterAccess({
    kubeconfig: '',
    context: '',
    env: { KUBECONFIG: files.join(':') },
  });
  t.is(access.server, 'https://a');
  t.is(await access.authorization(), 'Bearer b');
});

test('looks in ~/.kube/config last', async (t) => {
  const home = await folder(t);
  await mkdir(join(home, '.kube'));
  await writeFile(join(home, '.kube', 'config'), config());
  const access = await loadClusterAccess({ kubeconfig: '', context: '', env: { HOME: home } });
  t.is(access.server, 'https://api.example:6443');
  t.is(await access.authorization(), undefined);
});

test('in a pod, uses its service account, and reads its token again', async (t) => {
  const dir = await folder(t);
  await writeFile(join(dir, 'ca.crt'), '');
  await writeFile(join(dir, 'token'), 'of the pod');
  await writeFile(join(dir, 'namespace'), 'region\n');
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443', HOME: dir };
  const access = await loadClusterAccess({ kubeconfig: '', context: '', env, serviceAccountDir: dir });
  t.like(access, { server: 'https://10.0.0.1:443', skipTlsVerify: false, defaultNamespace: 'region' });
  t.is(await access.authorization(), 'Bearer of the pod');
  await writeFile(join(dir, 'token'), 'renewed');
  t.is(await access.authorization(), 'Bearer of the pod', 'read a moment ago');
  t.is(await access.authorization('Bearer of the pod'), 'Bearer renewed');
  t.is(await access.authorization('Bearer of the pod'), 'Bearer renewed', 'of a request that was slower');
  t.is(await access.authorization('Bearer renewed'), 'Bearer renewed', 'there is no other');
  const six = { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' };
  const ipv6 = await loadClusterAccess({ kubeconfig: '', context: '', env: six, serviceAccountDir: dir });
  t.is(ipv6.server, 'https://[fd00::1]:443');
  await writeFile(join(dir, 'config'), config());
  const set = await loadClusterAccess({
    kubeconfig: '',
    context: '',
    env: { ...env, KUBECONFIG: join(dir, 'config') },
    serviceAccountDir: dir,
  });
  t.is(set.server, 'https://api.example:6443', 'a KUBECONFIG that is set goes before the service account');
  await rm(join(dir, 'token'));
  await t.throwsAsync(loadClusterAccess({ kubeconfig: '', context: '', env, serviceAccountDir: dir }), {
    message: /token cannot be read: give the pod a service account/,
  });
});

test('a credential plugin gives the token, is told what it is asked, and runs again when the token expired', async (t) => {
  const dir = await folder(t);
  await writeFile(
    join(dir, 'plugin'),
    `#!/bin/sh
echo run >> "${dir}/runs"
n=$(wc -l < "${dir}/runs" | tr -d ' ')
case "$KUBERNETES_EXEC_INFO" in *ExecCredential*) ;; *) exit 3 ;; esac
echo '{"kind":"ExecCredential","status":{"token":"'"$1-$EXTRA-$n"'","expirationTimestamp":"2020-01-01T00:00:00Z"}}'
`,
  );
  await chmod(join(dir, 'plugin'), 0o755);
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: './plugin',
    args: ['arg'],
    env: [{ name: 'EXTRA', value: 'env' }],
  };
  await writeFile(join(dir, 'config'), config({ user: { exec } }));
  const access = await loadClusterAccess({ kubeconfig: join(dir, 'config'), context: '', env: {} });
  t.is(await access.authorization(), 'Bearer arg-env-2');
  t.is(await access.authorization(), 'Bearer arg-env-3');
});

const failures: readonly [string, string, RegExp, string?][] = [
  ['an unknown context', config(), /no context "nope".*it has: x/, 'nope'],
  [
    'no current context',
    config({ rest: { 'current-context': '' } }),
    /no current-context: give --context.*has: x/,
  ],
  [
    'a missing cluster',
    config({ context: { cluster: 'gone' } }),
    /context "x" names the cluster "gone".*: add it .*has: x/,
  ],
  [
    'a missing user',
    config({ context: { user: 'gone' } }),
    /context "x" names the user "gone".*: add it .*has: x/,
  ],
  [
    'not YAML',
    'users: [{token: hunter2\n  ]: x',
    /config is not valid YAML \(line 2, column 3\): correct it/,
  ],
  [
    'a password that YAML takes for an alias',
    'users: [{user: {password: *hunter2}}]',
    /config is not valid YAML \(line 1, column 28\)/,
  ],
  ['an empty file', '', /config has no current-context: give --context \(it has: none\)/],
  [
    'a wrong server',
    config({ cluster: { server: 'api.example' } }),
    /clusters\.0\.cluster\.server: must begin with/,
  ],
  [
    'a wrong type, without the value',
    config({ user: { token: 13579 } }),
    /users\.0\.user\.token: Invalid type: Expected string: correct/,
  ],
  [
    'an unreadable CA',
    config({ cluster: { 'certificate-authority': 'no.crt' } }),
    /certificate-authority .*no\.crt cannot be read: ENOENT: correct the path/,
  ],
  [
    'a certificate that is none',
    config({ user: { 'client-certificate-data': 'AAAA', 'client-key-data': 'AAAA' } }),
    /of https:\/\/api\.example:6443 is unusable: .*as PEM/,
  ],
  ['impersonation', config({ user: { as: 'root' } }), /impersonates, which is not supported: use/],
  [
    'a proxy that is none',
    config({ cluster: { 'proxy-url': 'ftp://me:secret@p' } }),
    /: proxy-url has a scheme that is not supported: give http.*: correct it/,
  ],
  [
    'a plugin that is not there',
    config({ user: { exec: { command: './no-such-plugin' } } }),
    /credential plugin .*no-such-plugin of user "u" failed: .*ENOENT.*must be installed here/,
  ],
];

for (const [what, content, message, context] of failures) {
  test(`names file and fault: ${what}`, async (t) => {
    const error = await t.throwsAsync(load(t, content, context), { message });
    t.false(`${error?.stack} ${String(error?.cause)}`.includes('hunter2'));
  });
}

test('a kubeconfig that is not there says how to give one', async (t) => {
  await t.throwsAsync(loadClusterAccess({ kubeconfig: '/no/such/file', context: '', env: {} }), {
    message: 'no kubeconfig at /no/such/file: give --kubeconfig, set KUBECONFIG, or run inside a cluster',
  });
});
