// What an observation changes about an object of which the monitor writes nothing but the Healthy condition.

import test from 'ava';
import * as fc from 'fast-check';
import { projectHealth, showsHealth } from '../../../src/main/projection/projection.ts';
import type { Condition, Health } from '../../../src/shared/conditions.ts';
import { availableCondition, healthyCondition, serverRecord } from '../../fixtures/monitor/records.ts';

const health: fc.Arbitrary<Health> = fc.record({
  status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
  reason: fc.constantFrom('Healthy', 'Degraded'),
  message: fc.constantFrom('all is well', 'a service is gone'),
});
const createdAt = Date.UTC(2026, 10, 22, 7);

test('whatever is observed one after the other, only changes are written, and only those of status are transitions', (t) => {
  fc.assert(
    fc.property(fc.array(health, { minLength: 1, maxLength: 6 }), (seen) => {
      let object = serverRecord({ createdAt, conditions: [availableCondition] });
      let last: Health | undefined;
      let since = createdAt;
      for (const [index, now] of seen.entries()) {
        const nowMs = createdAt + (index + 1) * 60_000;
        const { change, after, phaseTransition, healthTransition } = projectHealth(object, now, nowMs);
        const same =
          last?.status === now.status && last.reason === now.reason && last.message === now.message;
        t.is(change === null, same);
        t.is(after === object, same, 'what shows it already is left alone');
        t.true(after.conditions.includes(availableCondition), 'conditions of others stay');
        t.is(phaseTransition, null);
        if (last?.status === now.status) t.is(healthTransition, null);
        else {
          t.deepEqual(healthTransition, {
            status: now.status,
            from: last?.reason ?? '',
            to: now.reason,
            message: now.message,
            durationMs: nowMs - since,
          });
          since = nowMs;
        }
        if (change !== null) t.deepEqual(change.conditions, after.conditions);
        [object, last] = [after, now];
      }
    }),
  );
});

test('a clock that goes back makes no negative duration', (t) => {
  const object = serverRecord({ createdAt, conditions: [] });
  const seen = { status: 'True', reason: 'Healthy', message: '' } as const;
  t.is(projectHealth(object, seen, createdAt - 60_000).healthTransition?.durationMs, 0);
});

test('an object shows a change only if nothing of the condition differs', (t) => {
  const wanted = healthyCondition();
  const others: readonly Partial<Condition>[] = [
    { status: 'False' },
    { reason: 'Degraded' },
    { message: 'other' },
    { lastTransitionTime: '2026-11-22T09:00:00Z' },
  ];
  t.true(showsHealth([availableCondition, wanted], [wanted]));
  t.false(showsHealth([availableCondition], [wanted]));
  t.false(showsHealth([wanted], [availableCondition]));
  for (const other of others) t.false(showsHealth([healthyCondition(other)], [wanted]));
});
