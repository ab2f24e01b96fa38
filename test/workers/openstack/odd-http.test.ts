// HTTP that Go's client reads, byte for byte, from a real socket.

import { createServer, type Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { failure, listed, runProject } from '../../fixtures/clouds/health-job.ts';
import { novaServer, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const list = 'GET /v2.1/servers/detail';
const body = JSON.stringify({ servers: [novaServer('a')] });
const { length } = body;
const long = 'x'.repeat(60_000);

const readable: readonly [name: string, answer: string | Buffer][] = [
  [
    'Content-Length beside Transfer-Encoding',
    `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ],
  [
    'Transfer-Encoding before a wrong Content-Length',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n${length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ],
  ['no reason', `HTTP/1.1 200\r\nContent-Length: ${length}\r\n\r\n${body}`],
  ['line feeds alone', `HTTP/1.1 200 OK\nContent-Length: ${length}\n\n${body}`],
  ['a folded header', `HTTP/1.1 200 OK\r\nX-Long: a\r\n\tb\r\nContent-Length: ${length}\r\n\r\n${body}`],
  [
    'Latin-1 in a header',
    Buffer.from(`HTTP/1.1 200 OK\r\nX-City: K\xf6ln\r\nContent-Length: ${length}\r\n\r\n${body}`, 'latin1'),
  ],
  ['a space before a colon', `HTTP/1.1 200 OK\r\nContent-Length : ${length}\r\n\r\n${body}`],
  ['spaces after a length', `HTTP/1.1 200 OK\r\nContent-Length: ${length}  \r\n\r\n${body}`],
  ['60 KB of headers', `HTTP/1.1 200 OK\r\nX-Long: ${long}\r\nContent-Length: ${length}\r\n\r\n${body}`],
  ['an end of the connection as the end', `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${body}`],
  ['HTTP/1.0', `HTTP/1.0 200 OK\r\n\r\n${body}`],
  ['HTTP/1.2', `HTTP/1.2 200 OK\r\nContent-Length: ${length}\r\n\r\n${body}`],
  [
    '100 that was not asked for',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${body}`,
  ],
  [
    '103 first',
    `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${body}`,
  ],
  [
    'extensions of a chunk',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)};a="b c"\r\n${body}\r\n0\r\n\r\n`,
  ],
  [
    'spaces after the size of a chunk',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}  \r\n${body}\r\n0\r\n\r\n`,
  ],
  [
    'trailers',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n${length.toString(16)}\r\n${body}\r\n0\r\nX: y\r\n\r\n`,
  ],
];

/** Passes everything on to the cloud, but answers lists with these bytes. */
async function inFrontOf(
  t: ExecutionContext,
  cloud: ScriptedCloud,
  answer: string | Buffer,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let asked = '';
    socket.on('data', (chunk) => {
      asked += chunk.toString('latin1');
      if (!asked.includes('\r\n\r\n')) return;
      asked = '';
      socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const computeUrl = `http://127.0.0.1:${address.port}/v2.1`;
  cloud.on('POST /v3/auth/tokens', (request) => cloud.token(request, { computeUrl }));
  return computeUrl;
}

for (const [name, answer] of readable)
  test(`read, as Go reads it: ${name}`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    await inFrontOf(t, cloud, answer);
    t.is(listed(await runProject(cloud)).observations.length, 1);
  });

const unreadable: readonly [name: string, answer: string][] = [
  ['a body that is shorter than it says', `HTTP/1.1 200 OK\r\nContent-Length: ${length + 9}\r\n\r\n${body}`],
  ['two lengths', `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nContent-Length: 3\r\n\r\n${body}`],
  [
    'chunks without an end',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${body}\r\n`,
  ],
  ['no HTTP', body],
];

for (const [name, answer] of unreadable)
  test(`refused, as Go refuses it: ${name}`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    await inFrontOf(t, cloud, answer);
    t.regex(failure(await runProject(cloud)).code, /^(?:unreachable|invalid-response)$/);
  });

for (const [name, answer] of [
  ['an alert of TLS', Buffer.from([0x15, 3, 1, 0, 2, 2, 70])],
  ['nginx', 'HTTP/1.1 400 Bad Request\r\n\r\n<h1>The plain HTTP request was sent to HTTPS port</h1>'],
  ['Go', 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'],
  ['Apache', "HTTP/1.1 400 Bad Request\r\n\r\nYou're speaking plain HTTP to an SSL-enabled server port."],
] as const)
  test(`plain HTTP to a port for TLS says so: ${name}`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    await inFrontOf(t, cloud, answer);
    t.regex(failure(await runProject(cloud)).message, /it speaks TLS there: the address needs https:\/\//);
  });

for (const [encoding, compressed] of [
  ['gzip', gzipSync(body)],
  ['x-gzip', gzipSync(body)],
  ['GZIP', gzipSync(body)],
  ['deflate', deflateSync(body)],
  ['deflate', deflateRawSync(body)],
  ['br', brotliCompressSync(body)],
  ['identity', Buffer.from(body)],
] as const)
  test(`an answer that is always compressed: ${encoding}, ${compressed.length} bytes`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, (_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(compressed);
      return null;
    });
    t.is(listed(await runProject(cloud)).observations.length, 1);
  });

test('the bound on the size of an answer is that of what it decompresses to', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024, ' '));
  cloud.on(list, (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    return null;
  });
  t.is(failure(await runProject(cloud)).code, 'response-too-large');
});

test('a damaged compressed answer is an invalid one', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(body);
    return null;
  });
  t.like(failure(await runProject(cloud)), { code: 'invalid-response' });
});

test('an answer that is compressed in a way that nobody reads says so', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { headers: { 'content-encoding': 'compress' }, body: 'something else' });
  const { code, message } = failure(await runProject(cloud));
  t.is(code, 'invalid-response');
  t.regex(message, /\(application\/json, encoding compress\) that are not JSON/);
});
