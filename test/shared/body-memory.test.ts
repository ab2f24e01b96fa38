import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import * as fc from 'fast-check';
import { BodyMemory, type BodyShare } from '../../src/shared/body-memory.ts';
import { WorkerSlots } from '../../src/shared/worker-slots.ts';
import { eventually } from '../fixtures/eventually.ts';

const mebibyte = 1_048_576;
const budget = { budgetBytes: 8 * mebibyte, reserveBytes: 4 * mebibyte };
const largest = 16 * mebibyte;

/** Whether an answer that has grown to so many bytes must wait; and what says later whether it still does. */
function grown(share: BodyShare, bytes: number): { waits: () => boolean } {
  let waits = false;
  const room = share.grow(bytes);
  if (room !== null) {
    waits = true;
    void room.then(() => {
      waits = false;
    });
  }
  return { waits: () => waits };
}

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('answers of the usual size hold nothing and never wait', (t) => {
  const memory = new BodyMemory(budget);
  const job = memory.job();
  for (let index = 0; index < 1_000; index++) t.is(job.open().grow(mebibyte / 8), null);
  t.is(memory.bytes, 0);
});

test('a job that holds its share keeps nobody from theirs', async (t) => {
  const memory = new BodyMemory(budget);
  const greedy = memory.job();
  const shares = Array.from({ length: 4 }, () => greedy.open());
  const waiting = shares.map((share) => grown(share, 4 * mebibyte));
  await turn();
  t.true(waiting.some(({ waits }) => waits()));
  for (let jobs = 0; jobs < 3; jobs++) t.is(memory.job().open().grow(mebibyte), null);
  for (const share of shares) share.close();
});

test('one answer has the turn, and goes on to its end whatever it takes', async (t) => {
  const memory = new BodyMemory(budget);
  const first = memory.job().open();
  t.is(first.grow(largest), null);
  const second = memory.job().open();
  const waiting = grown(second, 5 * mebibyte);
  t.is(first.grow(2 * largest), null);
  await turn();
  t.true(waiting.waits());
  first.close();
  await turn();
  t.false(waiting.waits());
  second.close();
});

test('what waits goes on when others end, those of the job that holds least first', async (t) => {
  const memory = new BodyMemory(budget);
  const [large, small] = [memory.job(), memory.job()];
  const withTurn = memory.job().open();
  t.is(withTurn.grow(5 * mebibyte), null);
  const running = large.open();
  t.is(running.grow(3 * mebibyte), null);
  const ofLarge = large.open();
  const ofSmall = small.open();
  const answers = [grown(ofLarge, 4 * mebibyte), grown(ofSmall, 4 * mebibyte)] as const;
  await turn();
  t.deepEqual([answers[0].waits(), answers[1].waits()], [true, true]);
  withTurn.close();
  await turn();
  t.false(answers[1].waits());
  for (const share of [running, ofLarge, ofSmall]) share.close();
});

/** The memories of two threads, and the table that they share. */
function twoThreads() {
  const slots = new WorkerSlots(2);
  const memoryOf = (threadId: number) =>
    new BodyMemory({ ledger: slots.ledger(slots.claim(threadId) ?? 0), ...budget });
  return { slots, one: memoryOf(11), other: memoryOf(12) };
}

test('threads share one turn, and a thread that ends gives it back', async (t) => {
  const { slots, one, other } = twoThreads();
  t.is(one.job().open().grow(largest), null);
  const share = other.job().open();
  const waiting = grown(share, 6 * mebibyte);
  await turn();
  t.true(waiting.waits());
  slots.free(0);
  await eventually('the turn', () => !waiting.waits());
  share.close();
});

test('threads share one budget, and a thread that ends gives its part back', async (t) => {
  const { slots, one, other } = twoThreads();
  const large = one.job().open();
  t.is(large.grow(largest), null);
  const shares = [other.job().open(), other.job().open()] as const;
  t.is(shares[0].grow(4 * mebibyte), null, 'of the reserve');
  const waiting = grown(shares[1], 4 * mebibyte);
  await turn();
  t.true(waiting.waits());
  slots.free(0);
  await eventually('the budget', () => !waiting.waits());
  for (const share of shares) share.close();
});

test('what a thread does after its row was freed holds nobody up', async (t) => {
  const { slots, one, other } = twoThreads();
  slots.free(0);
  const late = one.job().open();
  t.is(late.grow(largest), null);
  const share = other.job().open();
  t.is(share.grow(largest), null, 'the turn');
  share.close();
  const usual = [other.job().open(), other.job().open()];
  for (const each of usual) t.is(each.grow(4 * mebibyte), null, 'the budget');
  for (const each of usual) each.close();
  t.is(slots.claim(13), 0);
  t.is(slots.ledger(1).held(), 0, 'the next thread of the row begins with nothing');
});

test('an answer that has the turn and hardly grows is given up when another wants the turn', async (t) => {
  const { one, other } = twoThreads();
  for (const memory of [one, other]) {
    const drips = one.job().open();
    t.is(drips.grow(5 * mebibyte), null);
    let bytes = 5 * mebibyte;
    const drip = setInterval(() => {
      bytes += 1;
      void drips.grow(bytes);
    }, 20);
    drips.onStalled = () => {
      clearInterval(drip);
      drips.close();
    };
    await sleep(200);
    const startMs = performance.now();
    const share = memory.job().open();
    await share.grow(6 * mebibyte);
    t.true(performance.now() - startMs > 1_900, 'a pause of the network is no reason');
    share.close();
  }
});

test('an answer that has the turn and grows is not given up, nor one that nobody waits for', async (t) => {
  const { one, other } = twoThreads();
  const first = one.job().open();
  t.is(first.grow(5 * mebibyte), null);
  first.onStalled = () => t.fail();
  await sleep(2_500);
  const second = other.job().open();
  const waiting = grown(second, 6 * mebibyte);
  for (let bytes = 5 * mebibyte; bytes < 8 * mebibyte; bytes += mebibyte / 2) {
    await sleep(500);
    void first.grow(bytes);
  }
  t.true(waiting.waits());
  first.close();
  await eventually('the turn', () => !waiting.waits());
  second.close();
});

test('an answer that is given up while it waits leaves nothing behind', async (t) => {
  const memory = new BodyMemory(budget);
  const first = memory.job().open();
  t.is(first.grow(largest), null);
  const waiting = memory.job().open();
  t.not(waiting.grow(largest), null);
  waiting.close();
  first.close();
  t.is(memory.bytes, 0);
  const next = memory.job().open();
  t.is(next.grow(largest), null);
  next.close();
});

test('an answer that turned out small gives back what it does not need', async (t) => {
  const memory = new BodyMemory(budget);
  const share = memory.job().open();
  await share.grow(largest);
  t.true(memory.bytes > 15 * mebibyte);
  share.shrink(mebibyte);
  t.true(memory.bytes < 2 * mebibyte);
  share.close();
  t.is(memory.bytes, 0);
});

test('however answers of two threads grow and end: the sum is bounded, and all of them come to their end', async (t) => {
  const answers = fc.array(
    fc.record({ job: fc.integer({ min: 0, max: 5 }), bytes: fc.integer({ min: 0, max: largest }) }),
    { minLength: 1, maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(answers, async (all) => {
      const { slots, one, other } = twoThreads();
      const jobs = Array.from({ length: 6 }, (_, index) => (index % 2 === 0 ? one : other).job());
      const held = () => slots.ledger(0).held();
      let most = 0;
      const receive = async ({ job, bytes }: (typeof all)[number]): Promise<void> => {
        const share = jobs[job]?.open();
        for (let got = 0; got < bytes; got += 700_000) {
          await share?.grow(Math.min(bytes, got + 700_000));
          most = Math.max(most, held());
          await turn();
        }
        share?.close();
      };
      await Promise.all(all.map(receive));
      t.is(held(), 0);
      t.true(most <= budget.budgetBytes + 2 * budget.reserveBytes + largest, `${most}`);
    }),
    { numRuns: 15 },
  );
});
