import test from 'ava';
import { retryAfterMs } from '../../src/shared/retry-after.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

const waits: [value: string | undefined, wait: number | null][] = [
  [undefined, null],
  ['30', 30_000],
  [' 0 ', 0],
  ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
  ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
  ['soon', null],
  ['1.5', 1_500],
  ['-5', null],
  ['5, 10', null],
  ['in 30 seconds', null],
];

for (const [value, wait] of waits) {
  test(`Retry-After: ${value}`, (t) => {
    t.is(retryAfterMs(value, now), wait);
  });
}
