import test from 'ava';
import { longestPauseMs, ProjectPauses } from '../../../src/main/regions/project-pauses.ts';
import type { CheckError } from '../../../src/shared/errors.ts';

function busy(retryAfterMs?: number): CheckError {
  return {
    code: 'rate-limited',
    message: 'slow down',
    status: 429,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

test('a project that was refused is left alone for as long as the region said, and others are not', (t) => {
  const pauses = new ProjectPauses();
  pauses.begin('a', busy(10_000), 1_000);
  t.deepEqual(pauses.of('a', 4_000), busy(7_000));
  t.deepEqual(pauses.of('a', 10_999), busy(1));
  t.is(pauses.of('b', 4_000), null);
  t.is(pauses.of('a', 11_000), null);
});

test('without Retry-After there is no pause', (t) => {
  const pauses = new ProjectPauses();
  pauses.begin('a', busy(), 1_000);
  pauses.begin('b', busy(0), 1_000);
  t.is(pauses.of('a', 1_000), null);
  t.is(pauses.of('b', 1_000), null);
});

test('no pause is longer than the bound', (t) => {
  const pauses = new ProjectPauses();
  pauses.begin('a', busy(86_400_000), 0);
  t.not(pauses.of('a', longestPauseMs - 1), null);
  t.is(pauses.of('a', longestPauseMs), null);
});

test('projects that are gone, or reached in another way, are let go', (t) => {
  const pauses = new ProjectPauses();
  pauses.begin('a', busy(10_000), 0);
  pauses.begin('b', busy(10_000), 0);
  pauses.retain(new Set(['b']));
  t.is(pauses.of('a', 1), null);
  t.not(pauses.of('b', 1), null);
  pauses.clear();
  t.is(pauses.of('b', 1), null);
});
