// Nova's power state to the Server object's phase, and its status to the stage that the server is in.

import type { Observation, Stage } from '../../shared/observation.ts';
import type { Phase } from '../../shared/server-record.ts';

/** Nova's power states that mean something here; 0 (no state), 6 (crashed) and unknown ones keep the phase. */
const powerState = { running: 1, paused: 3, shutdown: 4, suspended: 7 } as const;

/**
 * The phase, or null to keep the one that the object has. While Nova still powers a server off or on, its power
 * state is the old one: believing it would throw a server that a user just stopped from Stopping back to Running.
 */
export function lifecyclePhase(power: number, taskState: string): Phase | null {
  if (power === powerState.running) return taskState === 'powering-off' ? null : 'Running';
  if (power === powerState.shutdown) return taskState === 'powering-on' ? null : 'Stopped';
  return null;
}

const stages: ReadonlyMap<string | null, Stage> = new Map([
  ['BUILD', 'building'],
  ['REBUILD', 'rebuilding'],
  ['ACTIVE', 'active'],
  ['ERROR', 'failed'],
]);

export function stageOf(status: string | null): Stage {
  return stages.get(status) ?? 'other';
}

/** Statuses that Nova leaves by itself. */
const passing: ReadonlySet<string> = new Set([
  'BUILD',
  'REBUILD',
  'REBOOT',
  'HARD_REBOOT',
  'RESIZE',
  'REVERT_RESIZE',
  'MIGRATING',
  'PASSWORD',
]);

/** Whether the server will soon be different. */
export function inTransition(status: string | null, taskRuns: boolean): boolean {
  return taskRuns || (status !== null && passing.has(status));
}

/** Power states that no phase stands for, yet worth a log line. */
export function unsupportedPowerState(power: number): Observation['unsupportedPowerState'] {
  if (power === powerState.paused) return 'PAUSED';
  if (power === powerState.suspended) return 'SUSPENDED';
  return null;
}
