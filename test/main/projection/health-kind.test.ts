import test from 'ava';
import type { AnnouncementTargets } from '../../../src/main/projection/announcement.ts';
import { HealthKind } from '../../../src/main/projection/health-kind.ts';
import { serverWords } from '../../../src/main/server-health/status/server-fields.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { createdAt, degraded, healthy, serverRecord } from '../../fixtures/monitor/records.ts';

function setUp() {
  const told: string[] = [];
  const counted: string[] = [];
  const targets: AnnouncementTargets<ServerRecord> = {
    log: {
      phase: (_, { from, to }) => told.push(`phase ${from} > ${to}`),
      health: (_, { from, to }) => told.push(`health ${from} > ${to}`),
    },
    metrics: { transition: (kind) => counted.push(kind) },
  };
  const clock = { now: () => createdAt + 60_000 };
  return { told, counted, kind: new HealthKind({ ...targets, words: serverWords, clock }) };
}

test('of an object whose health changes, the change is what it shows after, and is logged and counted once', (t) => {
  const { told, counted, kind } = setUp();
  t.is(kind.words, serverWords);
  const before = serverRecord();
  const first = kind.project(before, healthy);
  const second = kind.project(first.after, degraded);
  for (const { change, after } of [first, second]) t.true(change !== null && kind.shows(after, change));
  t.false(second.change !== null && kind.shows(first.after, second.change));
  kind.announce(before, first);
  kind.announce(first.after, second);
  t.deepEqual(told, ['health  > Healthy', 'health Healthy > Degraded']);
  t.deepEqual(counted, ['health', 'health']);
});

test('what is no transition is neither logged nor counted', (t) => {
  const { told, counted, kind } = setUp();
  const { after } = kind.project(serverRecord(), degraded);
  kind.announce(after, kind.project(after, { ...degraded, message: 'more is known' }));
  t.deepEqual([told, counted], [[], []]);
});

test('a phase is logged and counted beside the health', (t) => {
  const { told, counted, kind } = setUp();
  const before = serverRecord();
  kind.announce(before, { ...kind.project(before, healthy), phaseTransition: { from: '', to: 'Running' } });
  t.deepEqual(told, ['phase  > Running', 'health  > Healthy']);
  t.deepEqual(counted, ['phase', 'health']);
});
