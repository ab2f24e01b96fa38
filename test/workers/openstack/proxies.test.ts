import { readFileSync } from 'node:fs';
import test from 'ava';
import { Network } from '../../../src/shared/network/network.ts';
import { Connections } from '../../../src/workers/openstack/connections.ts';
import { ServerHealthCheck } from '../../../src/workers/server-health/check.ts';
import { ForwardProxy } from '../../fixtures/clouds/forward-proxy.ts';
import { healthJob } from '../../fixtures/clouds/health-job.ts';
import { type Received, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';
import { SocksProxy } from '../../fixtures/clouds/socks-proxy.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8');
const chain = { cert: pem('chain-leaf.pem') + pem('chain-intermediate.pem'), key: pem('loopback-key.pem') };
const root = pem('chain-root.pem');
/** Only the proxy knows this name. */
const host = 'cloud.corp.test';

function portOf(cloud: ScriptedCloud): number {
  return Number(new URL(cloud.url).port);
}

/** The URL with the name, which the catalog has from now on. */
function named(cloud: ScriptedCloud): string {
  const url = `${new URL(cloud.url).protocol}//${host}:${portOf(cloud)}`;
  cloud.on('POST /v3/auth/tokens', (request: Received) =>
    cloud.token(request, { computeUrl: `${url}/v2.1` }),
  );
  return url;
}

/** What became of a job: "ok", or the error. */
async function outcome(
  cloud: ScriptedCloud,
  endpoint: string,
  env: Record<string, string>,
  caCertificate: string | null = root,
): Promise<string> {
  const connections = new Connections({ network: new Network(env) });
  const check = new ServerHealthCheck({ connections });
  try {
    const target = { provider: 'openstack', endpoint, catalogRegion: null, caCertificate } as const;
    const job = healthJob(cloud, { target });
    const { projects } = await check.run(job, new AbortController().signal);
    const [project] = projects;
    if (project === undefined) return 'no project';
    return project.outcome.ok ? 'ok' : `${project.outcome.error.code}: ${project.outcome.error.message}`;
  } finally {
    await check.close();
  }
}

test('plain HTTP goes to the proxy with the whole URL', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const url = named(cloud);
  await using proxy = await ForwardProxy.start({ hosts: { [host]: portOf(cloud) } });
  t.is(await outcome(cloud, url, { HTTP_PROXY: `http://${proxy.address}` }), 'ok');
  t.deepEqual(proxy.requests, [`POST ${url}/v3/auth/tokens`, `GET ${url}/v2.1/servers/detail`]);
  t.is(cloud.received[0]?.headers.host, new URL(url).host);
});

test('https goes through a tunnel, with the name that the proxy knows, over few connections', async (t) => {
  await using cloud = await ScriptedCloud.start(chain);
  const url = named(cloud);
  await using proxy = await ForwardProxy.start({ hosts: { [host]: portOf(cloud) } });
  t.is(await outcome(cloud, url, { https_proxy: proxy.address }), 'ok');
  t.deepEqual(proxy.requests, [`CONNECT ${host}:${portOf(cloud)}`]);
  t.is(cloud.sockets, 1);
});

for (const tls of [undefined, chain])
  test(`the login of the proxy's URL is sent to the proxy alone (${tls === undefined ? 'http' : 'https'})`, async (t) => {
    await using cloud = await ScriptedCloud.start(tls);
    const url = named(cloud);
    const login = 'me@corp:pä:ss';
    await using proxy = await ForwardProxy.start({ hosts: { [host]: portOf(cloud) }, login });
    const [user = '', ...rest] = login.split(':');
    const secret = encodeURIComponent(rest.join(':'));
    const env = (password: string) => {
      const value = `http://${encodeURIComponent(user)}:${password}@${proxy.address}`;
      return { HTTP_PROXY: value, HTTPS_PROXY: value };
    };
    t.is(await outcome(cloud, url, env(secret)), 'ok');
    if (tls !== undefined) t.is(cloud.received[0]?.headers['proxy-authorization'], undefined);
    const refused = await outcome(cloud, url, env('wr0ng'));
    t.regex(refused, /^unreachable: .*the proxy 127\.0\.0\.1:\d+ \(HTTPS?_PROXY\) .*407.*user/);
    t.notRegex(refused, /wr0ng|me@corp|me%40corp|Basic/);
  });

test('a proxy that is reached by https itself', async (t) => {
  await using cloud = await ScriptedCloud.start(chain);
  const url = named(cloud);
  await using proxy = await ForwardProxy.start({ hosts: { [host]: portOf(cloud) }, tls: chain });
  const ca = new URL('../../fixtures/tls/chain-root.pem', import.meta.url).pathname;
  const env = { HTTPS_PROXY: `https://${proxy.address}`, SSL_CERT_FILE: ca };
  t.is(await outcome(cloud, url, env), 'ok');
  t.is(proxy.requests.length, 1);
  const untrusted = await outcome(cloud, url, { HTTPS_PROXY: `https://${proxy.address}` });
  t.regex(untrusted, /the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) cannot be reached: .*issuer certificate/);
  t.regex(untrusted, /trust the authority of the proxy's certificate \(SSL_CERT_FILE\)/);
  await using plain = await ForwardProxy.start({ hosts: {} });
  t.regex(
    await outcome(cloud, url, { HTTPS_PROXY: `https://${plain.address}` }),
    /it does not speak TLS there: give http:\/\/ in HTTPS_PROXY/,
  );
});

for (const tls of [undefined, chain])
  test(`SOCKS 5, which resolves the name (${tls === undefined ? 'http' : 'https'})`, async (t) => {
    await using cloud = await ScriptedCloud.start(tls);
    const url = named(cloud);
    await using proxy = await SocksProxy.start({ hosts: { [host]: portOf(cloud) }, login: 'me:secret' });
    const env = (login: string) => {
      const value = `socks5://${login}${proxy.address}`;
      return { HTTP_PROXY: value, HTTPS_PROXY: value };
    };
    t.is(await outcome(cloud, url, env('me:secret@')), 'ok');
    t.deepEqual(proxy.requests, [`${host}:${portOf(cloud)}`]);
    t.regex(
      await outcome(cloud, url, env('me:wr0ng@')),
      /the proxy .* does not accept the user and password/,
    );
    t.regex(await outcome(cloud, url, env('')), /the proxy .* wants a user and a password/);
  });

test('NO_PROXY goes straight to the host', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const env = { HTTP_PROXY: 'http://192.0.2.1:1', NO_PROXY: '127.0.0.0/8' };
  t.is(await outcome(cloud, cloud.url, env), 'ok');
});

const culprits: [name: string, env: (address: string) => string, says: RegExp][] = [
  [
    'refuses connections',
    () => '127.0.0.1:1',
    /^unreachable: .*the proxy 127\.0\.0\.1:1 \(HTTPS_PROXY\) cannot be reached: .*ECONNREFUSED/,
  ],
  [
    'has a name that is unknown',
    () => 'proxy.invalid:3128',
    /the proxy proxy\.invalid:3128 \(HTTPS_PROXY\) cannot be reached: .*ENOTFOUND/,
  ],
];

for (const [name, env, says] of culprits)
  test(`a proxy that ${name} is named`, async (t) => {
    await using cloud = await ScriptedCloud.start(chain);
    const url = named(cloud);
    t.regex(await outcome(cloud, url, { HTTPS_PROXY: env('') }), says);
  });

for (const [status, says] of [
  [403, /answered 403 to CONNECT cloud\.corp\.test:\d+: its rules do not allow this host; .*NO_PROXY/],
  [502, /answered 502 to CONNECT cloud\.corp\.test:\d+: it cannot reach this host/],
  [405, /answered 405 to CONNECT .*is it a proxy for https\?/],
] as const)
  test(`a proxy that answers ${status} to CONNECT is named`, async (t) => {
    await using cloud = await ScriptedCloud.start(chain);
    const url = named(cloud);
    await using proxy = await ForwardProxy.start({ hosts: {}, refuseWith: status });
    const told = await outcome(cloud, url, { HTTPS_PROXY: proxy.address });
    t.regex(told, new RegExp(`^unreachable: .*the proxy ${proxy.address} \\(HTTPS_PROXY\\)`));
    t.regex(told, says);
  });

for (const tls of [undefined, chain])
  for (const [offers, says] of [
    [
      'Basic realm="NTLM, of old"',
      /wants a user and a password that it accepts \(it answered 407\): give http:/,
    ],
    ['Negotiate, NTLM, basic realm="x"', /wants a user and a password that it accepts/],
    [
      'Negotiate, NTLM',
      /wants a login by Negotiate or NTLM \(it answered 407\), which is not supported: use a local/,
    ],
    [
      'Digest realm="a, b", qop="auth"',
      /wants a login by Digest \(it answered 407\), which is not supported/,
    ],
  ] as const)
    test(`a proxy that offers ${offers}: what helps is said (${tls === undefined ? 'http' : 'https'})`, async (t) => {
      await using cloud = await ScriptedCloud.start(tls);
      const url = named(cloud);
      await using proxy = await ForwardProxy.start({ hosts: {}, login: 'me:secret', offers });
      t.regex(await outcome(cloud, url, { HTTP_PROXY: proxy.address, HTTPS_PROXY: proxy.address }), says);
    });

test("an answer that may be the proxy's own says that there is a proxy", async (t) => {
  await using cloud = await ScriptedCloud.start();
  const url = named(cloud);
  await using proxy = await ForwardProxy.start({ hosts: {}, refuseWith: 503 });
  t.regex(
    await outcome(cloud, url, { HTTP_PROXY: proxy.address }),
    new RegExp(`^server-error: .* through the proxy ${proxy.address} \\(HTTP_PROXY\\) answered 503`),
  );
});
