import test from 'ava';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { isWithheld, maybeApplied, mayRetry } from '../../../src/main/projection/write-failures.ts';

const rows: readonly [what: string, status: number, reason: string, applied: boolean, retry: boolean][] = [
  ['no answer', 0, '', true, true],
  ['an answer that nobody can read', 200, 'InvalidResponse', true, true],
  ['a proxy that gave up', 504, '', true, true],
  ['an API server that failed', 500, 'InternalError', true, true],
  ['a lost optimistic lock', 409, 'Conflict', false, true],
  ['too many requests', 429, 'TooManyRequests', false, true],
  ['missing rights', 403, 'Forbidden', false, false],
  ['a value that the schema refuses', 422, 'Invalid', false, false],
  ['an object that is gone', 404, 'NotFound', false, false],
  ['a write that was held back', 0, 'Withheld', false, false],
];

for (const [what, status, reason, applied, retry] of rows) {
  test(`${what}: ${applied ? 'it may have been done' : 'nothing was done'}, ${retry ? 'so' : 'and'} it is ${retry ? '' : 'not '}tried again`, (t) => {
    const fields = { status, verb: 'patch', resource: 'servers/status', reason, retryAfterMs: null };
    const error = new ApiError(what, fields);
    t.is(maybeApplied(error), applied);
    t.is(mayRetry(error), retry);
    t.is(isWithheld(error), reason === 'Withheld');
  });
}
