import { readFileSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
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

test('a server without secure renegotiation is as good as any other, as for Go', async (t) => {
  const hello = [
    [0x03, 0x03], // TLS 1.2
    [...Buffer.alloc(32, 7)], // its random
    [0], // no session
    [0xc0, 0x2f, 0], // ECDHE-RSA-AES128-GCM-SHA256, without compression, and without extensions
  ].flat();
  const record = Buffer.from([0x16, 0x03, 0x03, 0, hello.length + 4, 2, 0, 0, hello.length, ...hello]);
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(record));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const connecting = openConnection(
    { url: new URL(`https://127.0.0.1:${port}`), proxy: null, tls, proxyTls: tls },
    { timeoutMs: 30_000, signal: new AbortController().signal },
    new TlsSessions(),
  );
  const error = await t.throwsAsync<NodeJS.ErrnoException>(connecting);
  t.is(error.code, 'ECONNRESET', 'not that its hello is refused: it is the server that ends the handshake');
});
