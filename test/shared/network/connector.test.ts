import { readFileSync } from 'node:fs';
import { createServer, type TLSSocket } from 'node:tls';
import test from 'ava';
import { openConnection, TlsSessions } from '../../../src/shared/network/connector.ts';

const pem = (name: string): string =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8');

const tls = () => ({ rejectUnauthorized: false });

for (const [host, shown] of [
  ['cloud.corp.test', 'cloud.corp.test'],
  ['cloud.corp.test.', 'cloud.corp.test'],
  ['127.0.0.1', false],
] as const)
  test(`the server name that TLS shows for ${host}`, async (t) => {
    const seen = Promise.withResolvers<TLSSocket>();
    const server = createServer({ cert: pem('loopback.pem'), key: pem('loopback-key.pem') }, seen.resolve);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = await openConnection(
      { url: new URL(`https://${host}:${port}`), proxy: null, tls, proxyTls: tls },
      {
        timeoutMs: 30_000,
        signal: new AbortController().signal,
        lookup: (_, __, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
      },
      new TlsSessions(),
    );
    t.teardown(() => socket.destroy());
    const secured = await seen.promise;
    secured.on('error', () => {});
    t.is(secured.servername, shown);
  });
