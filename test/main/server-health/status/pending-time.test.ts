import test from 'ava';
import {
  annotationChange,
  provisionDuration,
} from '../../../../src/main/server-health/status/pending-time.ts';
import { serverRecord } from '../../../fixtures/monitor/records.ts';

const stamped = '2026-11-22T07:58:00Z';
const nowMs = Date.UTC(2026, 10, 22, 8);

test('a server that is Pending is stamped once', (t) => {
  t.is(annotationChange(serverRecord({ phase: 'Pending' })), 'stamp');
  t.is(annotationChange(serverRecord({ phase: 'Pending', pendingEntryTime: stamped })), null);
});

test('a server that is Pending no more loses its stamp', (t) => {
  for (const phase of ['Running', 'Stopping', 'Stopped', '']) {
    t.is(annotationChange(serverRecord({ phase, pendingEntryTime: stamped })), 'remove');
    t.is(annotationChange(serverRecord({ phase })), null);
  }
});

test('a stamp that nobody can read stays until the server leaves Pending', (t) => {
  t.is(annotationChange(serverRecord({ phase: 'Pending', pendingEntryTime: '' })), null);
  t.is(annotationChange(serverRecord({ phase: 'Running', pendingEntryTime: '' })), 'remove');
});

function duration(pendingEntryTime: string | undefined) {
  return provisionDuration(serverRecord({ phase: 'Pending', pendingEntryTime }), nowMs);
}

test('without a stamp there is nothing to measure', (t) => {
  t.deepEqual(duration(undefined), { kind: 'unknown' });
});

test('every form of RFC 3339 is measured', (t) => {
  for (const text of [
    '2026-11-22T07:58:00Z',
    '2026-11-22t07:58:00z',
    '2026-11-22T09:58:00+02:00',
    '2026-11-22T02:28:00-05:30',
    '2026-11-22T07:58:00.000000Z',
    '2026-11-22T07:58:00-00:00',
  ]) {
    t.deepEqual(duration(text), { kind: 'measured', seconds: 120 }, text);
  }
  t.deepEqual(duration('2026-11-22T07:59:59.5Z'), { kind: 'measured', seconds: 0.5 });
  t.deepEqual(duration('2026-11-22T08:00:00Z'), { kind: 'measured', seconds: 0 });
});

test('what is no RFC 3339 time is invalid', (t) => {
  for (const text of [
    '',
    'yesterday',
    '1763798280',
    '2026-11-22',
    '2026-11-22T07:58:00',
    '2026-11-22 07:58:00Z',
    '2026-11-22T07:58Z',
    '2026-11-22T07:58:00+0200',
    '2026-02-30T07:58:00Z',
    '2026-04-31T07:58:00Z',
    '2026-13-01T07:58:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T07:60:00Z',
    '2026-11-22T07:58:61Z',
    'Sun Nov 22 2026 07:58:00 GMT',
  ]) {
    t.deepEqual(duration(text), { kind: 'invalid', text });
  }
});

test('a stamp of the future is clock skew, not a negative duration', (t) => {
  t.deepEqual(duration('2026-11-22T08:00:01Z'), {
    kind: 'clock-skew',
    pendingSince: '2026-11-22T08:00:01Z',
  });
});
