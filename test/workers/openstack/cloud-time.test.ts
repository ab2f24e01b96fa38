import test from 'ava';
import { cloudTime, headerTime } from '../../../src/workers/openstack/cloud-time.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

test('a time without a zone is UTC', (t) => {
  t.is(cloudTime('2026-01-01T00:00:00.000000'), now);
  t.is(cloudTime('2026-01-01T00:00:00Z'), now);
  t.is(cloudTime('2026-01-01T01:00:00+01:00'), now);
  t.is(cloudTime('2026-01-01T01:00:00+0100'), now);
});

test('the time of a header is read', (t) => {
  t.is(headerTime('Thu, 01 Jan 2026 00:00:00 GMT'), now);
});

test('a time is read in the spellings that clouds have', (t) => {
  for (const text of [
    '2026-01-01 00:00:00',
    '2026-01-01t00:00:00.123z',
    '2026-01-01T00:00:00.999999999+00:00',
  ])
    t.is(Math.floor((cloudTime(text) ?? 0) / 1000), now / 1000, text);
});

// A launch time is written once and for ever: a guess would say of a server that it has booted.
for (const text of [
  '',
  'None',
  'none 2',
  '1',
  '2026',
  '2026-01-01',
  '20260101T000000Z',
  '1767225600',
  '2026-13-01T00:00:00',
  '2026-01-01T25:00:00',
  '0001-01-01T00:00:00Z',
  '0000-00-00 00:00:00',
  '1970-01-01T00:00:00.000000',
  '10000-01-01T00:00:00',
  '+275760-09-13T00:00:00Z',
  ' 2026-01-01T00:00:00',
]) {
  test(`${JSON.stringify(text)} is not a time`, (t) => {
    t.is(cloudTime(text), null);
  });
}

test('what is no time is none', (t) => {
  t.is(cloudTime('yesterday'), null);
  t.is(cloudTime(null), null);
  t.is(headerTime('yesterday'), null);
  t.is(headerTime(undefined), null);
});
