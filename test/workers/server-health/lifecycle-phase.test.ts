import test from 'ava';
import type { Phase } from '../../../src/shared/server-record.ts';
import {
  inTransition,
  lifecyclePhase,
  unsupportedPowerState,
} from '../../../src/workers/server-health/lifecycle-phase.ts';

const table: [
  power: number,
  task: string | null,
  phase: Phase | null,
  unsupported: 'PAUSED' | 'SUSPENDED' | null,
][] = [
  [0, null, null, null],
  [1, null, 'Running', null],
  [1, 'rebooting', 'Running', null],
  [1, 'powering-on', 'Running', null],
  [1, 'powering-off', null, null],
  [2, null, null, null],
  [3, null, null, 'PAUSED'],
  [4, null, 'Stopped', null],
  [4, 'powering-off', 'Stopped', null],
  [4, 'powering-on', null, null],
  [5, null, null, null],
  [6, null, null, null],
  [7, null, null, 'SUSPENDED'],
  [99, null, null, null],
  [-1, null, null, null],
];

for (const [power, task, phase, unsupported] of table) {
  test(`power state ${power} while ${task ?? 'nothing goes on'}`, (t) => {
    t.is(lifecyclePhase(power, task ?? ''), phase);
    t.is(unsupportedPowerState(power), unsupported);
  });
}

test('a server is in transition while a task runs, and in statuses that pass by themselves', (t) => {
  t.true(inTransition('ACTIVE', true));
  for (const status of ['BUILD', 'REBUILD', 'REBOOT', 'RESIZE', 'MIGRATING'])
    t.true(inTransition(status, false), status);
  for (const status of ['ACTIVE', 'SHUTOFF', 'ERROR', 'PAUSED', 'VERIFY_RESIZE', 'NEW', null]) {
    t.false(inTransition(status, false), String(status));
  }
});
