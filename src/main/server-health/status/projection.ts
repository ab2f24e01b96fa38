// What one observation changes about one Server object.

import { healthyType, kubernetesTime, withCondition } from '../../../shared/conditions.ts';
import type { Observation } from '../../../shared/observation.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Profile } from '../../kubernetes/objects/profile.ts';
import { healthTransition, type Projection } from '../../projection/projection.ts';
import { type BootDurations, bootDurations } from './boot-durations.ts';
import { observedStatus } from './observed-status.ts';
import { type StatusChange, statusChange } from './status-change.ts';

export interface ServerProjection extends Projection<ServerRecord, StatusChange> {
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
): ServerProjection {
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
