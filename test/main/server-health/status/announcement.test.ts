import test from 'ava';
import { announceServer } from '../../../../src/main/server-health/status/announcement.ts';
import type { ServerProjection } from '../../../../src/main/server-health/status/projection.ts';
import { serverRecord } from '../../../fixtures/monitor/records.ts';

const nowMs = Date.UTC(2026, 10, 22, 7, 1);
const attributes = {
  region_id: 'region-1',
  region_name: 'north',
  flavor_id: 'flavor-1',
  flavor_name: 'small',
};
const pending = serverRecord({ phase: 'Pending', pendingEntryTime: '2026-11-22T07:00:00Z' });
const nothing: ServerProjection = {
  change: null,
  after: pending,
  phaseTransition: null,
  healthTransition: null,
  boot: null,
};

/** All that is announced, in order. */
function announced(projection: Partial<ServerProjection>, before = pending): string[] {
  const said: string[] = [];
  announceServer(
    before,
    { ...nothing, ...projection },
    {
      log: {
        phase: (_, { from, to }) => said.push(`phase ${from} > ${to}`),
        health: (_, { from, to }) => said.push(`health ${from} > ${to}`),
      },
      durations: {
        invalidPendingTime: (_, text) => said.push(`invalid ${text}`),
        clockSkew: (_, since) => said.push(`skewed since ${since}`),
        bootClockSkew: (_, times) => said.push(`skewed ${JSON.stringify(times)}`),
      },
      metrics: {
        transition: (kind) => said.push(`counted ${kind}`),
        recordProvision: (seconds, of) => said.push(`provisioned in ${seconds} s, ${of.flavor_name}`),
        recordScheduling: (seconds, of) => said.push(`scheduled in ${seconds} s, ${of.flavor_name}`),
      },
      attributes: () => attributes,
      nowMs,
    },
  );
  return said;
}

const runs = { from: 'Pending', to: 'Running' };

test('each transition is logged and counted, once', (t) => {
  const healthTransition = {
    from: 'Healthy',
    to: 'Errored',
    status: 'False',
    durationMs: 5,
    message: '',
  } as const;
  t.deepEqual(announced({}), []);
  t.deepEqual(announced({ healthTransition }), ['health Healthy > Errored', 'counted health']);
  t.deepEqual(announced({ phaseTransition: { from: 'Running', to: 'Stopped' }, healthTransition }), [
    'phase Running > Stopped',
    'counted phase',
    'health Healthy > Errored',
    'counted health',
  ]);
});

test('the time from Pending to Running is measured, and no other', (t) => {
  t.deepEqual(announced({ phaseTransition: runs }), [
    'phase Pending > Running',
    'counted phase',
    'provisioned in 60 s, small',
  ]);
  for (const phaseTransition of [
    { from: 'Pending', to: 'Stopped' },
    { from: 'Stopped', to: 'Running' },
  ])
    t.is(announced({ phaseTransition }).length, 2);
});

const since = (pendingEntryTime: string | undefined) =>
  announced({ phaseTransition: runs }, serverRecord({ phase: 'Pending', pendingEntryTime })).slice(2);

test('a time that cannot be measured is not recorded, but said', (t) => {
  t.deepEqual(since('2026-11-22T07:02:00Z'), ['skewed since 2026-11-22T07:02:00Z']);
  t.deepEqual(since('yesterday'), ['invalid yesterday']);
  t.deepEqual(since(undefined), []);
});

const measured = (seconds: number) => ({ kind: 'measured', seconds }) as const;

test('with the definitions of v1.19 the object’s own times are what is measured', (t) => {
  t.deepEqual(
    announced({ phaseTransition: runs, boot: { provision: measured(7), scheduling: measured(3) } }),
    ['phase Pending > Running', 'counted phase', 'provisioned in 7 s, small', 'scheduled in 3 s, small'],
  );
  t.deepEqual(announced({ boot: { provision: null, scheduling: null } }), []);
  const skew = { kind: 'clock-skew', at: 'then', createdAt: 'later' } as const;
  t.deepEqual(announced({ boot: { provision: skew, scheduling: skew } }), [
    'skewed {"launched_at":"then","created_at":"later"}',
    'skewed {"scheduled_at":"then","created_at":"later"}',
  ]);
});
