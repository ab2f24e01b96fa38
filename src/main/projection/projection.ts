// What an observation changes about an object, and which transitions are in that change. Pure, and idempotent: projecting
// onto its own result changes nothing. Everything is derived from the object, nothing from what the process remembers, so
// a restart loses and doubles nothing.

import {
  type Condition,
  findCondition,
  type Health,
  healthyType,
  kubernetesTime,
  withCondition,
} from '../../shared/conditions.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';

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

export interface Projection<Watched, Change extends object = object> {
  /** The fields of `status` to write; null when the object shows already what was observed. */
  readonly change: Change | null;
  /** The object with the change; the object itself without one. */
  readonly after: Watched;
  /** Always null for a kind without phases. */
  readonly phaseTransition: PhaseTransition | null;
  readonly healthTransition: HealthTransition | null;
}

/** A merge patch replaces the list as a whole. */
export interface ConditionsChange {
  readonly conditions: readonly Condition[];
}

/** For a kind whose status the monitor writes nothing of but the Healthy condition. */
export function projectHealth<Watched extends WatchedObject>(
  object: Watched,
  health: Health,
  nowMs: number,
): Projection<Watched, ConditionsChange> {
  const conditions = withCondition(object.conditions, healthyType, health, () => kubernetesTime(nowMs));
  if (conditions === object.conditions)
    return { change: null, after: object, phaseTransition: null, healthTransition: null };
  return {
    change: { conditions },
    after: { ...object, conditions },
    phaseTransition: null,
    healthTransition: healthTransition(object, conditions),
  };
}

/** Only a change of status is a transition; reason and message may change without one. */
export function healthTransition(
  object: Pick<WatchedObject, 'conditions' | 'createdAt'>,
  conditions: readonly Condition[],
): HealthTransition | null {
  const before = findCondition(object.conditions, healthyType);
  const after = findCondition(conditions, healthyType);
  if (after === undefined || before?.status === after.status) return null;
  const since = before === undefined ? object.createdAt : Date.parse(before.lastTransitionTime);
  return {
    status: after.status,
    from: before?.reason ?? '',
    to: after.reason,
    message: after.message,
    durationMs: Math.max(0, Date.parse(after.lastTransitionTime) - since),
  };
}

/** True when the conditions of an object show what a change wanted to write, whoever was told so. */
export function showsHealth(stored: readonly Condition[], wanted: readonly Condition[]): boolean {
  const wantedHealth = findCondition(wanted, healthyType);
  const storedHealth = findCondition(stored, healthyType);
  return (
    wantedHealth !== undefined &&
    storedHealth !== undefined &&
    wantedHealth.status === storedHealth.status &&
    wantedHealth.reason === storedHealth.reason &&
    wantedHealth.message === storedHealth.message &&
    wantedHealth.lastTransitionTime === storedHealth.lastTransitionTime
  );
}
