import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type HttpEndpoints, startHttpEndpoints } from '../../../src/main/web/http-endpoints.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { readEvents } from '../../fixtures/monitor/event-reader.ts';

async function start(
  t: ExecutionContext,
  status: () => Record<string, unknown>,
): Promise<{ url: string; endpoints: HttpEndpoints }> {
  const endpoints = await startHttpEndpoints({
    listen: { host: '127.0.0.1', port: 0 },
    health: { live: () => ({ ok: true, detail: '' }), ready: () => ({ ok: true, detail: '' }) },
    metricsText: async () => '',
    status,
  });
  t.teardown(async () => endpoints.close());
  return { url: `http://127.0.0.1:${endpoints.port}/events`, endpoints };
}

test('everything at first, then only what has changed, without credentials', async (t) => {
  const state = { time: 0, regions: ['a'], login: { token: 'hunter2' } };
  const { url } = await start(t, () => ({ ...state, time: ++state.time }));
  const reader = await readEvents(t, url);
  t.is(reader.response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  t.is(reader.response.headers.get('cache-control'), 'no-store');
  await reader.next('time');
  t.deepEqual(
    reader.events.slice(1, 3).map(({ data }) => data),
    [{ regions: ['a'] }, { login: { token: '[redacted]' } }],
  );
  await reader.next('time');
  const before = reader.events.length;
  state.regions = ['a', 'b'];
  t.deepEqual((await reader.next('regions')).data, { regions: ['a', 'b'] });
  t.deepEqual(new Set(reader.events.slice(before).map(({ name }) => name)), new Set(['time', 'regions']));
});

test('only so many clients at once, and a place is free again when one goes', async (t) => {
  const { url } = await start(t, () => ({ time: 0 }));
  const open = async () => readEvents(t, url);
  const readers = await Promise.all(Array.from({ length: 40 }, open));
  t.is(readers.filter(({ response }) => response.status === 200).length, 32);
  t.is(readers.filter(({ response }) => response.status === 503).length, 8);
  await readers.find(({ response }) => response.ok)?.stop();
  await eventually('a free place', async () => (await open()).response.ok);
});

test('a client that is too slow is dropped, and what waits for it is not kept', async (t) => {
  let looks = 0;
  const { url } = await start(t, () => ({ large: `${++looks}${'x'.repeat(16_000_000)}` }));
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  const closed = Promise.withResolvers<void>();
  let bytes = 0;
  let sip: number | undefined = 10_000;
  socket.on('error', () => {});
  socket.on('close', () => closed.resolve());
  // It takes a little all the time, so that the connection is never idle.
  socket.on('readable', () => {});
  const drinking = setInterval(() => {
    const chunk: unknown = socket.read(sip);
    if (Buffer.isBuffer(chunk)) bytes += chunk.length;
  }, 50);
  t.teardown(() => clearInterval(drinking));
  socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('looks', () => looks >= 2);
  // Nobody is left for whom to look.
  await eventually('the last look', async () => {
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return looks === before;
  });
  // What is still on its way is all that there is.
  sip = undefined;
  await closed.promise;
  t.true(bytes < 16_000_000, `${bytes} bytes`);
});

test('close ends all streams at once, and a state that cannot be told ends them too', async (t) => {
  let broken = false;
  const { url, endpoints } = await start(t, () => {
    if (broken) throw new Error('no caches');
    return { time: 0 };
  });
  const [one, two] = [await readEvents(t, url), await readEvents(t, url)];
  broken = true;
  await Promise.all([one.ended, two.ended]);
  const refused = await fetch(url);
  t.is(refused.status, 500);
  t.is(await refused.text(), 'cannot answer: no caches\n');
  broken = false;
  const three = await readEvents(t, url);
  const begun = performance.now();
  await Promise.all([three.ended, endpoints.close()]);
  t.true(performance.now() - begun < 4_000);
});
