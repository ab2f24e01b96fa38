// What one observation changes about one Server object, and what that change means. Pure, and idempotent: projecting onto
// its own result changes nothing. Everything is derived from the object, nothing from what the process remembers, so a
// restart loses and doubles nothing.

import {
  type Condition,
  findCondition,
  healthyType,
  kubernetesTime,
  withCondition,
} from '../../shared/conditions.ts';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';

/** The fields of `status` to write; the others stay as they are. A merge patch replaces `conditions` as a whole. */
export interface StatusChange {
  readonly phase?: string;
  readonly conditions?: readonly Condition[];
}

export interface PhaseTransition {
  /** "" when the object had no phase yet. */
  readonly from: string;
  readonly to: string;
}

export interface HealthTransition {
  /** Reason before; "" when the object had no Healthy condition yet. */
  readonly from: string;
  readonly to: string;
  /** The condition's new message. */
  readonly message: string;
  /** Time since the status changed before, or since the object was created. Whole seconds; 0 when the clock went back. */
  readonly durationMs: number;
}

export interface Projection {
  /** Null when the object shows already what was observed. */
  readonly change: StatusChange | null;
  readonly phaseTransition: PhaseTransition | null;
  readonly healthTransition: HealthTransition | null;
}

export function projectServer(server: ServerRecord, observation: Observation, nowMs: number): Projection {
  const phase = observation.phase ?? (server.phase === '' ? 'Pending' : server.phase);
  const conditions = withCondition(server.conditions, healthyType, observation.health, () =>
    kubernetesTime(nowMs),
  );
  const change: StatusChange = {
    ...(phase === server.phase ? {} : { phase }),
    ...(conditions === server.conditions ? {} : { conditions }),
  };
  return {
    change: Object.keys(change).length === 0 ? null : change,
    phaseTransition: phase === server.phase ? null : { from: server.phase, to: phase },
    healthTransition: healthTransition(server, conditions),
  };
}

/** Only a change of status is a transition; reason and message may change without one. */
function healthTransition(server: ServerRecord, conditions: readonly Condition[]): HealthTransition | null {
  const before = findCondition(server.conditions, healthyType);
  const after = findCondition(conditions, healthyType);
  if (after === undefined || before?.status === after.status) return null;
  const since = before === undefined ? server.createdAt : Date.parse(before.lastTransitionTime);
  return {
    from: before?.reason ?? '',
    to: after.reason,
    message: after.message,
    durationMs: Math.max(0, Date.parse(after.lastTransitionTime) - since),
  };
}

/** True when the object shows what a change wanted to write: the change stands, whoever was told so. */
export function shows(server: ServerRecord, change: StatusChange): boolean {
  if (change.phase !== undefined && change.phase !== server.phase) return false;
  if (change.conditions === undefined) return true;
  const wanted = findCondition(change.conditions, healthyType);
  const stored = findCondition(server.conditions, healthyType);
  return (
    wanted !== undefined &&
    stored !== undefined &&
    wanted.status === stored.status &&
    wanted.reason === stored.reason &&
    wanted.message === stored.message &&
    wanted.lastTransitionTime === stored.lastTransitionTime
  );
}
