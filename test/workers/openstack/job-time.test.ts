import test, { type ExecutionContext } from 'ava';
import { monotonicMs, systemClock } from '../../../src/shared/clock.ts';
import { CheckFailure } from '../../../src/shared/errors.ts';
import { JobTime } from '../../../src/workers/openstack/job-time.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

function start(t: ExecutionContext, leftMs: number, caller = new AbortController()) {
  const time = new JobTime({ deadlineMs: monotonicMs() + leftMs, signal: caller.signal, clock: systemClock });
  t.teardown(() => time.close());
  return { time, caller };
}

function codeOf({ signal }: JobTime): string {
  const reason: unknown = signal.reason;
  return reason instanceof CheckFailure ? reason.error.code : String(reason);
}

test('it ends before the deadline, so that there is time to answer', async (t) => {
  const startMs = monotonicMs();
  const { time } = start(t, 2_000);
  t.false(time.signal.aborted);
  await new Promise((resolve) => time.signal.addEventListener('abort', resolve));
  t.true(monotonicMs() - startMs >= 1_800, 'nearly all of the time was there');
  t.is(codeOf(time), 'timeout');
});

test('a job that comes too late has no time at all', (t) => {
  for (const leftMs of [-1_000, 0, 4]) {
    const { time } = start(t, leftMs);
    t.true(time.signal.aborted);
    t.is(codeOf(time), 'timeout');
  }
});

test('a job with no more than the time to answer has none to ask', (t) => {
  const clock = new ScriptedClock({ monotonicMs: 1_000 });
  for (const [leftMs, aborted] of [
    [5, true],
    [6, false],
  ] as const) {
    const time = new JobTime({ deadlineMs: 1_000 + leftMs, signal: new AbortController().signal, clock });
    t.teardown(() => time.close());
    t.is(time.signal.aborted, aborted, String(leftMs));
  }
});

test('the caller ends it, before or meanwhile', (t) => {
  const { time, caller } = start(t, 60_000);
  t.false(time.signal.aborted);
  caller.abort();
  t.is(codeOf(time), 'cancelled');
  t.is(codeOf(start(t, 60_000, caller).time), 'cancelled');
});

test('a deadline that no timer can hold is not one that is over', async (t) => {
  const { time } = start(t, 2 ** 40);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.false(time.signal.aborted);
});

test('once closed, nothing ends it any more', async (t) => {
  const { time, caller } = start(t, 30);
  time.close();
  caller.abort();
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.false(time.signal.aborted);
});
