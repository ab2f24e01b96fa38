import test from 'ava';
import { WatchedClock } from '../../../src/main/telemetry/watched-clock.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

test('what sleeps too long is noted, the most of it, until it is asked for', async (t) => {
  const scripted = new ScriptedClock();
  const clock = new WatchedClock(scripted);
  t.is(clock.now(), scripted.now());
  t.is(clock.monotonicMs(), scripted.monotonicMs());

  const onTime = clock.sleep(100);
  await scripted.pass(100);
  await onTime;
  t.is(clock.takeLateMs(), 0);

  const sleeps = [clock.sleep(1_000), clock.sleep(3_000), clock.sleep(-50)];
  await scripted.pass(5_000);
  await Promise.all(sleeps);
  t.is(clock.takeLateMs(), 5_000);
  t.is(clock.takeLateMs(), 0);
});

test('a sleep that is ended early is not late, however long it was', async (t) => {
  const scripted = new ScriptedClock();
  const clock = new WatchedClock(scripted);
  const stop = new AbortController();
  const slept = t.throwsAsync(clock.sleep(100, stop.signal), { message: 'enough' });
  stop.abort(new Error('enough'));
  await slept;
  await scripted.pass(9_000);
  t.is(clock.takeLateMs(), 0);
});
