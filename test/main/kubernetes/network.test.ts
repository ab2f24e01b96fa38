import { readFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { Network, parseProxy } from '../../../src/shared/network/network.ts';
import { ForwardProxy } from '../../fixtures/clouds/forward-proxy.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8');
const key = pem('loopback-key.pem');
const leaf = pem('chain-leaf.pem');
const intermediate = pem('chain-intermediate.pem');
/** Only the proxy knows this name. */
const host = 'cloud.corp.test';

/** An API server that sends these certificates; its port. */
async function start(t: ExecutionContext, cert: string): Promise<number> {
  const server = createServer({ key, cert }, (request, response) => {
    if (request.url?.includes('watch=true')) response.write('{"type":"BOOKMARK"}\n');
    response.end(request.url?.includes('watch=true') ? undefined : '{"kind":"APIVersions"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

interface Way {
  readonly server: string;
  readonly ca?: string;
  readonly serverName?: string;
  readonly env?: Record<string, string>;
  readonly proxyUrl?: string;
}

/** What a request and a watch give: "ok", or the reason and the message. */
async function ask(
  t: ExecutionContext,
  { server, ca, serverName, env = {}, proxyUrl }: Way,
): Promise<string> {
  const proxy = proxyUrl === undefined ? undefined : parseProxy(proxyUrl, 'proxy-url');
  if (typeof proxy === 'string') throw new Error(proxy);
  const client = new KubernetesClient(
    {
      server,
      tls: {
        ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
        ...(serverName === undefined ? {} : { servername: serverName }),
      },
      skipTlsVerify: false,
      defaultNamespace: null,
      authorization: async () => undefined,
      ...(proxy === undefined ? {} : { proxy }),
    },
    { requestTimeoutMs: 10_000, network: new Network(env) },
  );
  t.teardown(async () => client.close());
  try {
    await client.get('/api');
    const signal = new AbortController().signal;
    for await (const _ of client.stream('/api', { query: { watch: 'true' }, signal, idleTimeoutMs: 10_000 }));
    return 'ok';
  } catch (error) {
    return error instanceof ApiError ? `${error.reason}: ${error.message}` : String(error);
  }
}

for (const [name, anchor] of [
  ['a root', pem('chain-root.pem')],
  ['an intermediate', intermediate],
  ["the server's own certificate", leaf],
] as const)
  test(`the authority of the cluster may be ${name}`, async (t) => {
    const full = await start(t, leaf + intermediate);
    t.is(await ask(t, { server: `https://127.0.0.1:${full}`, ca: anchor }), 'ok');
    if (name === 'a root') return;
    const alone = await start(t, leaf);
    t.is(await ask(t, { server: `https://127.0.0.1:${alone}`, ca: anchor }), 'ok');
  });

test('a bundle of authorities counts without what has expired and what cannot be read in it', async (t) => {
  const port = await start(t, leaf + intermediate);
  const damaged = pem('other-ca.pem').replace(/\n[^\n]{60}/, '\nAAAA');
  const ca = `${damaged}${pem('chains/x-expired.pem')}${pem('chain-root.pem')}`;
  t.is(await ask(t, { server: `https://127.0.0.1:${port}`, ca }), 'ok');
});

test('an authority that signed nothing of it does not do, nor does a name of another host', async (t) => {
  const port = await start(t, leaf + intermediate);
  t.regex(
    await ask(t, { server: `https://127.0.0.1:${port}`, ca: pem('ca.pem') }),
    /^TLS: .*issuer certificate/,
  );
  t.regex(await ask(t, { server: `https://127.0.0.2:${port}`, ca: leaf }), /ECONNREFUSED/);
  const other = await start(t, pem('other-host.pem'));
  const strange = await ask(t, { server: `https://127.0.0.1:${other}`, ca: pem('other-host.pem') });
  t.regex(
    strange,
    /^TLSName: .*IP: 127\.0\.0\.1 is not in the cert.* by tls-server-name in the kubeconfig\)$/,
  );
});

for (const [host, cert, serverName] of [
  ['127.0.0.1', leaf + intermediate, 'cloud.corp.test'],
  ['127.0.0.1', pem('other-host.pem'), 'keystone.example.org'],
  ['localhost', leaf + intermediate, '127.0.0.1'],
] as const)
  test(`tls-server-name ${serverName} is the name that the certificate must be for`, async (t) => {
    const server = `https://${host}:${await start(t, cert)}`;
    const ca = pem('chain-root.pem') + pem('other-ca.pem');
    t.is(await ask(t, { server, ca, serverName }), 'ok');
    t.regex(await ask(t, { server, ca, serverName: 'other.test' }), /^TLSName: .*Host: other\.test/);
    t.regex(await ask(t, { server, ca, serverName: '127.0.0.9' }), /^TLSName: .*IP: 127\.0\.0\.9/);
  });

test('a certificate that has expired, and a port without TLS: each says what helps', async (t) => {
  const port = await start(t, pem('expired.pem'));
  t.regex(
    await ask(t, { server: `https://127.0.0.1:${port}`, ca: pem('other-ca.pem') }),
    /^TLSTime: .*\(renew the certificate of the API server/,
  );
  const plain = createPlainServer((_, response) => response.end('{}'));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  t.teardown(() => plain.close());
  const address = plain.address();
  const plainPort = typeof address === 'object' && address !== null ? address.port : 0;
  t.regex(
    await ask(t, { server: `https://127.0.0.1:${plainPort}`, ca: leaf }),
    /^TLSPlain: .* \(nothing there speaks TLS/,
  );
});

test('without an authority of the cluster, that of SSL_CERT_FILE counts; with one, that one alone', async (t) => {
  const server = `https://127.0.0.1:${await start(t, leaf + intermediate)}`;
  const env = { SSL_CERT_FILE: new URL('../../fixtures/tls/chain-root.pem', import.meta.url).pathname };
  t.is(await ask(t, { server, env }), 'ok');
  t.regex(await ask(t, { server, env, ca: pem('ca.pem') }), /^TLS: /);
});

test('requests and watches go through the proxy of HTTPS_PROXY, or of the kubeconfig before it', async (t) => {
  const port = await start(t, leaf + intermediate);
  const server = `https://${host}:${port}`;
  await using proxy = await ForwardProxy.start({ hosts: { [host]: port }, login: 'me:secret' });
  const proxyUrl = `http://me:secret@${proxy.address}`;
  t.is(await ask(t, { server, ca: intermediate, env: { HTTPS_PROXY: proxyUrl } }), 'ok');
  t.deepEqual(new Set(proxy.requests), new Set([`CONNECT ${host}:${port}`]));
  const env = { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' };
  t.is(await ask(t, { server, ca: intermediate, env, proxyUrl }), 'ok');
  t.regex(
    await ask(t, { server, ca: intermediate, env: { HTTPS_PROXY: 'http://127.0.0.1:1' } }),
    /^Proxy: .*the proxy 127\.0\.0\.1:1 \(HTTPS_PROXY\) cannot be reached: .*NO_PROXY/,
  );
});

test('the API server of the pod is not asked for through a proxy', async (t) => {
  const port = await start(t, leaf + intermediate);
  const env = { HTTPS_PROXY: 'http://127.0.0.1:1', KUBERNETES_SERVICE_HOST: 'localhost.' };
  t.regex(await ask(t, { server: `https://${host}:${port}`, ca: leaf, env }), /^Proxy: /);
  t.notRegex(await ask(t, { server: `https://localhost.:${port}`, ca: leaf, env }), /^Proxy: /);
});
