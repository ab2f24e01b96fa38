import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { EventLoopTurns } from '../../../src/main/polls/event-loop-turns.ts';

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('slices are done one after another, in order, and give what they return', async (t) => {
  const turns = new EventLoopTurns();
  const done: number[] = [];
  const results = await Promise.all([1, 2, 3].map(async (slice) => turns.take(() => done.push(slice))));
  t.deepEqual(done, [1, 2, 3]);
  t.deepEqual(results, [1, 2, 3]);
});

test('the event loop gets its turn between slices, however many were asked for at once', async (t) => {
  const turns = new EventLoopTurns();
  let slices = 0;
  const slice = (): void => {
    busy(5);
    slices++;
  };
  const all = Promise.all(Array.from({ length: 30 }, async () => turns.take(slice)));
  await sleep(1);
  t.true(slices < 30, `a timer came after ${slices} slices`);
  await all;
  t.is(slices, 30);
});

test('small slices share a turn', async (t) => {
  const turns = new EventLoopTurns();
  let passed = 0;
  const pass = (): void => {
    passed++;
    counting = setImmediate(pass);
  };
  let counting = setImmediate(pass);
  const startMs = performance.now();
  for (let slice = 0; slice < 1000; slice++) await turns.take(() => slice);
  clearImmediate(counting);
  // One each eight milliseconds, and the first.
  const most = (performance.now() - startMs) / 8 + 1;
  t.true(passed <= most, `${passed} turns, ${most} at most`);
});

test('a slice that throws rejects, and the others go on', async (t) => {
  const turns = new EventLoopTurns();
  const failing = turns.take(() => {
    throw new Error('failed');
  });
  await t.throwsAsync(failing, { message: 'failed' });
  t.is(await turns.take(() => 'done'), 'done');
});
