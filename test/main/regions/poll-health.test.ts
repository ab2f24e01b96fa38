import test from 'ava';
import { PollHealth } from '../../../src/main/regions/poll-health.ts';
import type { CheckError } from '../../../src/shared/errors.ts';

const unreachable: CheckError = { code: 'unreachable', message: 'connection refused' };

function failing(times: number, error: CheckError = unreachable): PollHealth {
  const health = new PollHealth({ pollPeriodMs: 60_000, random: () => 0.5 });
  for (let failure = 0; failure < times; failure++) health.failed(error, 0);
  return health;
}

/** Polls that are left out before the region is asked again. */
function rest(health: PollHealth): number {
  let polls = 0;
  while (!health.takeTurn(0)) polls++;
  return polls;
}

test('a region is up when its last poll got an answer', (t) => {
  const health = failing(0);
  t.false(health.up);
  t.false(health.tried);
  health.succeeded(5_000);
  t.true(health.up);
  t.is(health.lastGoodMs, 5_000);
  health.failed(unreachable, 6_000);
  t.false(health.up);
  t.deepEqual(health.failure, unreachable);
  t.is(health.lastGoodMs, 5_000);
});

test('the breaker opens after three failures in a row and closes with the first success', (t) => {
  t.false(failing(2).breakerOpen);
  const health = failing(3);
  t.true(health.breakerOpen);
  t.is(rest(health), 0, 'it is asked at every poll still');
  health.succeeded(0);
  t.false(health.breakerOpen);
});

test('a region that goes on failing is given longer and longer rests, up to a bound', (t) => {
  t.deepEqual(
    [7, 8, 9, 10, 11, 20].map((times) => rest(failing(times))),
    [0, 1, 2, 4, 5, 5],
    'five minutes are five polls of a minute',
  );
});

test('rests differ by chance, so that regions do not come back together', (t) => {
  const rests = [0, 0.99].map((random) => {
    const health = new PollHealth({ pollPeriodMs: 10_000, random: () => random });
    for (let failure = 0; failure < 10; failure++) health.failed(unreachable, 0);
    return rest(health);
  });
  t.deepEqual(rests, [3, 5]);
});

test('what the region’s Secret may mend is tried at every poll', (t) => {
  for (const code of ['tls', 'no-endpoint'] as const) {
    const health = failing(20, { code, message: 'failed' });
    t.is(rest(health), 0, code);
    t.true(health.breakerOpen, 'only one project is asked');
  }
});

test('after a success there is no rest', (t) => {
  const health = failing(20);
  health.succeeded(0);
  t.is(rest(health), 0);
});

test('a change that may be the remedy ends a rest', (t) => {
  const health = failing(20);
  t.false(health.takeTurn(0));
  health.wake();
  t.true(health.takeTurn(0));
});

test('an answer closes the breaker, even one that refuses us', (t) => {
  for (const code of ['unauthorized', 'forbidden', 'wrong-scope'] as const) {
    const health = failing(20);
    health.failed({ code, message: 'refused' }, 0);
    t.false(health.breakerOpen, code);
    t.is(rest(health), 0);
    t.false(health.up);
  }
  const health = failing(20);
  health.failed({ code: 'invalid-config', message: 'the Secret is gone' }, 0);
  t.true(health.breakerOpen, 'nothing was asked');
});

test('a region that asked us to wait is not asked before', (t) => {
  const health = failing(1, { code: 'rate-limited', message: 'slow down', retryAfterMs: 90_000 });
  t.false(health.takeTurn(60_000));
  t.true(health.takeTurn(90_000));
});

test('nobody may ask for more than five minutes', (t) => {
  const health = failing(1, { code: 'rate-limited', message: 'slow down', retryAfterMs: 86_400_000 });
  t.true(health.takeTurn(300_000));
});

test('what is no failing of the region’s needs no breaker', (t) => {
  const health = failing(20, { code: 'unauthorized', message: 'wrong password' });
  t.false(health.up);
  t.false(health.breakerOpen);
  t.is(rest(health), 0);
});

test('a poll that failed is a try, too', (t) => {
  t.true(failing(1).tried);
});

test('after an answer, the breaker opens after three failures again', (t) => {
  const health = failing(2);
  health.failed({ code: 'unauthorized', message: 'wrong password' }, 0);
  for (const open of [false, false, true]) {
    health.failed(unreachable, 0);
    t.is(health.breakerOpen, open);
  }
});

const poll = (endedAt: number) => ({ outcome: 'ok', seconds: 1, endedAt }) as const;

test('it is known when the region last answered, and how its last thirty polls went', (t) => {
  const health = failing(0);
  t.is(health.lastGoodAt, null);
  t.deepEqual(health.polls, []);
  health.succeeded(1);
  health.ended(poll(1_000));
  t.is(health.lastGoodAt, 1_000);
  health.failed(unreachable, 2);
  t.is(health.failures, 1);
  health.ended({ outcome: 'unreachable', seconds: 1, endedAt: 2_000 });
  t.is(health.lastGoodAt, 1_000);
  for (let endedAt = 3_000; endedAt < 32_000; endedAt += 1_000) health.ended(poll(endedAt));
  t.is(health.polls.length, 30);
  t.is(health.polls[0]?.outcome, 'unreachable', 'the oldest that is left');
  t.is(health.polls.at(-1)?.endedAt, 31_000);
  health.succeeded(3);
  t.is(health.failures, 0);
});

test('a rest that the region asked for ends with a change, too', (t) => {
  const health = failing(1, { ...unreachable, retryAfterMs: 60_000 });
  t.false(health.takeTurn(59_999));
  health.wake();
  t.true(health.takeTurn(0));
});

test('a region that was refused once is up again when it answers', (t) => {
  const health = failing(1, { code: 'unauthorized', message: 'wrong password' });
  t.false(health.up);
  health.succeeded(1);
  t.true(health.up);
  t.is(health.failure, null);
});

test('the longest rest is seven polls, in minutes or less, and chance does not make it longer', (t) => {
  const longest = [60_000, 10_000].map((pollPeriodMs) => {
    const health = new PollHealth({ pollPeriodMs, random: () => 0.99 });
    for (let failure = 0; failure < 20; failure++) health.failed(unreachable, 0);
    return rest(health);
  });
  t.deepEqual(longest, [5, 7]);
});

test('chance does not turn a rest into less than none', (t) => {
  const health = new PollHealth({ pollPeriodMs: 60_000, random: () => 0 });
  for (let failure = 0; failure < 8; failure++) health.failed(unreachable, 0);
  t.true(health.takeTurn(0));
  t.true(health.takeTurn(0));
});
