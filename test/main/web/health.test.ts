import test from 'ava';
import { PollClock } from '../../../src/main/polls/poll-clock.ts';
import { Health } from '../../../src/main/web/health.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

const hourMs = 3_600_000;
const turnMs = 15_000;

/** A poll clock that runs, and what is said of it. */
function started({ pollPeriodMs = hourMs, synced = true, triedAll = (): boolean => true } = {}) {
  const clock = new ScriptedClock();
  const polls = new PollClock({
    periodMs: pollPeriodMs,
    ticksPerPoll: 1,
    isSettled: () => false,
    clock,
    onTick: () => {},
  });
  const health = new Health({ clock, polls, pollPeriodMs, caches: { synced }, triedAll });
  const stop = new AbortController();
  return { clock, health, stop, begin: async () => polls.run(stop.signal) };
}

for (const pollPeriodMs of [1_000, 60_000, hourMs, 24 * hourMs])
  test(`a poll clock of ${pollPeriodMs / 1000} s is alive while it turns, and dead within two minutes`, async (t) => {
    const { clock, health, stop, begin } = started({ pollPeriodMs });
    t.deepEqual(health.live(), { ok: true, detail: 'starting' });
    const ended = begin();
    for (let passedMs = 0; passedMs < 2 * hourMs; passedMs += turnMs) {
      await clock.pass(Math.min(pollPeriodMs, turnMs));
      t.true(health.live().ok);
    }
    stop.abort();
    await ended;
    await clock.pass(Math.min(pollPeriodMs, turnMs) + 5_000);
    t.true(health.live().ok, 'it may be late');
    await clock.pass(120_000);
    const { ok, detail } = health.live();
    t.false(ok);
    t.regex(detail, /^last poll began [0-9.]+ s ago; the poll clock stopped [0-9.]+ s ago$/);
  });

test('ready once every region was tried, and then for good', (t) => {
  let tried = false;
  const { health } = started({ triedAll: () => tried });
  t.deepEqual(health.ready(), { ok: false, detail: 'waiting for the first check of every region' });
  tried = true;
  t.true(health.ready().ok);
  // A region was added.
  tried = false;
  t.deepEqual(health.ready(), { ok: true, detail: 'ready' });
});

test('not ready before the caches are synced', (t) => {
  const { health } = started({ synced: false });
  t.deepEqual(health.ready(), { ok: false, detail: 'waiting for the caches of Kubernetes objects' });
});
