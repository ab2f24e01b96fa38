import test from 'ava';
import type { Phase } from '../../src/shared/server-record.ts';
import { lifecyclePhase, unsupportedPowerState } from '../../src/workers/lifecycle-phase.ts';

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
    t.is(lifecyclePhase(power, task), phase);
    t.is(unsupportedPowerState(power), unsupported);
  });
}
