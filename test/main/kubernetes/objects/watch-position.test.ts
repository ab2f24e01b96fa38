// When a watch goes on from where it was, and when all is listed again: given up too late the cache is stale for ever, given
// up too early each hiccup costs a list of everything.

import test from 'ava';
import { ApiError } from '../../../../src/main/kubernetes/errors.ts';
import { WatchPosition } from '../../../../src/main/kubernetes/objects/watch-position.ts';

function failure(status: number, reason = ''): ApiError {
  const fields = { status, verb: 'watch', resource: 'servers', reason, retryAfterMs: null };
  return new ApiError(`as scripted: ${status} ${reason}`, fields);
}

function at(version: string): WatchPosition {
  const position = new WatchPosition();
  position.listed(version);
  return position;
}

test('a watch begins where the list ended, and goes on from its newest event', (t) => {
  const position = new WatchPosition();
  t.is(position.version, null);
  position.listed('9');
  t.is(position.version, '9');
  for (const version of ['10', '10', '12']) position.moved(version, 'servers');
  t.is(position.version, '12');
});

test('versions that run backwards are those of a restored backup', (t) => {
  const position = at('12');
  t.false(position.isBehind('12'));
  t.true(position.isBehind('11'));
  const error = t.throws(() => position.moved('11', 'servers'), { instanceOf: ApiError });
  position.failed(error);
  t.is(position.version, null);
  t.true(position.isBehind('11'), 'what was seen is still known when the list comes');
  position.listed('11');
  t.false(position.isBehind('11'));
});

test('two silent watches in a row give the version up, one does not', (t) => {
  const position = at('5');
  position.silent();
  position.moved('5', 'servers');
  position.silent();
  t.is(position.version, '5');
  position.silent();
  t.is(position.version, null);
});

for (const [status, reason] of [
  [410, ''],
  [200, 'Expired'],
  [200, 'Gone'],
  [504, 'ResourceVersionTooLarge'],
] as const)
  test(`the API server does not have the version any more: ${status} ${reason}`, (t) => {
    const position = at('5');
    position.failed(failure(status, reason));
    t.is(position.version, null);
  });

for (const status of [0, 401, 403, 429, 502, 503])
  test(`an outage is not about the version, however long it takes: ${status}`, (t) => {
    const position = at('5');
    for (let times = 0; times < 10; times++) position.failed(failure(status));
    t.is(position.version, '5');
  });

for (const error of [failure(400), failure(500), new Error('no JSON')])
  test(`what may be about the version gives it up the third time in a row: ${error.message}`, (t) => {
    const position = at('5');
    const fail = (times: number): void => {
      for (let count = 0; count < times; count++) position.failed(error);
    };
    fail(2);
    position.moved('6', 'servers');
    fail(2);
    position.silent();
    fail(2);
    t.is(position.version, '6');
    fail(1);
    t.is(position.version, null);
  });
