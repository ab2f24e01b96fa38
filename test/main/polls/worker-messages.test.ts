import test from 'ava';
import { readMessage } from '../../../src/main/polls/worker-messages.ts';

test('a thread says which job it has begun, and what Node warns of', (t) => {
  const started = { ticket: 1, slot: 0, startedMs: 5 };
  t.deepEqual(readMessage(started), started);
  t.deepEqual(readMessage({ warning: 'look out' }), { warning: 'look out' });
});

test('whatever else comes is left to the check that said it', (t) => {
  for (const message of [null, undefined, 'text', {}, { ticket: 1, slot: 0 }, { warning: 1 }])
    t.is(readMessage(message), null, JSON.stringify(message));
});
