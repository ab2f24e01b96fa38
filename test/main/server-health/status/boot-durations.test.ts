import test from 'ava';
import {
  type BootDurations,
  bootDurations,
} from '../../../../src/main/server-health/status/boot-durations.ts';
import type { ServerRecord } from '../../../../src/shared/server-record.ts';
import { createdAt, serverRecord } from '../../../fixtures/monitor/records.ts';

const at = (seconds: number) => createdAt / 1000 + seconds;
const nowMs = createdAt + 300_000;
type After = Parameters<typeof bootDurations>[1];

function after(changes: Partial<After>): After {
  return {
    phase: 'Running',
    scheduledAtSeconds: null,
    launchedAtSeconds: null,
    provisionedAtSeconds: null,
    ...changes,
  };
}
const booted = { scheduledAtSeconds: at(10), launchedAtSeconds: at(120), provisionedAtSeconds: at(120) };
const measured = (seconds: number) => ({ kind: 'measured', seconds }) as const;
const both: BootDurations = { provision: measured(120), scheduling: measured(10) };
const none: BootDurations = { provision: null, scheduling: null };

const rows: [name: string, before: Partial<ServerRecord>, after: After, wanted: BootDurations][] = [
  ['Pending to Running', { phase: 'Pending' }, after(booted), both],
  ['no phase to Running', { phase: '' }, after(booted), both],
  ['Queued to Running', { phase: 'Queued', scheduledAtSeconds: at(10) }, after(booted), both],
  ['polled once in BUILD', { phase: 'Building', scheduledAtSeconds: at(10) }, after(booted), both],
  [
    'launched before there is a power state',
    { phase: 'Building' },
    after({ ...booted, phase: 'Building' }),
    both,
  ],
  ['and not again when that comes', { ...booted, phase: 'Building' }, after(booted), none],
  [
    'booted and stopped between two polls',
    { phase: 'Pending' },
    after({ ...booted, phase: 'Stopped' }),
    both,
  ],
  ['started again after its first boot', { ...booted, phase: 'Pending' }, after(booted), none],
  [
    'launched again by a rebuild',
    { ...booted, phase: 'Building' },
    after({ ...booted, launchedAtSeconds: at(900) }),
    none,
  ],
  [
    'launched before the latch existed',
    { phase: 'Pending', scheduledAtSeconds: at(10), launchedAtSeconds: at(120) },
    after(booted),
    none,
  ],
  ['running before the fields existed', { phase: 'Running' }, after(booted), none],
  ['stopped before the fields existed', { phase: 'Stopped' }, after({ ...booted, phase: 'Stopped' }), none],
  [
    'being stopped when the fields came',
    { phase: 'Stopping' },
    after({ ...booted, phase: 'Stopping' }),
    none,
  ],
  ['without times', { phase: 'Pending' }, after({}), none],
  [
    'a phase in between',
    { phase: 'Pending' },
    after({ phase: 'Building', scheduledAtSeconds: at(10) }),
    none,
  ],
  [
    'running, and the cloud does not say since when',
    { phase: 'Pending' },
    after({ scheduledAtSeconds: at(10) }),
    { provision: null, scheduling: measured(10) },
  ],
  [
    'the same after a poll in BUILD',
    { phase: 'Building', scheduledAtSeconds: at(10) },
    after({ scheduledAtSeconds: at(10) }),
    { provision: null, scheduling: measured(10) },
  ],
  [
    'and not when it is started again',
    { phase: 'Pending', scheduledAtSeconds: at(10) },
    after({ scheduledAtSeconds: at(10) }),
    none,
  ],
];

for (const [name, before, written, wanted] of rows) {
  test(`durations of a boot: ${name}`, (t) => {
    t.deepEqual(bootDurations(serverRecord(before), written, nowMs), wanted);
  });
}

test('a server that the cloud launched before it was asked for: clocks differ', (t) => {
  const skewed = { ...booted, launchedAtSeconds: at(-30), provisionedAtSeconds: at(-30) };
  t.deepEqual(bootDurations(serverRecord({ phase: 'Pending' }), after(skewed), nowMs), {
    provision: { kind: 'clock-skew', at: '2026-11-22T06:59:30Z', createdAt: '2026-11-22T07:00:00Z' },
    scheduling: measured(10),
  });
});

test('an object of v1.16 that is Pending because its server was started again', (t) => {
  const server = serverRecord({ phase: 'Pending', pendingEntryTime: '2026-11-22T07:04:00Z' });
  t.deepEqual(bootDurations(server, after(booted), nowMs), none);
});

test('an object of v1.16 whose first boot comes with the new fields', (t) => {
  const server = serverRecord({ phase: 'Pending', pendingEntryTime: '2026-11-22T07:00:30Z' });
  t.deepEqual(bootDurations(server, after(booted), nowMs), both);
  // Long ago, for reasons of its own Pending ever since.
  t.deepEqual(bootDurations(server, after(booted), nowMs + 24 * 3_600_000), none);
});
