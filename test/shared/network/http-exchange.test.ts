import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { BodyMemory } from '../../../src/shared/body-memory.ts';
import { exchange, textOf } from '../../../src/shared/network/http-exchange.ts';
import { Network } from '../../../src/shared/network/network.ts';

const mebibyte = 1_048_576;

/** Sends one request, whose answer is this body, compressed. */
async function ask(t: ExecutionContext, body: string, limits: { signal: AbortSignal; memory: BodyMemory }) {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${portOf(server.address())}/`);
  const service = new Network({}).service(url, { connections: 1, keepAliveMs: 1_000, timeoutMs: 30_000 });
  t.teardown(async () => {
    await service.destroy();
    server.close();
  });
  const memory = limits.memory.job().open();
  try {
    return await exchange(
      service,
      { method: 'GET', url, headers: {}, body: null, repeatable: true },
      { signal: limits.signal, maxBytes: 16 * mebibyte, memory },
    );
  } finally {
    memory.close();
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('not a port');
  return address.port;
}

test('a compressed answer of the usual size is read while another has all memory', async (t) => {
  const memory = new BodyMemory({ budgetBytes: 0, reserveBytes: 0 });
  const large = memory.job().open();
  t.is(large.grow(16 * mebibyte), null);
  const text = 'x'.repeat(50_000);
  t.is(textOf(await ask(t, text, { memory, signal: AbortSignal.timeout(30_000) })), text);
  large.close();
});

test('a compressed answer that waits for memory waits no longer than its time', async (t) => {
  const memory = new BodyMemory({ budgetBytes: 0, reserveBytes: 0 });
  const large = memory.job().open();
  t.is(large.grow(16 * mebibyte), null);
  const asked = ask(t, 'x'.repeat(2 * mebibyte), { memory, signal: AbortSignal.timeout(500) });
  await t.throwsAsync(asked, { name: 'TimeoutError' });
  large.close();
  t.is(memory.bytes, 0);
});
