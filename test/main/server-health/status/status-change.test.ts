import test from 'ava';
import { shows, statusChange } from '../../../../src/main/server-health/status/status-change.ts';
import { availableCondition, healthyCondition, serverRecord } from '../../../fixtures/monitor/records.ts';

const second = Date.UTC(2026, 10, 22, 8) / 1000;
const rebuild = { targetImageId: 'image', state: 'Rebuilding' } as const;
const before = serverRecord({ conditions: [availableCondition, healthyCondition()], rebuild });

/** One difference of each field, and the change that it makes. */
const differences = [
  [{ phase: 'Stopped' }, { phase: 'Stopped' }],
  [{ macAddress: 'fa:16:3e:00:00:01' }, { macAddress: 'fa:16:3e:00:00:01' }],
  [{ scheduledAtSeconds: second }, { scheduledAt: '2026-11-22T08:00:00Z' }],
  [{ launchedAtSeconds: second }, { launchedAt: '2026-11-22T08:00:00Z' }],
  [{ provisionedAtSeconds: second }, { provisionedAt: '2026-11-22T08:00:00Z' }],
  [{ rebuild: { ...rebuild, state: 'Succeeded' } }, { rebuild: { state: 'Succeeded' } }],
] as const;

for (const [difference, change] of differences)
  test(`a change of ${Object.keys(change).join()} is the whole patch, and shows once it was written`, (t) => {
    const after = { ...before, ...difference };
    t.deepEqual(statusChange(before, after), change);
    t.false(shows(before, change));
    t.true(shows(after, change));
  });

test('what does not differ is not written', (t) => {
  t.is(statusChange(before, { ...before }), null);
  t.true(shows(before, {}));
});

test('times and the rebuild marker are never cleared', (t) => {
  const timed = serverRecord({
    scheduledAtSeconds: second,
    launchedAtSeconds: second,
    provisionedAtSeconds: second,
    rebuild,
  });
  const { conditions } = timed;
  t.is(statusChange(timed, serverRecord({ conditions })), null);
});

test('conditions are written as a whole, and show by the health among them', (t) => {
  const conditions = [
    availableCondition,
    healthyCondition({ status: 'False', reason: 'Degraded', message: 'SHUTOFF' }),
  ];
  t.deepEqual(statusChange(before, { ...before, conditions }), { conditions });
  t.true(shows({ ...before, conditions: conditions.toReversed() }, { conditions }));
  t.false(shows({ ...before, conditions: [] }, { conditions }));
  t.false(shows({ ...before, conditions }, { conditions: [availableCondition] }));
  for (const other of [
    { status: 'True' },
    { reason: 'Errored' },
    { message: 'PAUSED' },
    { lastTransitionTime: '2026-11-22T09:00:00Z' },
  ] as const)
    t.false(
      shows({ ...before, conditions: conditions.map((one) => ({ ...one, ...other })) }, { conditions }),
    );
});

test('a time of another second does not show', (t) => {
  const change = { scheduledAt: '2026-11-22T08:00:00Z' };
  t.false(shows({ ...before, scheduledAtSeconds: second + 1 }, change));
});
