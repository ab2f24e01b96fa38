import { once } from 'node:events';
import { connect, createServer, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { dial } from '../../../src/shared/network/dial.ts';
import { startBlackHole } from '../../fixtures/clouds/black-hole.ts';

/** A name with these addresses, in this order. */
function names(addresses: readonly string[]): LookupFunction {
  return (_, __, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
}

async function reached(port: number, addresses: readonly string[], timeoutMs: number): Promise<string> {
  const options = { signal: new AbortController().signal, timeoutMs, lookup: names(addresses) };
  try {
    const socket = await dial({ host: 'far.test', port }, options);
    socket.destroy();
    return 'connected';
  } catch (error) {
    return error instanceof Error && 'code' in error
      ? `${String(error.code)}: ${error.message}`
      : String(error);
  }
}

/** Takes connections on loopback, at this address and port. */
async function listen(t: ExecutionContext, address: string, port = 0): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, address);
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server does not listen');
  return bound.port;
}

/** Its queue is filled below, so the kernel drops the first SYN: a handshake takes a second, as over a lossy way. */
const takesLate = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = createServer((socket) => socket.destroy());
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500));
  });
`;

test('an address that is slow is not given up while there is time, though another refuses', async (t) => {
  const worker = new Worker(takesLate, { eval: true });
  t.teardown(async () => {
    await worker.terminate();
  });
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const fill = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.teardown(() => {
    for (const socket of fill) socket.destroy();
  });
  for (const addresses of [
    ['127.0.0.1', '2001:db8::5'],
    ['2001:db8::5', '127.0.0.1'],
  ])
    t.is(await reached(port, addresses, 20_000), 'connected', addresses.join());
});

test('an address that never answers takes its share of the time, and the next is tried', async (t) => {
  const hole = new URL(await startBlackHole(t));
  const port = Number(hole.port);
  await listen(t, '127.0.0.2', port);
  t.is(await reached(port, ['127.0.0.1', '127.0.0.2'], 5_000), 'connected');
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ family }) => family === 'IPv6'),
);

(hasIpv6 ? test : test.skip)('the other family is tried beside an address that never answers', async (t) => {
  const port = Number(new URL(await startBlackHole(t)).port);
  await listen(t, '::1', port);
  const startMs = performance.now();
  t.is(await reached(port, ['127.0.0.1', '::1'], 30_000), 'connected');
  t.true(performance.now() - startMs < 10_000);
});

test('when no address answers, the time is over as said, and the addresses are named', async (t) => {
  const port = Number(new URL(await startBlackHole(t)).port);
  const told = await reached(port, ['127.0.0.1', '127.0.0.1'], 1_500);
  t.regex(told, /^ETIMEDOUT: no connection to (far\.test|127\.0\.0\.1):\d+ within \d+ ms/);
});

test('when all refuse, the error is that of the first', async (t) => {
  t.regex(await reached(1, ['127.0.0.1', '::1', '127.0.0.2'], 5_000), /^ECONNREFUSED: .*127\.0\.0\.1:1/);
});

test('a signal ends an attempt with its reason', async (t) => {
  const port = Number(new URL(await startBlackHole(t)).port);
  const controller = new AbortController();
  const dialling = dial({ host: '127.0.0.1', port }, { signal: controller.signal, timeoutMs: 30_000 });
  controller.abort(new Error('over'));
  await t.throwsAsync(dialling, { message: 'over' });
});
