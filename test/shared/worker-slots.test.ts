import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import test from 'ava';
import * as v from 'valibot';
import { WorkerSlots } from '../../src/shared/worker-slots.ts';

test('a thread that rests is known to rest, since when, and until it beats again', (t) => {
  const slots = new WorkerSlots(1);
  slots.claim(7);
  slots.beat(0, 1_000);
  t.false(slots.resting(0));
  slots.rest(0, 2_000);
  t.true(slots.resting(0));
  t.is(slots.lastBeatMs(0), 2_000);
  slots.beat(0, 3_000);
  t.false(slots.resting(0));
});

test('threads take the lowest free rows, until there are none', (t) => {
  const slots = new WorkerSlots(3);
  t.is(slots.size, 3);
  t.deepEqual([slots.claim(11), slots.claim(12), slots.claim(13), slots.claim(14)], [0, 1, 2, null]);
  slots.free(1);
  t.is(slots.owner(1), 0);
  t.is(slots.claim(15), 1);
  t.deepEqual([slots.owner(0), slots.owner(1), slots.owner(2)], [11, 15, 13]);
});

test('a row tells the last turn, in another view of the same memory too', (t) => {
  const slots = new WorkerSlots(2);
  slots.claim(11);
  slots.claim(12);
  slots.beat(1, 1_234.6);
  const view = new WorkerSlots(slots.buffer);
  t.is(view.lastBeatMs(1), 1_235);
  t.is(view.lastBeatMs(0), 0);
});

test('a row that is free again tells nothing of the thread before', (t) => {
  const slots = new WorkerSlots(1);
  slots.claim(11);
  slots.beat(0, 1_000);
  slots.free(0);
  t.is(slots.claim(12), 0);
  t.is(slots.lastBeatMs(0), 0);
});

test('threads that claim at the same moment get different rows', async (t) => {
  const slots = new WorkerSlots(4);
  const module = new URL('../../src/shared/worker-slots.ts', import.meta.url).href;
  const code = `
    const { parentPort, threadId, workerData } = require('node:worker_threads');
    import(${JSON.stringify(module)}).then(({ WorkerSlots }) => {
      parentPort.postMessage(new WorkerSlots(workerData).claim(threadId));
    });`;
  const threads = Array.from({ length: 4 }, () => new Worker(code, { eval: true, workerData: slots.buffer }));
  const claimed = await Promise.all(
    threads.map(async (thread) => {
      const [slot] = v.parse(v.tuple([v.number()]), await once(thread, 'message'));
      return slot;
    }),
  );
  t.deepEqual(new Set(claimed).size, 4);
  t.true(claimed.every((slot) => slot >= 0 && slot < 4));
});
