import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { isStuck, type Silence, Silences } from '../../../src/main/polls/silences.ts';

const limitMs = 1_000;
const judged: [name: string, silence: Silence, stuck: boolean][] = [
  ['silent within its limit, however busy', { silentMs: 1_000, usedMs: 1_000 }, false],
  ['silent for longer, and busy', { silentMs: 1_001, usedMs: 501 }, true],
  ['silent for longer, without a processor', { silentMs: 6_000, usedMs: 500 }, false],
  ['silent for six times as long', { silentMs: 6_001, usedMs: 0 }, true],
];
for (const [name, silence, stuck] of judged)
  test(`a thread that is ${name}, is ${stuck ? '' : 'not '}stuck`, (t) => {
    t.is(isStuck(silence, limitMs), stuck);
  });

function thread(t: ExecutionContext, code: string): Worker {
  const worker = new Worker(code, { eval: true });
  t.teardown(async () => worker.terminate());
  return worker;
}

/** What is said of a silence that lasts, until it is what is wanted or a quarter of a minute is over. */
async function lasting(silences: Silences, worker: Worker, isWanted: (silence: Silence) => boolean) {
  let silence: Silence = { silentMs: 0, usedMs: 0 };
  for (let nowMs = 1_000; nowMs < 16_000 && !isWanted(silence); nowMs += 50) {
    silence = silences.of(worker, { turnedMs: 0, nowMs });
    await sleep(50);
  }
  return silence;
}

test('the processor time of a loop that does not end counts, from the beginning of its silence', async (t) => {
  const silences = new Silences();
  const looping = thread(t, 'for (;;);');
  const { usedMs } = await lasting(silences, looping, (silence) => silence.usedMs > 100);
  t.true(usedMs > 100, `${usedMs} ms`);
  t.deepEqual(silences.of(looping, { turnedMs: 5_000, nowMs: 6_000 }), { silentMs: 1_000, usedMs: 0 });
});

test('a short silence is no reason to ask', async (t) => {
  const silences = new Silences();
  const looping = thread(t, 'for (;;);');
  for (let turn = 0; turn < 10; turn++) {
    t.deepEqual(silences.of(looping, { turnedMs: 0, nowMs: 499 }), { silentMs: 499, usedMs: 0 });
    await sleep(20);
  }
});

test('a call that does not return uses none', async (t) => {
  const silences = new Silences();
  const waiting = thread(t, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);');
  for (let turn = 0; turn < 10; turn++) {
    t.true(silences.of(waiting, { turnedMs: 0, nowMs: 1_000 }).usedMs < 100);
    await sleep(50);
  }
});

test('a thread that has ended is no error, and is forgotten', async (t) => {
  const silences = new Silences();
  const looping = thread(t, 'for (;;);');
  await lasting(silences, looping, (silence) => silence.usedMs > 50);
  await looping.terminate();
  t.notThrows(() => silences.of(looping, { turnedMs: 0, nowMs: 7_000 }));
  silences.retain(new Set());
  t.is(silences.of(looping, { turnedMs: 0, nowMs: 7_000 }).usedMs, 0);
});
