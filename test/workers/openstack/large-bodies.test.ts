import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { LargeBodies } from '../../../src/workers/openstack/large-bodies.ts';

test('three bodies at a time have their turn, in the order in which they came', async (t) => {
  const bodies = new LargeBodies();
  const { signal } = new AbortController();
  const begun: string[] = [];
  let now = 0;
  let most = 0;
  const read = async (name: string): Promise<void> => {
    const end = await bodies.turn(signal);
    begun.push(name);
    now++;
    most = Math.max(most, now);
    await nextTurn();
    now--;
    end();
  };
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  await Promise.all(names.map(read));
  t.deepEqual(begun, names);
  t.is(most, 3);
});

test('a body that is given up while it waits neither holds up the next nor lets it pass too early', async (t) => {
  const bodies = new LargeBodies();
  const { signal } = new AbortController();
  const impatient = new AbortController();
  const ends = [await bodies.turn(signal), await bodies.turn(signal), await bodies.turn(signal)];
  const waiting = bodies.turn(impatient.signal);
  let passed = false;
  const next = bodies.turn(signal).then(() => {
    passed = true;
  });
  impatient.abort(new Error('no time left'));
  await t.throwsAsync(waiting, { message: 'no time left' });
  await t.throwsAsync(bodies.turn(impatient.signal), { message: 'no time left' });
  await nextTurn();
  t.false(passed);
  ends[0]?.();
  await next;
  t.true(passed);
});
