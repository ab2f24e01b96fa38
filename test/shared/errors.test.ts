import test from 'ava';
import { type CheckError, CheckFailure, errorCodes, toCheckError } from '../../src/shared/errors.ts';

test('a CheckFailure is its error, whole', (t) => {
  const error: CheckError = { code: 'rate-limited', message: 'slow down', status: 429, retryAfterMs: 7_000 };
  const cause = new Error('below');
  const failure = new CheckFailure(error, { cause });
  t.is(toCheckError(failure), error);
  t.is(failure.message, 'slow down');
  t.is(failure.cause, cause);
});

test('anything else is a defect, and keeps its words', (t) => {
  t.deepEqual(toCheckError(new TypeError('x is not a function')), {
    code: 'internal',
    message: 'TypeError: x is not a function',
  });
  t.deepEqual(toCheckError('only a text'), { code: 'internal', message: 'only a text' });
  t.deepEqual(toCheckError(undefined), { code: 'internal', message: 'undefined' });
});

test('an error crosses threads as it is', (t) => {
  const error = toCheckError(new CheckFailure({ code: 'forbidden', message: 'no role', status: 403 }));
  t.deepEqual(structuredClone(error), error);
  t.deepEqual(JSON.parse(JSON.stringify(error)), error);
});

test('no code is listed twice', (t) => {
  t.is(new Set(errorCodes).size, errorCodes.length);
});
