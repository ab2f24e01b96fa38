import test from 'ava';
import { EndedPolls } from '../../../src/main/polls/ended-polls.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

const north = { namespace: 'default', name: 'north' };
const south = { namespace: 'default', name: 'south' };
const elsewhere = { namespace: 'other', name: 'north' };

function setUp() {
  const clock = new ScriptedClock();
  const polls = new EndedPolls(clock);
  const stop = new AbortController();
  /** Whether the wait for a poll is over, now and later. */
  const wait = async (number: number, { check = 'servers', region = north } = {}) => {
    const wait = { over: false };
    void polls.when(check, region, { number, mostMs: 1_000, signal: stop.signal }).then(() => {
      wait.over = true;
    });
    await turn();
    return wait;
  };
  return { clock, polls, stop, wait };
}

async function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a check waits for the poll of another one of the same region, and for no other', async (t) => {
  const { clock, polls, wait } = setUp();
  const both = [await wait(2), await wait(2)];
  polls.note('servers', south, 2);
  polls.note('servers', elsewhere, 2);
  polls.note('networks', north, 2);
  await turn();
  t.deepEqual(both, [{ over: false }, { over: false }]);
  polls.note('servers', north, 2);
  await turn();
  t.deepEqual(both, [{ over: true }, { over: true }]);
  t.is(clock.sleeping, 0, 'no timer is left');
});

test('what has ended already is not waited for, and is waited for again when the region was forgotten', async (t) => {
  const { polls, wait } = setUp();
  for (const region of [north, south]) polls.note('servers', region, 3);
  t.true((await wait(2)).over);
  t.true((await wait(3)).over);
  t.false((await wait(4)).over);
  polls.forget(north);
  t.false((await wait(1)).over);
  t.true((await wait(3, { region: south })).over);
});

test('the poll of a region that is gone is not waited for any longer', async (t) => {
  const { clock, polls, wait } = setUp();
  const waits = [await wait(1), await wait(1, { region: south })];
  polls.forget(north);
  await turn();
  t.deepEqual(waits, [{ over: true }, { over: false }]);
  t.is(clock.sleeping, 1);
});

test('each poll is waited for, also after an earlier one was', async (t) => {
  const { polls, wait } = setUp();
  for (const number of [1, 2]) {
    const waiting = await wait(number);
    t.false(waiting.over, `poll ${number}`);
    polls.note('servers', north, number);
    await turn();
    t.true(waiting.over, `poll ${number}`);
  }
});

test('the first poll is waited for, but neither for ever nor beyond a stop', async (t) => {
  const { clock, stop, wait } = setUp();
  const first = await wait(1);
  t.false(first.over);
  await clock.pass(999);
  t.false(first.over);
  await clock.pass(1);
  t.true(first.over);
  const second = await wait(1);
  stop.abort();
  await turn();
  t.true(second.over);
});
