import test from 'ava';
import * as fc from 'fast-check';
import { projectServer as project } from '../../../../src/main/server-health/status/projection.ts';
import { type StatusChange, shows } from '../../../../src/main/server-health/status/status-change.ts';
import { type Condition, findCondition, type Health } from '../../../../src/shared/conditions.ts';
import type { Observation } from '../../../../src/shared/observation.ts';
import type { ServerRecord } from '../../../../src/shared/server-record.ts';
import { plainRecord } from '../../../fixtures/monitor/plain-record.ts';
import {
  availableCondition,
  createdAt,
  degraded,
  healthy,
  healthyCondition,
  observation,
  serverRecord,
} from '../../../fixtures/monitor/records.ts';

const minute = 60_000;
const nowMs = createdAt + 10 * minute;
const now = '2026-11-22T07:10:00Z';

/** With the definitions of v1.16. What v1.19 adds has tests of its own. */
function projectServer(server: ServerRecord, seen: Observation, nowMs: number) {
  const { change, phaseTransition, healthTransition } = project(server, seen, { profile: 'v1.16', nowMs });
  return { change, phaseTransition, healthTransition };
}

/** The object after the change was written. */
function applied(server: ServerRecord, change: StatusChange | null): ServerRecord {
  const { phase = server.phase, conditions = server.conditions } = change ?? {};
  return { ...server, phase, conditions };
}

test('a change of phase is a transition', (t) => {
  const server = serverRecord({ phase: 'Pending', conditions: [healthyCondition()] });
  t.deepEqual(projectServer(server, observation({ phase: 'Running' }), nowMs), {
    change: { phase: 'Running' },
    phaseTransition: { from: 'Pending', to: 'Running' },
    healthTransition: null,
  });
});

test('what the object shows already is no change', (t) => {
  const server = serverRecord({ phase: 'Running', conditions: [healthyCondition()] });
  t.deepEqual(projectServer(server, observation(), nowMs), {
    change: null,
    phaseTransition: null,
    healthTransition: null,
  });
});

test('a change of health status is a transition, told by reasons, with the time since the one before', (t) => {
  const server = serverRecord({
    conditions: [healthyCondition({ lastTransitionTime: '2026-11-22T07:09:00Z' })],
  });
  t.deepEqual(projectServer(server, observation({ health: degraded }), nowMs), {
    change: { conditions: [{ type: 'Healthy', ...degraded, lastTransitionTime: now }] },
    phaseTransition: null,
    healthTransition: {
      status: 'False',
      from: 'Healthy',
      to: 'Degraded',
      message: 'server is in state SHUTOFF',
      durationMs: minute,
    },
  });
});

test('a clock that went back gives a transition without duration, not one of less than nothing', (t) => {
  const server = serverRecord({
    conditions: [healthyCondition({ lastTransitionTime: '2026-11-22T08:09:00Z' })],
  });
  const { change, healthTransition } = projectServer(server, observation({ health: degraded }), nowMs);
  t.is(healthTransition?.durationMs, 0);
  t.is(change?.conditions?.[0]?.lastTransitionTime, now);
});

test('another reason or message is written, but is no transition', (t) => {
  const server = serverRecord({ conditions: [healthyCondition()] });
  for (const changed of [{ reason: 'Provisioning' as const }, { message: 'other words' }]) {
    const health: Health = { ...healthy, ...changed };
    const projection = projectServer(server, observation({ health }), nowMs);
    t.deepEqual(projection.change, { conditions: [{ ...healthyCondition(), ...changed }] });
    t.is(projection.healthTransition, null);
  }
});

test('the first condition is a transition from nothing, since the creation', (t) => {
  const server = serverRecord({ conditions: [availableCondition] });
  const { change, healthTransition } = projectServer(server, observation(), createdAt + 5 * minute);
  t.deepEqual(change, {
    conditions: [
      availableCondition,
      { type: 'Healthy', ...healthy, lastTransitionTime: '2026-11-22T07:05:00Z' },
    ],
  });
  t.deepEqual(healthTransition, {
    status: 'True',
    from: '',
    to: 'Healthy',
    message: 'server is healthy',
    durationMs: 5 * minute,
  });
});

test('both can change at once, in one write', (t) => {
  const server = serverRecord({ phase: 'Pending', conditions: [healthyCondition()] });
  const projection = projectServer(server, observation({ phase: 'Running', health: degraded }), nowMs);
  t.deepEqual(Object.keys(projection.change ?? {}), ['phase', 'conditions']);
  t.like(projection.phaseTransition, { from: 'Pending', to: 'Running' });
  t.like(projection.healthTransition, { from: 'Healthy', to: 'Degraded' });
});

test('an observation without a phase keeps the one that the object has', (t) => {
  for (const phase of ['Pending', 'Stopping', 'Stopped']) {
    const server = serverRecord({ phase, conditions: [healthyCondition()] });
    t.is(projectServer(server, observation({ phase: null }), nowMs).change, null);
  }
});

test('an object without a phase is Pending at least', (t) => {
  const server = serverRecord({ phase: '', conditions: [healthyCondition()] });
  t.deepEqual(projectServer(server, observation({ phase: null }), nowMs), {
    change: { phase: 'Pending' },
    phaseTransition: { from: '', to: 'Pending' },
    healthTransition: null,
  });
  t.deepEqual(projectServer(server, observation({ phase: 'Running' }), nowMs).phaseTransition, {
    from: '',
    to: 'Running',
  });
});

test('a change stands in an object that shows it, whatever others wrote beside it', (t) => {
  const server = serverRecord({ phase: 'Pending', conditions: [] });
  const { change } = projectServer(server, observation({ health: degraded }), nowMs);
  if (change === null) throw new Error('there is something to change');
  t.false(shows(server, change));
  const written = applied(server, change);
  t.true(shows(written, change));
  t.true(shows({ ...written, conditions: [availableCondition, ...written.conditions] }, change));
  t.false(shows({ ...written, phase: 'Stopping' }, change));
  t.false(shows({ ...written, conditions: [availableCondition] }, change));
});

test('a change stands only with its own time: the same health seen anew is another change', (t) => {
  const change = { conditions: [healthyCondition({ lastTransitionTime: now })] };
  t.false(shows(serverRecord({ conditions: [healthyCondition()] }), change));
});

const phases = ['', 'Pending', 'Running', 'Stopping', 'Stopped', 'Queued'];
function typesOf({ conditions }: ServerRecord): string[] {
  return conditions.map(({ type }) => type);
}

function othersOf({ conditions }: ServerRecord): Condition[] {
  return conditions.filter(({ type }) => type !== 'Healthy');
}

const anyCondition: fc.Arbitrary<Condition> = plainRecord({
  type: fc.constantFrom('Healthy', 'Available', 'Ready'),
  status: fc.constantFrom('True', 'False', 'Unknown'),
  reason: fc.constantFrom('Healthy', 'Degraded', 'Errored', 'Provisioned'),
  message: fc.constantFrom('', 'server is healthy', 'other words'),
  lastTransitionTime: fc.constantFrom('2026-11-22T07:00:30Z', '2026-11-22T07:09:59Z'),
});
const anyServer = plainRecord({
  phase: fc.constantFrom(...phases),
  conditions: fc.uniqueArray(anyCondition, { selector: ({ type }) => type }),
}).map(serverRecord);
const anyObservation: fc.Arbitrary<Observation> = plainRecord({
  phase: fc.constantFrom('Pending' as const, 'Running' as const, 'Stopped' as const, null),
  health: plainRecord({
    status: fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const),
    reason: fc.constantFrom('Healthy' as const, 'Degraded' as const, 'Errored' as const),
    message: fc.constantFrom('server is healthy', 'other words'),
  }),
}).map(observation);

test('projecting onto its own result changes nothing', (t) => {
  fc.assert(
    fc.property(anyServer, anyObservation, fc.nat(86_400_000), (server, seen, laterMs) => {
      const { change } = projectServer(server, seen, nowMs);
      const again = projectServer(applied(server, change), seen, nowMs + laterMs);
      t.deepEqual(again, { change: null, phaseTransition: null, healthTransition: null });
    }),
  );
});

test('only the Healthy condition is touched, and its time moves exactly with its status', (t) => {
  fc.assert(
    fc.property(anyServer, anyObservation, (server, seen) => {
      const { change, healthTransition } = projectServer(server, seen, nowMs);
      const after = applied(server, change);
      t.deepEqual(othersOf(after), othersOf(server));
      t.deepEqual(typesOf(after).slice(0, server.conditions.length), typesOf(server));

      const before = findCondition(server.conditions, 'Healthy');
      const condition = findCondition(after.conditions, 'Healthy');
      t.like(condition, seen.health);
      const moved = before?.status !== condition?.status;
      t.is(condition?.lastTransitionTime, moved ? now : before?.lastTransitionTime);
      t.is(healthTransition !== null, moved);
      t.true(healthTransition === null || healthTransition.durationMs % 1_000 === 0);
    }),
  );
});

test('a transition of phase is told exactly when the phase changes', (t) => {
  fc.assert(
    fc.property(anyServer, anyObservation, (server, seen) => {
      const { change, phaseTransition } = projectServer(server, seen, nowMs);
      const after = applied(server, change);
      t.deepEqual(
        phaseTransition,
        after.phase === server.phase ? null : { from: server.phase, to: after.phase },
      );
      t.not(after.phase, '');
    }),
  );
});

test('a change shows exactly in the object that it was applied to', (t) => {
  fc.assert(
    fc.property(anyServer, anyObservation, (server, seen) => {
      const { change } = projectServer(server, seen, nowMs);
      if (change === null) return;
      t.true(shows(applied(server, change), change));
      t.false(shows(server, change));
    }),
  );
});
