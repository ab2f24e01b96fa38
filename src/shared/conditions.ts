// Conditions of a Server's status, and the rules for updating them.

type ConditionStatus = 'True' | 'False' | 'Unknown';

/** The reasons that the monitor gives; the definition's enum has more, written by others. */
export type HealthReason = 'Healthy' | 'Degraded' | 'Errored' | 'Unknown' | 'Provisioning' | 'Deprovisioning';

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  /** RFC 3339, seconds. */
  lastTransitionTime: string;
}

export interface Health {
  status: ConditionStatus;
  reason: HealthReason;
  message: string;
}

export const healthyType = 'Healthy';

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

/**
 * The conditions with `type` set to `health`, or the same array when nothing differs. As Kubernetes defines it,
 * lastTransitionTime moves with the status only, not with reason or message. The order is kept: others own the rest.
 * `now` is asked for only when it is needed: most servers do not change, and writing a time takes longer than all else.
 */
export function withCondition(
  conditions: readonly Condition[],
  type: string,
  health: Health,
  now: () => string,
): readonly Condition[] {
  const old = findCondition(conditions, type);
  if (old?.status === health.status && old.reason === health.reason && old.message === health.message)
    return conditions;
  // The API server stores U+FFFD for what is not Unicode: written as it came, it would differ at each poll.
  if (!health.message.isWellFormed())
    return withCondition(conditions, type, { ...health, message: health.message.toWellFormed() }, now);
  if (old === undefined) return [...conditions, { type, ...health, lastTransitionTime: now() }];
  const lastTransitionTime = old.status === health.status ? old.lastTransitionTime : now();
  return conditions.map((condition) =>
    condition === old ? { type, ...health, lastTransitionTime } : condition,
  );
}

/** Wall time as Kubernetes writes it: RFC 3339 in UTC, whole seconds. */
export function kubernetesTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
