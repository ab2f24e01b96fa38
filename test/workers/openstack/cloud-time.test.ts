import test from 'ava';
import { cloudTime, headerTime, retryAfterMs } from '../../../src/workers/openstack/cloud-time.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

const waits: [value: string | undefined, wait: number | null][] = [
  [undefined, null],
  ['30', 30_000],
  [' 0 ', 0],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['soon', null],
];

for (const [value, wait] of waits) {
  test(`Retry-After: ${value}`, (t) => {
    t.is(retryAfterMs(value, now), wait);
  });
}

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
