import test from 'ava';
import { poolError } from '../../../src/main/polls/pool-errors.ts';

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

for (const [thrown, code, message] of [
  [coded('heap', 'ERR_WORKER_OUT_OF_MEMORY'), 'worker-out-of-memory', /^heap$/],
  [new Error('Task queue is at limit'), 'queue-full', /raise --workers/],
  [new Error('No task queue available and all Workers are busy'), 'queue-full', /raise --workers/],
  [coded('exit', 'ERR_WORKER_EXIT'), 'worker-crashed', /^exit$/],
  ['a text', 'worker-crashed', /^a text$/],
] as const)
  test(`what the pool says: ${String(thrown)} is ${code}`, (t) => {
    const error = poolError(thrown);
    t.is(error.code, code);
    t.regex(error.message, message);
  });
