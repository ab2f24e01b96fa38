import { getEventListeners } from 'node:events';
import test from 'ava';
import { untilAborted } from '../../src/shared/until-aborted.ts';

const never = new Promise<never>(() => {});

test('it settles as the promise does, and leaves no listener behind', async (t) => {
  const { signal } = new AbortController();
  t.is(await untilAborted(Promise.resolve(7), signal), 7);
  await t.throwsAsync(untilAborted(Promise.reject(new Error('broken')), signal), { message: 'broken' });
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test('an abort ends the wait, with its reason', async (t) => {
  const stop = new AbortController();
  const waiting = untilAborted(never, stop.signal);
  stop.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
});

test('a signal that has aborted already wins', async (t) => {
  const signal = AbortSignal.abort(new Error('before'));
  await t.throwsAsync(untilAborted(Promise.resolve(7), signal), { message: 'before' });
});
