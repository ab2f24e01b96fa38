import test from 'ava';
import type { Profile } from '../../../../src/main/kubernetes/objects/profile.ts';
import { DurationLog } from '../../../../src/main/server-health/status/duration-log.ts';
import { ServerKind } from '../../../../src/main/server-health/status/server-kind.ts';
import { pendingEntryAnnotation } from '../../../../src/shared/labels.ts';
import { RecordedLog } from '../../../fixtures/monitor/recorded-log.ts';
import { createdAt, healthyCondition, observation, serverRecord } from '../../../fixtures/monitor/records.ts';

const attributes = { region_id: 'r', region_name: 'north', flavor_id: 'f', flavor_name: 'small' };
const now = '2026-11-22T07:10:00Z';

function setUp(profile: Profile) {
  const said: string[] = [];
  const definitions = { profile };
  const kind = new ServerKind({
    definitions,
    clock: { now: () => Date.parse(now) },
    log: {
      phase: (_, { from, to }) => said.push(`phase ${from} > ${to}`),
      health: (_, { from, to }) => said.push(`health ${from} > ${to}`),
    },
    durations: new DurationLog(new RecordedLog()),
    metrics: {
      transition: (of) => said.push(`counted ${of}`),
      recordProvision: (seconds) => said.push(`provisioned in ${seconds} s`),
      recordScheduling: (seconds) => said.push(`scheduled in ${seconds} s`),
    },
    attributes: () => attributes,
  });
  return { kind, said, definitions };
}

test('a server is projected by the definitions of now, and announced once it stands', (t) => {
  const { kind, said, definitions } = setUp('v1.16');
  const server = serverRecord({
    phase: 'Pending',
    pendingEntryTime: '2026-11-22T07:09:00Z',
    conditions: [healthyCondition()],
  });
  const seen = observation({ phase: 'Running', launchedAtSeconds: createdAt / 1000 });
  const projection = kind.project(server, seen);
  t.is(projection.after.launchedAtSeconds, null, 'v1.16 has no such field');
  kind.announce(server, projection);
  t.deepEqual(said, ['phase Pending > Running', 'counted phase', 'provisioned in 60 s']);
  definitions.profile = 'v1.19';
  t.is(kind.project(server, seen).after.launchedAtSeconds, createdAt / 1000);
});

test('a change stands when the object shows it, whatever answer the write had', (t) => {
  const { kind } = setUp('v1.16');
  const server = serverRecord({ phase: 'Running', conditions: [healthyCondition()] });
  const { change } = kind.project(server, observation({ phase: 'Stopped' }));
  if (change === null) throw new Error('nothing is to be changed');
  t.false(kind.shows(server, change));
  t.true(kind.shows({ ...server, phase: 'Stopped' }, change));
});

test('v1.16: the time at which a server became Pending is stamped, and removed when it is not', (t) => {
  const { kind } = setUp('v1.16');
  const pending = serverRecord({ phase: 'Pending' });
  const stamp = kind.annotations(pending);
  t.deepEqual(stamp, { [pendingEntryAnnotation]: now });
  const stamped = kind.annotated(pending, stamp ?? {});
  t.is(stamped.pendingEntryTime, now);
  t.is(kind.annotations(stamped), null);
  const running = { ...stamped, phase: 'Running' };
  const removal = kind.annotations(running);
  t.deepEqual(removal, { [pendingEntryAnnotation]: null });
  t.is(kind.annotated(running, removal ?? {}).pendingEntryTime, undefined);
});

test('v1.19: annotations that an older monitor left are left alone', (t) => {
  const { kind } = setUp('v1.19');
  t.is(kind.annotations(serverRecord({ phase: 'Pending' })), null);
  t.is(kind.annotations(serverRecord({ phase: 'Running', pendingEntryTime: now })), null);
});

test('every field of a status tells it from another', (t) => {
  const { kind } = setUp('v1.19');
  const server = serverRecord();
  const different = [
    { phase: 'Stopped' },
    { scheduledAtSeconds: 1 },
    { launchedAtSeconds: 1 },
    { provisionedAtSeconds: 1 },
    { macAddress: 'fa:16:3e:00:00:01' },
    { rebuild: { targetImageId: 'i', state: 'Rebuilding' } },
  ];
  for (const change of different) t.notDeepEqual(kind.shown({ ...server, ...change }), kind.shown(server));
  t.deepEqual(kind.shown({ ...server, resourceVersion: '2' }), kind.shown(server));
});
