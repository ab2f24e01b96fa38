import test from 'ava';
import * as fc from 'fast-check';
import { BodyMemory, type BodyShare } from '../../../src/shared/network/body-memory.ts';

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
  for (let index = 0; index < 1_000; index++) t.is(job.open().grow(mebibyte / 4), null);
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
});

test('what waits goes on when others end, those of the job that holds least first', async (t) => {
  const memory = new BodyMemory(budget);
  const [large, small] = [memory.job(), memory.job()];
  const running = large.open();
  t.is(running.grow(4 * mebibyte), null);
  const other = memory.job().open();
  t.is(other.grow(4 * mebibyte), null);
  const ofLarge = grown(large.open(), 4 * mebibyte);
  const ofSmall = grown(small.open(), 4 * mebibyte);
  await turn();
  t.deepEqual([ofLarge.waits(), ofSmall.waits()], [true, true]);
  other.close();
  await turn();
  t.deepEqual([ofLarge.waits(), ofSmall.waits()], [true, false]);
  running.close();
  await turn();
  t.false(ofLarge.waits());
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

test('however answers grow and end: the sum is bounded, and all of them come to their end', async (t) => {
  const answers = fc.array(
    fc.record({ job: fc.integer({ min: 0, max: 5 }), bytes: fc.integer({ min: 0, max: largest }) }),
    { minLength: 1, maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(answers, async (all) => {
      const memory = new BodyMemory(budget);
      const jobs = Array.from({ length: 6 }, () => memory.job());
      let most = 0;
      const receive = async ({ job, bytes }: (typeof all)[number]): Promise<void> => {
        const share = jobs[job]?.open();
        for (let got = 0; got < bytes; got += 700_000) {
          await share?.grow(Math.min(bytes, got + 700_000));
          most = Math.max(most, memory.bytes);
          await turn();
        }
        share?.close();
      };
      await Promise.all(all.map(receive));
      t.is(memory.bytes, 0);
      t.true(most <= budget.budgetBytes + budget.reserveBytes + largest, `${most}`);
    }),
    { numRuns: 30 },
  );
});
