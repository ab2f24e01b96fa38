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

/** A thread that says how much processor time it has used when a test says so. */
function scriptedThread(threadId = 1) {
  const questions: PromiseWithResolvers<NodeJS.CpuUsage>[] = [];
  const cpuUsage = async () => {
    const question = Promise.withResolvers<NodeJS.CpuUsage>();
    questions.push(question);
    return question.promise;
  };
  const answer = async (answered: NodeJS.CpuUsage | Error) => {
    if (answered instanceof Error) questions.at(-1)?.reject(answered);
    else questions.at(-1)?.resolve(answered);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { thread: { threadId, cpuUsage }, questions, answer };
}

test('a thread is asked from half a second of silence on, one question at a time', async (t) => {
  const silences = new Silences();
  const { thread, questions, answer } = scriptedThread();
  silences.of(thread, { turnedMs: 0, nowMs: 499 });
  t.is(questions.length, 0);
  silences.of(thread, { turnedMs: 0, nowMs: 500 });
  silences.of(thread, { turnedMs: 0, nowMs: 750 });
  t.is(questions.length, 1);
  await answer(new Error('it has ended'));
  silences.of(thread, { turnedMs: 0, nowMs: 1_000 });
  t.is(questions.length, 2);
});

test('what counts is the time that was used since the first answer of the silence, in the program and in the kernel', async (t) => {
  const silences = new Silences();
  const { thread, answer } = scriptedThread();
  const silence = (nowMs: number, turnedMs = 0) => silences.of(thread, { turnedMs, nowMs });
  silence(500);
  await answer({ user: 2_000_000, system: 1_000_000 });
  t.deepEqual(silence(750), { silentMs: 750, usedMs: 0 });
  await answer({ user: 2_200_000, system: 1_050_000 });
  t.deepEqual(silence(1_000), { silentMs: 1_000, usedMs: 250 });
  await answer({ user: 2_400_000, system: 1_050_000 });
  t.deepEqual(silence(1_250), { silentMs: 1_250, usedMs: 450 });
  t.deepEqual(silence(2_000, 1_300), { silentMs: 700, usedMs: 0 }, 'a silence of its own');
});

test('of two threads only the one that has ended is forgotten', async (t) => {
  const silences = new Silences();
  const [ended, alive] = [scriptedThread(1), scriptedThread(2)];
  for (const { thread, answer } of [ended, alive]) {
    for (const user of [0, 300_000]) {
      silences.of(thread, { turnedMs: 0, nowMs: 1_000 });
      await answer({ user, system: 0 });
    }
  }
  silences.retain(new Set([2]));
  t.is(silences.of(ended.thread, { turnedMs: 0, nowMs: 1_000 }).usedMs, 0);
  t.is(silences.of(alive.thread, { turnedMs: 0, nowMs: 1_000 }).usedMs, 300);
});
