import test from 'ava';
import type { Clock } from '../../../src/shared/clock.ts';
import { CheckFailure } from '../../../src/shared/errors.ts';
import { LoginPace } from '../../../src/workers/openstack/login-pace.ts';

/** A clock on which sleeping is the only thing that takes time. */
function sleepingClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    now: () => clock.ms,
    monotonicMs: () => clock.ms,
    sleep: async (ms: number, signal?: AbortSignal) => {
      signal?.throwIfAborted();
      clock.ms += ms;
    },
  };
  return clock;
}

test('the logins of one second go through at once, the others keep the pace', async (t) => {
  const clock = sleepingClock();
  const pace = new LoginPace({ perSecond: 4, clock, signal: new AbortController().signal });
  const times: number[] = [];
  for (let login = 0; login < 8; login++) {
    await pace.turn();
    times.push(clock.ms);
  }
  t.deepEqual(times, [0, 0, 0, 0, 250, 500, 750, 1_000]);
  clock.ms += 10_000;
  await pace.turn();
  t.is(clock.ms, 11_000, 'after a rest there is no waiting');
});

test('waiting ends with the job', async (t) => {
  const stop = new AbortController();
  const pace = new LoginPace({ perSecond: 1, clock: sleepingClock(), signal: stop.signal });
  await pace.turn();
  stop.abort(new CheckFailure({ code: 'cancelled', message: 'the job is over' }));
  await t.throwsAsync(pace.turn(), { message: 'the job is over' });
});
