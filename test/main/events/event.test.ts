// What a transition says as an Event, and that no field of it is longer than the API server takes.

import test from 'ava';
import {
  eventName,
  eventObject,
  healthHappening,
  phaseHappening,
  seriesOf,
} from '../../../src/main/events/event.ts';
import type { HealthTransition } from '../../../src/main/projection/projection.ts';

const regarding = { kind: 'Server', namespace: 'region', name: 'web', uid: 'u-1' } as const;
const health = (changes: Partial<HealthTransition> = {}): HealthTransition => ({
  status: 'False',
  from: 'Healthy',
  to: 'Errored',
  message: 'server is in error state: no valid host',
  durationMs: 60_000,
  ...changes,
});
const once = { count: 1, firstMs: Date.UTC(2026, 10, 27, 7, 1, 2, 3), lastMs: 0 };
const named = { name: 'web.1', instance: 'pod-1', occurrences: once };

test('a health transition: what the condition says, and what it said before', (t) => {
  t.deepEqual(eventObject(healthHappening(regarding, health()), named), {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: 'web.1', namespace: 'region' },
    eventTime: '2026-11-27T07:01:02.003000Z',
    reportingController: 'unikorn-cloud.org/region-monitor',
    reportingInstance: 'pod-1',
    action: 'UpdateHealth',
    reason: 'Errored',
    regarding: {
      apiVersion: 'region.unikorn-cloud.org/v1alpha1',
      kind: 'Server',
      namespace: 'region',
      name: 'web',
      uid: 'u-1',
    },
    note: 'server is in error state: no valid host (was Healthy)',
    type: 'Warning',
  });
});

for (const [status, type] of [
  ['True', 'Normal'],
  ['False', 'Warning'],
  ['Unknown', 'Normal'],
] as const)
  test(`health ${status} is ${type}`, (t) => {
    t.is(healthHappening(regarding, health({ status })).type, type);
  });

test('the first of an object says nothing of before', (t) => {
  t.is(healthHappening(regarding, health({ from: '', message: 'it is well' })).note, 'it is well');
  t.is(phaseHappening(regarding, { from: '', to: 'Pending' }).note, 'phase is Pending');
});

test('a phase transition is Normal', (t) => {
  t.like(phaseHappening(regarding, { from: 'Pending', to: 'Running' }), {
    type: 'Normal',
    action: 'UpdatePhase',
    reason: 'Running',
    note: 'phase is Running (was Pending)',
  });
});

test('no field is longer than the API server takes, and the past stays', (t) => {
  for (const letter of ['x', 'ü', '語', '🜁', '\uD800']) {
    const happening = healthHappening(
      regarding,
      health({ message: letter.repeat(3_000), from: letter.repeat(300), to: letter.repeat(300) }),
    );
    const object = eventObject(happening, { ...named, instance: letter.repeat(300) });
    const { note, reason, reportingInstance } = { note: '', reason: '', reportingInstance: '', ...object };
    t.true(Buffer.byteLength(note) <= 1024 && Buffer.byteLength(note) > 1000, letter);
    t.true(Buffer.byteLength(reason) <= 128 && reason.length > 20, letter);
    t.true(Buffer.byteLength(reportingInstance) <= 128 && reportingInstance.length > 20, letter);
    t.regex(note, /… \(was .+…\)$/u, letter);
    t.true(note.isWellFormed(), letter);
  }
});

test('names are of their object, valid, and different', (t) => {
  const names = ['web', 'a'.repeat(253), `${'a'.repeat(235)}.${'b'.repeat(17)}`].flatMap((name) => {
    const object = { ...regarding, name };
    return [eventName(object), eventName(object)];
  });
  for (const name of names) {
    t.regex(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    t.true(name.length <= 253);
  }
  t.is(new Set(names).size, names.length);
  t.true(names[0]?.startsWith('web.'));
});

test('a series begins with the second time', (t) => {
  t.deepEqual(seriesOf({ count: 1, firstMs: 0, lastMs: 0 }), {});
  t.deepEqual(seriesOf({ count: 2, firstMs: 0, lastMs: Date.UTC(2026, 0, 1) }), {
    series: { count: 2, lastObservedTime: '2026-01-01T00:00:00.000000Z' },
  });
});
