// One Nova server as an observation.

import type { Observation } from '../../shared/observation.ts';
import { ownerId } from '../openstack/owner-metadata.ts';
import type { NovaServer } from '../openstack/schema.ts';
import { healthCondition } from './health-condition.ts';
import { inTransition, lifecyclePhase, unsupportedPowerState } from './lifecycle-phase.ts';

/** `fault` is undefined when nobody asked for it, null when the server has none. */
export function observeServer(server: NovaServer, fault: string | null | undefined): Observation {
  const status = server.status ?? null;
  const power = server['OS-EXT-STS:power_state'] ?? 0;
  return {
    providerId: server.id,
    name: server.name ?? null,
    ownerId: ownerId(server.metadata),
    health: healthCondition(status, fault ?? null),
    phase: lifecyclePhase(power, server['OS-EXT-STS:task_state'] ?? null),
    unsupportedPowerState: unsupportedPowerState(power),
    inTransition: inTransition(status, server['OS-EXT-STS:task_state'] ?? null),
    partial: isPartial(server),
    deleted: status === 'DELETED',
    updated: server.updated ?? null,
    ...(fault === undefined ? {} : { fault }),
  };
}

/** Of a server in a cell that is down, Nova knows the id and little else; a name it would always have. */
export function isPartial(server: NovaServer): boolean {
  return server.name === undefined;
}
