// One Nova server as an observation.

import type { Observation } from '../../shared/observation.ts';
import { cloudTime } from '../openstack/cloud-time.ts';
import { ownerId } from '../openstack/owner-metadata.ts';
import type { NovaServer } from '../openstack/schema.ts';
import { imageId, macAddresses } from '../openstack/server-details.ts';
import { healthCondition } from './health-condition.ts';
import { inTransition, lifecyclePhase, stageOf, unsupportedPowerState } from './lifecycle-phase.ts';

/**
 * A server that was deleted softly shows in lists of changes and in no complete list, so there it counts as deleted. `fault` is
 * undefined when nobody asked for it, null when the server has none.
 */
export function observeServer(
  server: NovaServer,
  fault: string | null | undefined,
  { complete }: { readonly complete: boolean } = { complete: true },
): Observation {
  const status = server.status ?? null;
  const taskState = server['OS-EXT-STS:task_state'] ?? '';
  const taskRuns = taskState !== '';
  const stage = stageOf(status);
  const power = server['OS-EXT-STS:power_state'] ?? 0;
  return {
    providerId: server.id,
    name: server.name ?? null,
    ownerId: ownerId(server.metadata),
    health: healthCondition(status, fault),
    phase: lifecyclePhase(power, taskState),
    unsupportedPowerState: unsupportedPowerState(power),
    stage,
    taskRuns,
    inTransition: inTransition(status, taskRuns),
    partial: isPartial(server),
    deleted: status === 'DELETED' || (status === 'SOFT_DELETED' && !complete),
    createdAtSeconds: seconds(server.created),
    launchedAtSeconds: seconds(server['OS-SRV-USG:launched_at']),
    imageId: imageId(server.image),
    // Before, the port may have an address that it will not keep.
    macAddresses: stage === 'active' ? macAddresses(server.addresses) : null,
    updated: server.updated ?? null,
    ...(fault === undefined ? {} : { fault }),
  };
}

/** Whole seconds, as Nova and Kubernetes keep them. */
function seconds(time: unknown): number | null {
  const at = typeof time === 'string' ? cloudTime(time) : null;
  return at === null ? null : Math.floor(at / 1000);
}

/** Of a server in a cell that is down, Nova knows the id and little else; a name it would always have. */
function isPartial(server: NovaServer): boolean {
  return server.name === undefined;
}
