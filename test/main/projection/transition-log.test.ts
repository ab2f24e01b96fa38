import test from 'ava';
import { TransitionLog } from '../../../src/main/projection/transition-log.ts';
import { DurationLog } from '../../../src/main/server-health/status/duration-log.ts';
import { serverWords } from '../../../src/main/server-health/status/server-fields.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import { createdAt, serverRecord } from '../../fixtures/monitor/records.ts';

const server = serverRecord({ name: 'web' });
const keys = { instance_id: 'web', org_id: 'organization-1', region_id: 'region-1' };

function setUp(nowMs = createdAt) {
  const log = new RecordedLog();
  const heard: string[] = [];
  const listener = {
    phase: (resource: string, _: unknown, { to }: { to: string }) => heard.push(`${resource} ${to}`),
    health: (resource: string, _: unknown, { to }: { to: string }) => heard.push(`${resource} ${to}`),
  };
  const clock = { now: () => nowMs };
  const listeners = [listener, listener];
  const transitions = new TransitionLog({ words: serverWords, logger: log, listeners, clock });
  return { log, heard, transitions, durations: new DurationLog(log) };
}

test('a phase transition has the original’s message and keys, and all listeners hear of it', (t) => {
  const { log, heard, transitions } = setUp(createdAt + 1_500.7);
  transitions.phase(server, { from: 'Pending', to: 'Running' });
  t.deepEqual(log.lines, [
    {
      level: 'info',
      msg: 'instance phase transition',
      fields: {
        ...keys,
        from_phase: 'Pending',
        to_phase: 'Running',
        time_since_creation_ms: 1_500,
        instance_name: 'display-web',
      },
    },
  ]);
  t.deepEqual(heard, ['servers Running', 'servers Running']);
});

test('a kind without phases has no line for one', (t) => {
  const log = new RecordedLog();
  const { phaseTransition: _, ...words } = serverWords;
  const transitions = new TransitionLog({
    words,
    logger: log,
    listeners: [],
    clock: { now: () => createdAt },
  });
  transitions.phase(server, { from: 'Pending', to: 'Running' });
  t.deepEqual(log.lines, []);
});

test('a server that was made in the future has no negative age', (t) => {
  const { log, transitions } = setUp(createdAt - 5_000);
  transitions.phase(serverRecord({ regionId: undefined }), { from: '', to: 'Running' });
  t.like(log.lines[0]?.fields, { time_since_creation_ms: 0, region_id: '' });
});

test('a health transition has the original’s message and keys, and all listeners hear of it', (t) => {
  const { log, heard, transitions } = setUp();
  transitions.health(server, {
    from: 'Healthy',
    to: 'Errored',
    status: 'False',
    durationMs: 3_000,
    message: 'no valid host',
  });
  t.deepEqual(log.lines, [
    {
      level: 'info',
      msg: 'instance state transition',
      fields: {
        ...keys,
        from_state: 'Healthy',
        to_state: 'Errored',
        duration_ms: 3_000,
        instance_name: 'display-web',
        message: 'no valid host',
      },
    },
  ]);
  t.deepEqual(heard, ['servers Errored', 'servers Errored']);
});

test('durations that cannot be measured say why', (t) => {
  const { log, durations } = setUp();
  durations.invalidPendingTime(server, 'yester"day');
  durations.clockSkew(server, '2026-11-22T07:00:00Z');
  durations.bootClockSkew(server, { created_at: 'then', launched_at: 'before' });
  const skewed = 'skipping duration metric: negative duration (clock skew?)';
  t.deepEqual(log.lines, [
    {
      level: 'error',
      msg: 'skipping provision duration: invalid pending-entry-time annotation',
      error: 'cannot parse "yester\\"day" as an RFC 3339 time',
      fields: keys,
    },
    { level: 'info', msg: skewed, fields: { ...keys, pending_entry_time: '2026-11-22T07:00:00Z' } },
    { level: 'info', msg: skewed, fields: { ...keys, created_at: 'then', launched_at: 'before' } },
  ]);
});
