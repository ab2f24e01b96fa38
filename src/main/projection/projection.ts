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
import type { Profile } from '../kubernetes/objects/profile.ts';
import { type BootDurations, bootDurations } from './boot-durations.ts';
import { observedStatus } from './observed-status.ts';
import { type StatusChange, statusChange } from './status-change.ts';

export interface PhaseTransition {
  /** "" when the object had no phase yet. */
  readonly from: string;
  readonly to: string;
}

export interface HealthTransition {
  /** The condition's new status: True, False or Unknown. */
  readonly status: string;
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
  /** The object with the change; the object itself without one. */
  readonly after: ServerRecord;
  readonly phaseTransition: PhaseTransition | null;
  readonly healthTransition: HealthTransition | null;
  /** What the write is the first to show of the server's boot; null on v1.16, which measures by an annotation. */
  readonly boot: BootDurations | null;
}

export interface ProjectionOptions {
  readonly profile: Profile;
  readonly nowMs: number;
}

export function projectServer(
  server: ServerRecord,
  observation: Observation,
  { profile, nowMs }: ProjectionOptions,
): Projection {
  const { health, ...fields } = observedStatus(server, observation, profile);
  const conditions = withCondition(server.conditions, healthyType, health, () => kubernetesTime(nowMs));
  const change = statusChange(server, { ...fields, conditions });
  if (change === null)
    return { change, after: server, phaseTransition: null, healthTransition: null, boot: null };
  const after: ServerRecord = { ...server, ...fields, conditions };
  return {
    change,
    after,
    phaseTransition: after.phase === server.phase ? null : { from: server.phase, to: after.phase },
    healthTransition: healthTransition(server, conditions),
    boot: profile === 'v1.16' ? null : bootDurations(server, after, nowMs),
  };
}

/** Only a change of status is a transition; reason and message may change without one. */
function healthTransition(server: ServerRecord, conditions: readonly Condition[]): HealthTransition | null {
  const before = findCondition(server.conditions, healthyType);
  const after = findCondition(conditions, healthyType);
  if (after === undefined || before?.status === after.status) return null;
  const since = before === undefined ? server.createdAt : Date.parse(before.lastTransitionTime);
  return {
    status: after.status,
    from: before?.reason ?? '',
    to: after.reason,
    message: after.message,
    durationMs: Math.max(0, Date.parse(after.lastTransitionTime) - since),
  };
}
