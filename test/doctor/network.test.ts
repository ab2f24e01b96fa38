// What the doctor says of proxies, redirects, trust and values with a newline: each with the remedy that works.

import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { remedyFor } from '../../src/doctor/remedies.ts';
import type { CheckError } from '../../src/shared/errors.ts';
import { ForwardProxy } from '../fixtures/clouds/forward-proxy.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { projectId, ScriptedCloud } from '../fixtures/clouds/scripted-cloud.ts';
import { runOnce } from '../fixtures/kubernetes/one-shot.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), 'utf8');
const chain = { cert: pem('chain-leaf.pem') + pem('chain-intermediate.pem'), key: pem('loopback-key.pem') };
const host = 'cloud.corp.test';

const rows: readonly [error: CheckError, remedy: RegExp][] = [
  [
    { code: 'unexpected-status', message: 'answered 301', redirect: 'https://k.example:5000/v3/auth/tokens' },
    /^set spec\.openstack\.endpoint of the Region to https:\/\/k\.example:5000$/,
  ],
  [
    { code: 'unexpected-status', message: 'answered 301', redirect: 'https://k.example/identity/v3' },
    /to https:\/\/k\.example\/identity$/,
  ],
  [
    { code: 'unexpected-status', message: 'answered 302', redirect: 'https://sso.example/login' },
    /sends us to https:\/\/sso\.example\/login: .*login page/,
  ],
  [{ code: 'unauthorized', message: 'answered 401; the password ends with a newline' }, /echo -n/],
  [
    { code: 'unreachable', message: 'x failed: the proxy p:1 (HTTPS_PROXY) wants a user and a password' },
    /http:\/\/user:password@host:port/,
  ],
  [
    { code: 'unreachable', message: 'x failed: the proxy p:1 (HTTPS_PROXY) answered 403 to CONNECT h:1' },
    /allow the host, or add the host to NO_PROXY/,
  ],
  [
    { code: 'unreachable', message: 'x failed: the proxy p:1 (http_proxy) cannot be reached: ECONNREFUSED' },
    /correct the variable/,
  ],
  [{ code: 'tls', message: 'failed: UNABLE_TO_GET_ISSUER_CERT_LOCALLY' }, /ca\.crt .*SSL_CERT_FILE/],
  [{ code: 'tls', message: 'failed: UNSPECIFIED (EE certificate key too weak)' }, /too old/],
  [{ code: 'tls', message: 'failed: CERT_NOT_YET_VALID' }, /clock/],
  [{ code: 'tls', message: 'failed: ERR_SSL_TLSV1_UNRECOGNIZED_NAME' }, /no host of this name/],
  [{ code: 'tls', message: 'failed: ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE' }, /client certificate/],
  [{ code: 'tls', message: 'failed: ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }, /too old/],
  [
    { code: 'unreachable', message: 'failed: UND_ERR_SOCKET (other side closed)' },
    /https\?.*client certificate/,
  ],
  [
    { code: 'unexpected-status', message: 'answered 400 (it speaks TLS there: the address needs https://)' },
    /^correct the scheme/,
  ],
  [{ code: 'timeout', message: 'gave no answer within 9 ms, nor a connection' }, /HTTPS_PROXY/],
  [{ code: 'timeout', message: 'gave no answer within 9 ms' }, /raise --request-timeout/],
];

for (const [error, remedy] of rows)
  test(`the remedy for "${error.message}" (${error.redirect ?? error.code})`, (t) => {
    t.regex(remedyFor(error), remedy);
  });

const reportSchema = v.object({
  sections: v.array(
    v.object({
      region: v.nullable(v.string()),
      steps: v.array(
        v.object({ name: v.string(), status: v.string(), detail: v.string(), remedy: v.string() }),
      ),
    }),
  ),
});

type Step = v.InferOutput<typeof reportSchema>['sections'][number]['steps'][number];

/** The steps of region one, or with "" of Kubernetes, by name. */
async function examine(
  t: ExecutionContext,
  sandbox: Sandbox,
  env: Readonly<Record<string, string>> = {},
  region = 'one',
): Promise<ReadonlyMap<string, Step>> {
  const { stdout } = await runOnce(t, {
    kubeconfig: sandbox.cluster.kubeconfig(namespace),
    args: ['doctor', `--namespace=${namespace}`, '--request-timeout=3s', '--output=json'],
    secrets: sandbox.secrets(),
    env,
  });
  const { sections } = v.parse(reportSchema, JSON.parse(stdout));
  const steps = sections.find((section) => (section.region ?? '') === region)?.steps ?? [];
  return new Map(steps.map((step) => [step.name, step]));
}

function setEndpoint(sandbox: Sandbox, endpoint: string): void {
  sandbox.cluster.patch('regions', namespace, 'one', { spec: { openstack: { endpoint } } });
}

test('a cloud behind a proxy: every step, and what the proxy refuses', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('one', { tls: chain });
  region.putSecret({ 'ca.crt': pem('chain-intermediate.pem') });
  const { port } = new URL(region.cloud.endpoint);
  setEndpoint(sandbox, `https://${host}:${port}`);
  const direct = (await examine(t, sandbox)).get('DNS');
  t.regex(direct?.remedy ?? '', /if only a proxy knows the name, set HTTP_PROXY and HTTPS_PROXY/);

  await using proxy = await ForwardProxy.start({ hosts: { [host]: Number(port) }, login: 'me:secret' });
  const through = await examine(t, sandbox, { HTTPS_PROXY: `http://me:secret@${proxy.address}` });
  t.regex(through.get('TCP')?.detail ?? '', /^through the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\): /);
  for (const name of ['DNS', 'TCP', 'TLS', 'Keystone', 'login']) t.is(through.get(name)?.status, 'ok', name);

  const refused = (await examine(t, sandbox, { HTTPS_PROXY: `http://me:wr0ng@${proxy.address}` })).get('TLS');
  t.regex(refused?.detail ?? '', /the proxy .* wants a user and a password .*407/);
  t.notRegex(JSON.stringify(refused), /wr0ng/);
  t.regex(refused?.remedy ?? '', /the proxy's user and password/);

  const away = (await examine(t, sandbox, { HTTPS_PROXY: 'http://127.0.0.1:1' })).get('TCP');
  t.regex(away?.remedy ?? '', /is HTTPS_PROXY right\? .*add cloud\.corp\.test to NO_PROXY/);
});

test('a redirect names the endpoint to set', async (t) => {
  const sandbox = await startSandbox(t);
  await sandbox.addRegion('one');
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v3', { status: 301, headers: { location: 'https://keystone.example:5000/v3' } });
  setEndpoint(sandbox, cloud.url);
  const step = (await examine(t, sandbox)).get('Keystone');
  t.regex(step?.detail ?? '', /answered 301 \(a redirect to https:\/\/keystone\.example:5000\/v3/);
  t.is(step?.remedy, 'set spec.openstack.endpoint of the Region to https://keystone.example:5000');
});

test('a service after the login: its address is in the catalog, and it takes tokens, not passwords', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('one');
  region.putSecret({ 'project-id': projectId });
  await using cloud = await ScriptedCloud.start();
  const version = { version: { id: 'v3.14' } };
  cloud.on('GET /v3', { body: version }).on('GET /v2.1', { body: version });
  cloud.on('GET /v2.1/flavors/detail', { status: 401 });
  setEndpoint(sandbox, cloud.url);
  t.regex((await examine(t, sandbox)).get('flavors')?.remedy ?? '', /the login worked, .*keystone_authtoken/);

  cloud.on('POST /v3/auth/tokens', (request) =>
    cloud.token(request, { computeUrl: 'http://127.0.0.1:1/v2.1' }),
  );
  const away = await examine(t, sandbox);
  for (const name of ['microversions', 'flavors'])
    t.regex(away.get(name)?.remedy ?? '', /correct the public endpoint in the cloud's catalog/, name);
});

test('newlines in the Secret: region-name is trimmed, the others are named', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('one');
  region.putSecret({ 'region-name': 'RegionOne\n' });
  const trimmed = await examine(t, sandbox);
  t.is(trimmed.get('catalog')?.status, 'ok', trimmed.get('catalog')?.detail);
  region.putSecret({ password: `${region.serviceAccount.password}\n` });
  const steps = await examine(t, sandbox);
  t.is(steps.get('Secret')?.status, 'warning');
  t.regex(steps.get('Secret')?.remedy ?? '', /^the password ends with a newline: store the value without it/);
  t.regex(steps.get('login')?.detail ?? '', /answered 401.*; the password ends with a newline$/);
  t.regex(steps.get('login')?.remedy ?? '', /echo -n/);
});

test('variables that cannot be used are named', async (t) => {
  const sandbox = await startSandbox(t);
  const env = { SSL_CERT_FILE: '/nowhere/ca.crt', HTTPS_PROXY: 'ftp://me:secret@proxy' };
  const step = (await examine(t, sandbox, env, '')).get('environment');
  t.is(step?.status, 'warning');
  t.regex(
    step?.remedy ?? '',
    /HTTPS_PROXY has a scheme .*; SSL_CERT_FILE names \/nowhere\/ca\.crt, .*ENOENT/,
  );
  t.notRegex(JSON.stringify(step), /secret/);
});
