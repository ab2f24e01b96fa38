import test from 'ava';
import * as fc from 'fast-check';
import {
  type Condition,
  findCondition,
  type Health,
  healthyType,
  kubernetesTime,
  withCondition,
} from '../../src/shared/conditions.ts';
import { plainRecord } from '../fixtures/monitor/plain-record.ts';
import { availableCondition, degraded, healthy, healthyCondition } from '../fixtures/monitor/records.ts';

const now = '2026-11-22T08:00:00Z';

test('a condition that is not there is added after the others', (t) => {
  t.deepEqual(
    withCondition([availableCondition], healthyType, healthy, () => now),
    [availableCondition, { type: 'Healthy', ...healthy, lastTransitionTime: now }],
  );
});

test('a condition that says so already is left alone', (t) => {
  const conditions = [healthyCondition(), availableCondition];
  t.is(
    withCondition(conditions, healthyType, healthy, () => now),
    conditions,
  );
});

test('of a message that is not Unicode, what the API server stores of it is what is meant', (t) => {
  const odd: Health = { ...degraded, message: 'libvirt: caf\udce9' };
  const stored = withCondition([], healthyType, odd, () => now);
  t.is(stored[0]?.message, 'libvirt: caf\ufffd');
  t.is(
    withCondition(stored, healthyType, odd, () => now),
    stored,
  );
});

test('lastTransitionTime moves with the status', (t) => {
  const [condition] = withCondition([healthyCondition()], healthyType, degraded, () => now);
  t.deepEqual(condition, { type: 'Healthy', ...degraded, lastTransitionTime: now });
});

test('lastTransitionTime does not move with reason or message', (t) => {
  const old = healthyCondition();
  for (const changed of [{ reason: 'Provisioning' as const }, { message: 'other words' }]) {
    const health: Health = { ...healthy, ...changed };
    t.deepEqual(
      withCondition([old], healthyType, health, () => now),
      [{ ...old, ...changed }],
    );
  }
});

const anyCondition: fc.Arbitrary<Condition> = plainRecord({
  type: fc.constantFrom('Healthy', 'Available', 'Ready'),
  status: fc.constantFrom('True', 'False', 'Unknown', ''),
  reason: fc.constantFrom('Healthy', 'Degraded', 'Provisioned'),
  message: fc.string(),
  lastTransitionTime: fc.constantFrom('2026-11-22T07:00:00Z', '2026-11-22T07:30:00Z'),
});
const anyHealth: fc.Arbitrary<Health> = plainRecord({
  status: fc.constantFrom('True', 'False', 'Unknown'),
  reason: fc.constantFrom('Healthy', 'Degraded', 'Errored', 'Unknown'),
  message: fc.string(),
});

test('only the one condition changes, the order is kept, and a second time nothing changes', (t) => {
  fc.assert(
    fc.property(fc.array(anyCondition, { maxLength: 6 }), anyHealth, (conditions, health) => {
      const before = structuredClone(conditions);
      const after = withCondition(conditions, healthyType, health, () => now);
      t.deepEqual(conditions, before, 'what was given is not changed in place');
      const index = conditions.findIndex(({ type }) => type === healthyType);
      const expected = findCondition(after, healthyType);
      t.like(expected, health);
      t.deepEqual(
        after.filter((condition) => condition !== expected),
        conditions.filter((_, each) => each !== index),
      );
      if (expected !== undefined) t.is(after.indexOf(expected), index < 0 ? conditions.length : index);
      t.is(
        withCondition(after, healthyType, health, () => 'later'),
        after,
      );
    }),
  );
});

test('Kubernetes times are in UTC and whole seconds', (t) => {
  t.is(kubernetesTime(Date.UTC(2026, 0, 2, 3, 4, 5, 999)), '2026-01-02T03:04:05Z');
});
