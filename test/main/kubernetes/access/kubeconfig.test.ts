// What a context of a kubeconfig comes to, and which contradictions are refused.

import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { AccessError } from '../../../../src/main/kubernetes/access/access-error.ts';
import { readKubeconfig } from '../../../../src/main/kubernetes/access/kubeconfig.ts';
import { ScriptedClock } from '../../../fixtures/scripted-clock.ts';

const pems = fileURLToPath(new URL('../../../fixtures/tls/', import.meta.url));
const pem = async (name: string): Promise<Buffer> => readFile(join(pems, name));
const ca = await pem('ca.pem');
const cert = await pem('client.pem');
const key = await pem('loopback-key.pem');
const base64 = (content: Buffer): string => content.toString('base64');

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  return dir;
}

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
}

/** Access by a file of one context. */
async function access(t: ExecutionContext, { cluster, user, context }: Parts, dir?: string) {
  const file = join(dir ?? (await folder(t)), 'config');
  const content = {
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443', ...cluster } }],
    users: [{ name: 'u', user: { ...user } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(content));
  const clock = new ScriptedClock();
  return { file, clock, access: readKubeconfig([file], '', { clock, onNotice: () => {} }) };
}

test('a context without a user, and a cluster without an authority, come to nothing but the address', async (t) => {
  const found = await (
    await access(t, { cluster: { server: 'https://api/base//' }, context: { user: null } })
  ).access;
  t.is(found.server, 'https://api/base');
  t.deepEqual(found.tls, {});
  t.is(found.skipTlsVerify, false);
  t.is(found.defaultNamespace, null);
  t.false('proxy' in found);
  t.false('headers' in found);
  t.is(await found.authorization(), undefined);
  t.notThrows(() => found.close?.());
});

test('the authority, the certificate and its key are what a file names, or what stands beside it', async (t) => {
  const dir = await folder(t);
  await mkdir(join(dir, 'pki'));
  for (const name of ['ca.pem', 'client.pem', 'loopback-key.pem'])
    await copyFile(join(pems, name), join(dir, 'pki', name));
  const named = {
    cluster: { 'certificate-authority': 'pki/ca.pem', 'tls-server-name': 'api' },
    user: { 'client-certificate': join(pems, 'client.pem'), 'client-key': 'pki/loopback-key.pem' },
  };
  const all = { ca, cert, key, servername: 'api' };
  t.deepEqual((await (await access(t, named, dir)).access).tls, all);
  const data = {
    cluster: {
      ...named.cluster,
      'certificate-authority': '/no/such',
      'certificate-authority-data': base64(ca),
    },
    user: {
      'client-certificate': '/no/such',
      'client-certificate-data': base64(cert),
      'client-key': '/no/such',
      'client-key-data': base64(key),
    },
  };
  t.deepEqual((await (await access(t, data, dir)).access).tls, all, 'data goes before a file');
});

test('only what stands in files is read again', async (t) => {
  const dir = await folder(t);
  for (const name of ['ca.pem', 'client.pem', 'loopback-key.pem'])
    await copyFile(join(pems, name), join(dir, name));
  const parts = {
    cluster: { 'certificate-authority': 'ca.pem' },
    user: { 'client-certificate': 'client.pem', 'client-key': 'loopback-key.pem' },
  };
  const opened = await access(t, parts, dir);
  const found = await opened.access;
  await copyFile(join(pems, 'other-ca.pem'), join(dir, 'ca.pem'));
  await copyFile(join(pems, 'loopback.pem'), join(dir, 'client.pem'));
  await found.authorization();
  t.deepEqual(found.tls, { ca, cert, key }, 'a minute has not passed');
  await opened.clock.pass(60_000);
  await found.authorization();
  t.deepEqual(found.tls, { ca: await pem('other-ca.pem'), cert: await pem('loopback.pem'), key });
});

test('a refusal has files read at once', async (t) => {
  const dir = await folder(t);
  await copyFile(join(pems, 'ca.pem'), join(dir, 'ca.pem'));
  await writeFile(join(dir, 'token'), 'one');
  const parts = { cluster: { 'certificate-authority': 'ca.pem' }, user: { tokenFile: 'token' } };
  const found = await (await access(t, parts, dir)).access;
  t.is(await found.authorization(), 'Bearer one');
  await copyFile(join(pems, 'other-ca.pem'), join(dir, 'ca.pem'));
  await writeFile(join(dir, 'token'), 'two');
  t.is(await found.authorization('Bearer one'), 'Bearer two');
  t.deepEqual(found.tls, { ca: await pem('other-ca.pem') });
});

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

for (const [what, user, header] of [
  ['nothing', {}, undefined],
  ['empty texts', { token: '', tokenFile: '', username: '', password: '' }, undefined],
  ['a token', { token: 'abc' }, 'Bearer abc'],
  ['a name and a password', { username: 'jane', password: 'p:w' }, basic('jane:p:w')],
  ['a name only', { username: 'jane' }, basic('jane:')],
  ['a password only', { password: 'pw' }, basic(':pw')],
  ['a file that is not there, beside a token', { token: 'abc', tokenFile: '/no/such' }, 'Bearer abc'],
  ['a token beside an old auth-provider', { token: 'abc', 'auth-provider': { name: 'gcp' } }, 'Bearer abc'],
] as const)
  test(`the header of a user with ${what}`, async (t) => {
    t.is(await (await (await access(t, { user })).access).authorization(), header);
  });

const certificate = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };

for (const [what, user] of [
  ['a token', { token: 'abc' }],
  ['a token file', { tokenFile: join(pems, 'ca.pem') }],
  ['a name', { username: 'jane' }],
  ['a password', { password: 'pw' }],
  ['a certificate', certificate],
  [
    'a certificate in a file',
    { ...certificate, 'client-certificate-data': '', 'client-certificate': join(pems, 'client.pem') },
  ],
] as const)
  test(`a credential plugin does not run for a user with ${what}`, async (t) => {
    const exec = { command: '/no/such/plugin' };
    await t.notThrowsAsync((await access(t, { user: { ...user, exec } })).access);
    await t.throwsAsync((await access(t, { user: { exec } })).access, {
      message: /does not exist \(ENOENT\)/,
    });
  });

const pair = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) };
const tokenAndPassword = /: user "u" has both a token and username and password: remove one of the two$/;
const noKey = /: user "u" has a client-certificate without client-key: add client-key or client-key-data$/;
const noName = /: user "u" has as-uid, as-groups or as-user-extra without as: add as, the name/;

for (const [what, parts, message] of [
  ['a token and a name', { user: { token: 'a', username: 'b' } }, tokenAndPassword],
  ['a token and a password', { user: { token: 'a', password: 'b' } }, tokenAndPassword],
  ['a token file and a name', { user: { tokenFile: 'a', username: 'b' } }, tokenAndPassword],
  ['a token file and a password', { user: { tokenFile: 'a', password: 'b' } }, tokenAndPassword],
  ['a certificate without a key', { user: { ...pair, 'client-key-data': '' } }, noKey],
  ['a certificate file without a key', { user: { 'client-certificate': join(pems, 'client.pem') } }, noKey],
  ['a user id without a name', { user: { 'as-uid': '42' } }, noName],
  ['groups without a name', { user: { 'as-groups': ['g'], as: '' } }, noName],
  ['more about nobody', { user: { 'as-user-extra': { scope: ['view'] } } }, noName],
  [
    'an authority that is not to be looked at',
    { cluster: { 'certificate-authority': join(pems, 'ca.pem'), 'insecure-skip-tls-verify': true } },
    /config: a cluster has both a certificate-authority and insecure-skip-tls-verify: remove one of the two$/,
  ],
  [
    'a plugin and an auth-provider',
    { user: { exec: { command: 'x' }, 'auth-provider': { name: 'oidc' } } },
    /: user "u" has both exec and auth-provider: remove one of the two$/,
  ],
  [
    'an authority in a file that is not one',
    { cluster: { 'certificate-authority': join(pems, 'README.md') } },
    /config: certificate-authority \/.*README\.md is not a PEM certificate: give the certificate authority/,
  ],
  [
    'a key in a file that is not there',
    { user: { 'client-certificate-data': base64(cert), 'client-key': 'gone.pem' } },
    /config: client-key \/.*\/gone\.pem cannot be read: ENOENT: correct the path/,
  ],
  [
    'a proxy that is not one',
    { cluster: { 'proxy-url': 'ftp://proxy' } },
    /config: proxy-url has a scheme that is not supported.*: correct it, or use a context without a proxy$/,
  ],
] as const)
  test(`a kubeconfig is refused that has ${what}`, async (t) => {
    await t.throwsAsync((await access(t, parts)).access, { instanceOf: AccessError, message });
  });

for (const [what, parts] of [
  ['a key without a certificate', { user: { 'client-key-data': base64(key) } }],
  ['groups of none', { user: { 'as-groups': [], 'as-user-extra': {}, 'as-uid': '' } }],
  ['groups of a name', { user: { as: 'jane', 'as-uid': '42', 'as-groups': ['g'] } }],
  [
    'an authority that is looked at',
    { cluster: { 'certificate-authority-data': base64(ca), 'insecure-skip-tls-verify': false } },
  ],
  ['no authority, and none wanted', { cluster: { 'insecure-skip-tls-verify': true } }],
  ['two token fields', { user: { token: 'a', tokenFile: '/no/such' } }],
] as const)
  test(`a kubeconfig is taken that has ${what}`, async (t) => {
    await t.notThrowsAsync((await access(t, parts)).access);
  });

test('whether to verify, through which proxy and as whom is said by cluster and user', async (t) => {
  const found = await (
    await access(t, {
      cluster: { 'insecure-skip-tls-verify': true, 'proxy-url': 'http://proxy.example:3128' },
      user: { token: 'abc', as: 'jane' },
      context: { namespace: 'shop' },
    })
  ).access;
  t.is(found.skipTlsVerify, true);
  t.like(found.proxy, { kind: 'http', host: 'proxy.example', port: 3128, source: 'proxy-url' });
  t.deepEqual(found.headers, { 'impersonate-user': 'jane' });
  t.is(found.defaultNamespace, 'shop');
});
