import test from 'ava';
import { Flavors } from '../../../src/main/regions/flavors.ts';
import type { ErrorCode } from '../../../src/shared/errors.ts';

const minute = 60_000;
const hour = 60 * minute;
const small = { id: 'f1', name: 'small' };
const large = { id: 'f2', name: 'large' };

function listed(): Flavors {
  const flavors = new Flavors(minute);
  flavors.listed([small, large], null, 0);
  return flavors;
}

function error(code: ErrorCode, retryAfterMs?: number) {
  return { code, message: 'failed', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

test('flavors are due at first, and then every hour', (t) => {
  t.true(new Flavors(minute).due(5));
  const flavors = listed();
  t.false(flavors.due(hour - 1));
  t.true(flavors.due(hour));
  t.is(flavors.name('f1'), 'small');
});

test('flavors that could not be listed keep their names; a failure of the region is tried again at once', (t) => {
  const flavors = listed();
  flavors.failed(error('unreachable'), hour);
  t.is(flavors.name('f1'), 'small');
  t.true(flavors.due(hour + 1));
  t.is(flavors.error?.code, 'unreachable');
  flavors.listed([small], null, hour);
  t.is(flavors.error, null);
});

test('flavors are asked for again when the region said that it could be asked', (t) => {
  const flavors = listed();
  flavors.failed(error('rate-limited', 20_000), 1_000);
  t.false(flavors.due(20_999));
  t.true(flavors.due(21_000));
});

test('a list that is refused is asked for again after 1, 2, 4, … polls, at most every five minutes', (t) => {
  const flavors = new Flavors(minute);
  const asked: number[] = [];
  for (let poll = 0; poll <= 20; poll++) {
    if (!flavors.due(poll * minute)) continue;
    asked.push(poll);
    flavors.failed(error('forbidden'), poll * minute);
  }
  t.deepEqual(asked, [0, 1, 3, 7, 12, 17]);
});

test('a flavor without a name is asked for at the next poll, once', (t) => {
  const flavors = listed();
  t.is(flavors.name('new'), '');
  t.false(flavors.due(30_000), 'not more than once a minute');
  t.true(flavors.due(minute));
  flavors.listed([small, large, { id: 'new', name: 'newest' }], null, minute);
  t.is(flavors.name('new'), 'newest');
  t.is(flavors.name('private'), '');
  t.true(flavors.due(2 * minute));
  flavors.listed([small, large], null, 2 * minute);
  t.is(flavors.name('private'), '');
  t.false(flavors.due(3 * minute), 'it has no name');
});

test('what changed the selection asks again at once', (t) => {
  const flavors = listed();
  flavors.expire();
  t.true(flavors.due(1));
});

test('after a list that came, or another selection, the next failure is the first', (t) => {
  for (const between of [
    (flavors: Flavors) => flavors.listed([], null, 0),
    (flavors: Flavors) => flavors.expire(),
  ]) {
    const flavors = listed();
    for (let failure = 0; failure < 3; failure++) flavors.failed(error('forbidden'), 0);
    t.false(flavors.due(3 * minute));
    between(flavors);
    flavors.failed(error('forbidden'), 0);
    t.false(flavors.due(minute / 2 - 1));
    t.true(flavors.due(minute));
  }
});
