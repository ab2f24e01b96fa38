import test from 'ava';
import {
  type CheckError,
  CheckFailure,
  errorCodes,
  messageOf,
  toCheckError,
} from '../../src/shared/errors.ts';

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

test('of what OpenSSL says, its reason is enough', (t) => {
  const text =
    '40C6E29E:error:0A00010B:SSL routines:tls_validate_record_header:wrong version number:tlsany_meth.c:77:\n';
  const error = Object.assign(new Error(text), { library: 'SSL routines', reason: 'wrong version number' });
  t.is(messageOf(error), 'wrong version number');
  t.is(messageOf(new Error('plain')), 'plain');
});

test('no code is listed twice', (t) => {
  t.is(new Set(errorCodes).size, errorCodes.length);
});
