import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import test, { type ExecutionContext } from 'ava';
import { ForwardProxy } from '../../fixtures/clouds/forward-proxy.ts';
import { telemetryOf } from '../../fixtures/monitor/telemetry.ts';

const file = (name: string): string => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname;
const pem = (name: string): string => readFileSync(file(name), 'utf8');
/** Only the proxy knows this name. */
const host = 'cloud.corp.test';

/** A receiver that takes everything, by https; its port and how often it was asked. */
async function start(t: ExecutionContext): Promise<{ port: number; asked: () => number }> {
  let asked = 0;
  const cert = pem('chain-leaf.pem') + pem('chain-intermediate.pem');
  const server = createServer({ key: pem('loopback-key.pem'), cert }, (request, response) => {
    asked += 1;
    request.resume().once('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return { port: address.port, asked: () => asked };
}

/** What was reported of one export. */
async function exportOnce(endpoint: string, env: Record<string, string>): Promise<readonly string[]> {
  const { telemetry, said } = telemetryOf({ otlpEndpoint: endpoint }, env);
  telemetry.meter.createCounter('one').add(1);
  await telemetry.shutdown(10_000);
  return said.errors;
}

test('the receiver is reached through the proxy, and trusted by SSL_CERT_FILE', async (t) => {
  const { port, asked } = await start(t);
  await using proxy = await ForwardProxy.start({ hosts: { [host]: port } });
  const env = { HTTPS_PROXY: proxy.address, SSL_CERT_FILE: file('chain-root.pem') };
  t.deepEqual(await exportOnce(`https://${host}:${port}`, env), []);
  t.is(asked(), 1);
  t.deepEqual(proxy.requests, [`CONNECT ${host}:${port}`]);
});

test('an intermediate as OTEL_EXPORTER_OTLP_CERTIFICATE', async (t) => {
  const { port, asked } = await start(t);
  const env = { OTEL_EXPORTER_OTLP_CERTIFICATE: file('chain-intermediate.pem') };
  t.deepEqual(await exportOnce(`https://127.0.0.1:${port}`, env), []);
  t.is(asked(), 1);
});

test('a proxy that refuses is named, with what to do', async (t) => {
  await using proxy = await ForwardProxy.start({ hosts: {}, login: 'me:secret' });
  const [error = ''] = await exportOnce(`https://${host}:4318`, { HTTPS_PROXY: `me:wr0ng@${proxy.address}` });
  t.regex(
    error,
    /the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\) wants a user .* add cloud\.corp\.test to NO_PROXY$/,
  );
  t.notRegex(error, /wr0ng/);
});
