import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { loadClusterAccess } from '../../../../src/main/kubernetes/access/config.ts';
import { systemClock } from '../../../../src/shared/clock.ts';

const pems = fileURLToPath(new URL('../../../fixtures/tls/', import.meta.url));

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

test('what is wrong with an entry that is not used, and a key that is there twice, is no matter, as with kubectl', async (t) => {
  const access = await load(
    t,
    `
clusters:
- name: unset
  cluster: {server: ""}
- name: empty
- name: old
  cluster: {server: localhost:8080}
- name: c
  cluster: {server: "https://before.example", server: "HTTPS://api.example:6443"}
users:
- name: broken
  user: {exec: {}, as-groups: admins}
- name: u
  user: {token: abc}
contexts:
- name: nothing
- {name: x, context: {cluster: c, user: u}}
- {name: wrong, context: {cluster: old, user: u}}
current-context: x
`,
  );
  t.is(new URL(access.server).origin, 'https://api.example:6443');
  t.is(await access.authorization(), 'Bearer abc');
  const wrong = config({ rest: { clusters: [{ name: 'c' }] } });
  await t.throwsAsync(load(t, wrong), { message: /clusters\.0\.cluster\.server: .*correct it/ });
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

/** A service account, and how a pod finds it. */
async function pod(t: ExecutionContext, authority: string) {
  const dir = await folder(t);
  await copyFile(join(pems, authority), join(dir, 'ca.crt'));
  await writeFile(join(dir, 'token'), 'of the pod');
  const env = { KUBERNETES_SERVICE_HOST: 'api.svc', KUBERNETES_SERVICE_PORT: '', KUBECONFIG: ':' };
  return { dir, options: { kubeconfig: '', context: '', env, serviceAccountDir: dir } };
}

test('in a pod, the port and the namespace may be missing, and an empty KUBECONFIG names nothing', async (t) => {
  const { options } = await pod(t, 'ca.pem');
  t.like(await loadClusterAccess(options), { server: 'https://api.svc:443', defaultNamespace: null });
});

test('in a pod, the authority is read again with the token', async (t) => {
  const { dir, options } = await pod(t, 'ca.pem');
  let nowMs = 1_000_000;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const access = await loadClusterAccess({ ...options, clock });
  t.deepEqual(access.tls, { ca: await readFile(join(pems, 'ca.pem')) });
  await access.authorization();
  await copyFile(join(pems, 'other-ca.pem'), join(dir, 'ca.crt'));
  await writeFile(join(dir, 'token'), 'renewed');
  t.is(await access.authorization(), 'Bearer of the pod');
  t.deepEqual(access.tls, { ca: await readFile(join(pems, 'ca.pem')) });
  nowMs += 60_000;
  t.is(await access.authorization(), 'Bearer renewed');
  t.deepEqual(access.tls, { ca: await readFile(join(pems, 'other-ca.pem')) });
  await copyFile(join(pems, 'ca.pem'), join(dir, 'ca.crt'));
  await access.authorization('Bearer renewed');
  t.deepEqual(access.tls, { ca: await readFile(join(pems, 'ca.pem')) }, 'at once after a refusal');
});

test('in a pod whose authority is not a certificate, the authorities of the system are trusted', async (t) => {
  const { options } = await pod(t, 'README.md');
  t.deepEqual((await loadClusterAccess(options)).tls, {});
});

test('in a pod, a context needs a kubeconfig', async (t) => {
  const { dir, options } = await pod(t, 'ca.pem');
  await t.throwsAsync(loadClusterAccess({ ...options, context: 'x' }), {
    message: '--context x needs a kubeconfig: give --kubeconfig, or set KUBECONFIG',
  });
  await writeFile(join(dir, 'config'), config());
  const kubeconfig = join(dir, 'config');
  t.is(
    (await loadClusterAccess({ ...options, context: 'x', kubeconfig })).server,
    'https://api.example:6443',
  );
});

test('without a service host there is no pod', async (t) => {
  const home = await folder(t);
  const env = { KUBERNETES_SERVICE_HOST: '', KUBECONFIG: '', HOME: home };
  await t.throwsAsync(loadClusterAccess({ kubeconfig: '', context: '', env }), {
    message: new RegExp(`^no kubeconfig at ${home}/.kube/config: `),
  });
});

test('whom to impersonate is said in headers', async (t) => {
  const user = {
    token: 'abc',
    as: 'jane',
    'as-uid': '42',
    'as-groups': ['developers', 'auditors'],
    'as-user-extra': { 'example.org/scope': ['view', 'dev'], 'a/b%': ['c'], none: [] },
  };
  const { headers } = await load(t, config({ user }));
  t.deepEqual(headers, {
    'impersonate-user': 'jane',
    'impersonate-uid': '42',
    'impersonate-group': ['developers', 'auditors'],
    'impersonate-extra-example.org%2Fscope': ['view', 'dev'],
    'impersonate-extra-a%2Fb%25': ['c'],
  });
});

test('a token file goes before the token, which stands in until it can be read', async (t) => {
  const dir = await folder(t);
  const user = { token: 'beside it', tokenFile: join(dir, 'token') };
  const access = await load(t, config({ user }));
  t.is(await access.authorization(), 'Bearer beside it');
  await writeFile(join(dir, 'token'), 'of the file\n');
  t.is(await access.authorization(), 'Bearer of the file');
});

test('a user without a name, but with a password, has both in the header', async (t) => {
  const access = await load(t, config({ user: { password: 'hunter2' } }));
  t.is(await access.authorization(), `Basic ${Buffer.from(':hunter2').toString('base64')}`);
});

test('an auth-provider of old kubeconfigs that gives no token names what took its place', async (t) => {
  const access = await load(t, config({ user: { 'auth-provider': { name: 'gcp' } } }));
  await t.throwsAsync(access.authorization(), {
    message: /auth-provider gcp of user "u" gives no token: .*; .*use exec, with gke-gcloud-auth-plugin/,
  });
});

test('authority, certificate and key are read again when their files are replaced, but never half of them', async (t) => {
  const dir = await folder(t);
  const put = async (name: string, from: string) => copyFile(join(pems, from), join(dir, name));
  await put('ca', 'ca.pem');
  await put('cert', 'client.pem');
  await put('key', 'loopback-key.pem');
  const content = config({
    cluster: { 'certificate-authority': join(dir, 'ca') },
    user: { 'client-certificate': join(dir, 'cert'), 'client-key': join(dir, 'key') },
  });
  await writeFile(join(dir, 'config'), content);
  let nowMs = 1_000_000;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const access = await loadClusterAccess({ kubeconfig: join(dir, 'config'), context: '', env: {}, clock });
  const first = access.tls;
  await put('cert', 'loopback.pem');
  await access.authorization();
  t.is(access.tls, first, 'read a moment ago');
  nowMs += 60_000;
  await access.authorization();
  const second = access.tls;
  t.not(second, first);
  t.deepEqual(second.cert, await readFile(join(pems, 'loopback.pem')));
  await writeFile(join(dir, 'ca'), '');
  await writeFile(join(dir, 'key'), 'half of it');
  nowMs += 60_000;
  await access.authorization();
  t.is(access.tls, second, 'what cannot be used is left');
  await put('ca', 'other-ca.pem');
  await put('key', 'loopback-key.pem');
  await access.authorization('');
  t.deepEqual(access.tls.ca, await readFile(join(pems, 'other-ca.pem')), 'at once after a refusal');
  nowMs += 60_000;
  const third = access.tls;
  await access.authorization();
  t.is(access.tls, third, 'the same while nothing changes');
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
  [
    'an authority that is not a certificate',
    config({ cluster: { 'certificate-authority-data': 'AAAA' } }),
    /certificate-authority-data is not a PEM certificate: give/,
  ],
  [
    'an authority that is not to be looked at',
    config({ cluster: { 'certificate-authority-data': 'AAAA', 'insecure-skip-tls-verify': true } }),
    /both a certificate-authority and insecure-skip-tls-verify: remove one/,
  ],
  [
    'two ways to log in',
    config({ user: { token: 'hunter2', username: 'u' } }),
    /user "u" has both a token and username/,
  ],
  [
    'a certificate without its key',
    config({ user: { 'client-certificate-data': 'AAAA' } }),
    /user "u" has a client-certificate without client-key: add/,
  ],
  [
    'groups of nobody',
    config({ user: { 'as-groups': ['g'] } }),
    /as-groups or as-user-extra without as: add as/,
  ],
  [
    'a plugin and an auth-provider',
    config({ user: { exec: { command: 'x' }, 'auth-provider': { name: 'oidc' } } }),
    /both exec and auth-provider/,
  ],
  [
    'a plugin of an old version',
    config({ user: { exec: { command: 'x', apiVersion: 'client.authentication.k8s.io/v1alpha1' } } }),
    /apiVersion client\.authentication\.k8s\.io\/v1alpha1 is not supported: update the plugin/,
  ],
  [
    'a plugin that wants to ask',
    config({ user: { exec: { command: 'x', interactiveMode: 'Always' } } }),
    /interactiveMode Always wants a terminal, and there is none here: use a context/,
  ],
  [
    'a plugin that asks in an unknown way',
    config({ user: { exec: { command: 'x', interactiveMode: 'Sometimes' } } }),
    /interactiveMode Sometimes is not known: correct it/,
  ],
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
