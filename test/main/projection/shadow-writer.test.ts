import test from 'ava';
import type { ChangeListener } from '../../../src/main/kubernetes/objects/resource-store.ts';
import { RecentTransitions } from '../../../src/main/projection/recent-transitions.ts';
import { ShadowWriter } from '../../../src/main/projection/shadow-writer.ts';
import { serverFields } from '../../../src/main/server-health/status/server-fields.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import {
  degraded,
  healthy,
  healthyCondition,
  observation,
  serverRecord,
} from '../../fixtures/monitor/records.ts';
import { serverKind } from '../../fixtures/monitor/server-kind.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

function setUp() {
  const log = new RecordedLog();
  const counted: string[] = [];
  const listeners: ChangeListener<ServerRecord>[] = [];
  const clock = new ScriptedClock();
  const transitions = new RecentTransitions(clock);
  const writer = new ShadowWriter({
    objects: {
      onChange: (listener) => {
        listeners.push(listener);
        return () => {};
      },
    },
    kind: serverKind({ clock }),
    logger: log,
    fields: serverFields,
    transitions,
    metrics: { shadowWrite: (kind) => counted.push(kind) },
  });
  const signal = new AbortController().signal;
  return {
    log,
    counted,
    writer,
    transitions,
    deleted: (record: ServerRecord) => {
      for (const listener of listeners) listener({ type: 'delete', record, previous: record });
    },
    changed: (record: ServerRecord, previous: ServerRecord) => {
      for (const listener of listeners) listener({ type: 'put', record, previous });
    },
    /** As the projector does it: a writer is asked to write only when it is not idle. */
    see: async (server: ServerRecord, seen: Observation) => {
      if (writer.isIdle(server, seen)) return server;
      const written = await writer.write({ object: server, observation: seen, signal });
      return written.kind === 'stands' ? written.object : null;
    },
  };
}

const running = serverRecord({ conditions: [healthyCondition()] });
const stopped = observation({ phase: 'Stopped', health: degraded });

test('what differs is told once, and the server comes back as it would be', async (t) => {
  const { see, counted, log } = setUp();
  const after = await see(running, stopped);
  t.is(after?.phase, 'Stopped');
  t.is(after?.conditions[0]?.reason, 'Degraded');
  await see(running, stopped);
  t.deepEqual(counted, ['status']);
  t.deepEqual(log.take(), ['shadow: would write status']);
});

test('what is as it should be is no news', async (t) => {
  const { see, counted, writer } = setUp();
  t.true(writer.isIdle(running, observation()));
  t.is(await see(running, observation()), running);
  t.deepEqual(counted, []);
});

test('each further state is a write of its own', async (t) => {
  const { see, counted } = setUp();
  await see(running, stopped);
  await see(running, observation({ phase: 'Stopping', health: degraded }));
  await see(running, observation({ phase: 'Stopping', health: { ...degraded, message: 'another' } }));
  t.is(counted.length, 3);
});

test('what went back, or was written by another, is told anew when it comes again', async (t) => {
  const { see, counted, writer } = setUp();
  await see(running, stopped);
  await see(running, observation());
  t.true(writer.isIdle(running, observation()), 'it is as it should be again');
  await see(running, stopped);
  t.is(counted.length, 2);
});

test('the annotation is a write beside the status, and is told by itself', async (t) => {
  const { see, counted, log } = setUp();
  const fresh = serverRecord({ phase: '' });
  const building = observation({ phase: null, health: { ...healthy, reason: 'Provisioning' } });
  const after = await see(fresh, building);
  t.is(after?.phase, 'Pending');
  t.not(after?.pendingEntryTime, undefined);
  t.deepEqual(counted, ['status', 'annotation']);
  const msg = 'shadow: would write pending-entry annotation';
  t.like(log.lines.at(-1), { msg, fields: { change: 'stamp' } });
  // Another monitor wrote the status, and not yet the annotation.
  await see(serverRecord({ phase: 'Pending', conditions: after?.conditions ?? [] }), building);
  t.deepEqual(counted, ['status', 'annotation']);
  await see(serverRecord({ phase: 'Pending', pendingEntryTime: '2026-05-01T10:00:00Z' }), observation());
  t.like(log.lines.at(-1), { msg, fields: { change: 'remove' } });
});

test('what was told of a server outlasts its changes, but not its replacement by another of its name', async (t) => {
  const { see, changed, writer } = setUp();
  await see(running, stopped);
  changed({ ...running, displayName: 'renamed' }, running);
  t.false(writer.isIdle(running, observation()));
  changed({ ...running, uid: 'another' }, running);
  t.true(writer.isIdle(running, observation()));
});

test('of a server that is deleted nothing is kept', async (t) => {
  const { see, counted, deleted, writer } = setUp();
  await see(running, stopped);
  t.false(writer.isIdle(running, observation()), 'what was told is to be settled');
  deleted(running);
  t.true(writer.isIdle(running, observation()));
  t.deepEqual(counted, ['status']);
});

test('transitions are in the line of a write and among the latest; a change without one has none', async (t) => {
  const { see, log, transitions } = setUp();
  await see(running, stopped);
  t.like(transitions.newestFirst(), [
    { kind: 'health', name: 'server-1', from: 'Healthy', to: 'Degraded' },
    { kind: 'phase', name: 'server-1', from: 'Running', to: 'Stopped' },
  ]);
  await see(running, observation({ health: { ...healthy, message: 'another' } }));
  t.is(transitions.newestFirst().length, 2);
  t.deepEqual(
    log.lines.map(({ fields }) => fields),
    [
      {
        ...serverFields(running),
        from_phase: 'Running',
        to_phase: 'Stopped',
        from_state: 'Healthy',
        to_state: 'Degraded',
        message: degraded.message,
        instance_name: running.displayName,
      },
      { ...serverFields(running), message: 'another', instance_name: running.displayName },
    ],
  );
});
