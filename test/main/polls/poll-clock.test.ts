import test from 'ava';
import { PollClock } from '../../../src/main/polls/poll-clock.ts';
import type { Clock } from '../../../src/shared/clock.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

/** A poll clock that runs, and its ticks with their times since the start. */
function started({
  periodMs = 100,
  ticksPerPoll = 1,
  isSettled = (): boolean => false,
  clock = new ScriptedClock(),
  onTick = (_number: number, _scope: string): void => {},
} = {}) {
  const startMs = clock.monotonicMs();
  const ticks: { number: number; atMs: number }[] = [];
  const stop = new AbortController();
  const polls = new PollClock({
    periodMs,
    ticksPerPoll,
    isSettled,
    clock,
    onTick: (number, scope) => {
      ticks.push({ number, atMs: clock.monotonicMs() - startMs });
      onTick(number, scope);
    },
  });
  return { clock, polls, ticks, stop, ended: polls.run(stop.signal) };
}

test('the first poll begins at once, the others every period', async (t) => {
  const { clock, polls, ticks, stop, ended } = started();
  t.deepEqual(ticks, [{ number: 1, atMs: 0 }]);
  t.is(polls.lastTurnMs, clock.monotonicMs(), 'it is alive from the first tick');
  await clock.pass(99);
  t.is(ticks.length, 1);
  await clock.pass(1);
  await clock.pass(100);
  t.deepEqual(ticks, [
    { number: 1, atMs: 0 },
    { number: 2, atMs: 100 },
    { number: 3, atMs: 200 },
  ]);
  t.is(polls.lastTickMs, clock.monotonicMs());
  stop.abort();
  await ended;
});

test('a clock that breaks ends the polls loudly', async (t) => {
  const real = new ScriptedClock();
  const broken: Clock = {
    now: () => real.now(),
    monotonicMs: () => real.monotonicMs(),
    sleep: async () => Promise.reject(new Error('no timers')),
  };
  const polls = new PollClock({
    periodMs: 100,
    ticksPerPoll: 1,
    isSettled: () => false,
    clock: broken,
    onTick: () => {},
  });
  await t.throwsAsync(polls.run(new AbortController().signal), { message: 'no timers' });
});

test('late timers do not shift the polls that follow', async (t) => {
  const { clock, ticks, stop, ended } = started();
  for (const ms of [110, 90, 130, 70]) await clock.pass(ms);
  t.deepEqual(
    ticks.map(({ atMs }) => atMs),
    [0, 110, 200, 330, 400],
  );
  stop.abort();
  await ended;
});

test('a timer that fires early makes no poll of its own', async (t) => {
  const real = new ScriptedClock();
  const early: Clock = {
    now: () => real.now(),
    monotonicMs: () => real.monotonicMs(),
    sleep: async (ms, signal) => real.sleep(ms - 1, signal),
  };
  const ticks: number[] = [];
  const stop = new AbortController();
  const polls = new PollClock({
    periodMs: 100,
    ticksPerPoll: 1,
    isSettled: () => false,
    clock: early,
    onTick: () => ticks.push(real.monotonicMs() - 1_000),
  });
  const ended = polls.run(stop.signal);
  for (const ms of [99, 1, 99, 100]) await real.pass(ms);
  t.deepEqual(ticks, [0, 99, 199, 299]);
  stop.abort();
  await ended;
});

test('polls that were missed while the process stood still have numbers, but are not made up for', async (t) => {
  const { clock, ticks, stop, ended } = started();
  await clock.pass(350);
  t.deepEqual(ticks, [
    { number: 1, atMs: 0 },
    { number: 4, atMs: 350 },
  ]);
  await clock.pass(50);
  t.deepEqual(ticks.at(-1), { number: 5, atMs: 400 });
  stop.abort();
  await ended;
});

test('an abort ends it at once', async (t) => {
  const { clock, ticks, stop, ended } = started();
  stop.abort(new Error('enough'));
  await ended;
  t.is(clock.sleeping, 0);
  t.is(ticks.length, 1);
});

test('an abort in the middle of a tick ends it', async (t) => {
  const stop = new AbortController();
  const polls = new PollClock({
    periodMs: 100,
    ticksPerPoll: 1,
    isSettled: () => false,
    clock: new ScriptedClock(),
    onTick: () => stop.abort(),
  });
  t.is(polls.lastTickMs, null);
  await polls.run(stop.signal);
  t.not(polls.lastTickMs, null);
});

test('it does not begin when it is aborted before', async (t) => {
  const polls = new PollClock({
    periodMs: 100,
    ticksPerPoll: 1,
    isSettled: () => false,
    clock: systemClock,
    onTick: () => t.fail('it began'),
  });
  await polls.run(AbortSignal.abort());
  t.is(polls.lastTickMs, null);
});

test('one tick of several begins a poll; after a standstill over its time the next tick does', async (t) => {
  const ticks: [number: number, scope: string][] = [];
  const { clock, stop, ended } = started({
    ticksPerPoll: 3,
    onTick: (number, scope) => ticks.push([number, scope]),
  });
  for (const ms of [100, 100, 100, 400]) await clock.pass(ms);
  t.deepEqual(ticks, [
    [1, 'all'],
    [1, 'unsettled'],
    [1, 'unsettled'],
    [2, 'all'],
    [3, 'all'],
  ]);
  stop.abort();
  await ended;
});

test('while nothing is unsettled, it sleeps until the next poll of everything', async (t) => {
  const clock = new ScriptedClock();
  const ticks: [number: number, scope: string, atMs: number][] = [];
  let settled = true;
  const { stop, ended } = started({
    ticksPerPoll: 4,
    isSettled: () => settled,
    clock,
    onTick: (number, scope) => ticks.push([number, scope, clock.monotonicMs() - 1_000]),
  });
  for (let turn = 0; turn < 4; turn++) await clock.pass(100);
  settled = false;
  await clock.pass(100);
  settled = true;
  await clock.pass(100);
  settled = false;
  await clock.pass(100);
  await clock.pass(100);
  t.deepEqual(ticks, [
    [1, 'all', 0],
    [2, 'all', 400],
    [2, 'unsettled', 500],
    [3, 'all', 800],
  ]);
  stop.abort();
  await ended;
});

test('a clock that rests shows that it is alive', async (t) => {
  const { clock, polls, stop, ended } = started({
    periodMs: 60_000,
    ticksPerPoll: 6,
    isSettled: () => true,
  });
  await clock.pass(60_000);
  for (let turn = 0; turn < 20; turn++) {
    await clock.pass(15_000);
    t.is(polls.lastTurnMs, clock.monotonicMs());
  }
  t.is(polls.lastTickMs, 361_000, 'no poll began when it only looked');
  stop.abort();
  await ended;
});
