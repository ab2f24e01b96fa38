import test from 'ava';
import { cloudTime, headerTime } from '../../../src/workers/openstack/cloud-time.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

test('a time without a zone is UTC', (t) => {
  t.is(cloudTime('2026-01-01T00:00:00.000000'), now);
  t.is(cloudTime('2026-01-01T00:00:00Z'), now);
  t.is(cloudTime('2026-01-01T01:00:00+01:00'), now);
  t.is(cloudTime('2026-01-01T01:00:00+0100'), now);
});

test('what is no time is none', (t) => {
  t.is(cloudTime('yesterday'), null);
  t.is(cloudTime(null), null);
  t.is(headerTime('yesterday'), null);
  t.is(headerTime(undefined), null);
});
