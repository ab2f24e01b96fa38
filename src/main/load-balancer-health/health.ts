// What the statuses of a load balancer say of its health.

import type { Health } from '../../shared/conditions.ts';
import type { LoadBalancerObservation } from '../../shared/load-balancer-health.ts';

/** Statuses that say all, whatever the other one is. */
const byProvisioning: Readonly<Record<string, Health>> = {
  ERROR: { status: 'False', reason: 'Errored', message: 'load balancer is in an error state' },
  PENDING_CREATE: { status: 'False', reason: 'Provisioning', message: 'load balancer is being created' },
  PENDING_DELETE: { status: 'False', reason: 'Deprovisioning', message: 'load balancer is being deleted' },
  DELETED: { status: 'False', reason: 'Deprovisioning', message: 'load balancer is deleted' },
};

/** Of one that is provisioned, also while it is changed. */
const byOperating: Readonly<Record<string, Health>> = {
  ONLINE: { status: 'True', reason: 'Healthy', message: 'load balancer is online' },
  DRAINING: { status: 'True', reason: 'Healthy', message: 'load balancer is draining' },
  NO_MONITOR: { status: 'True', reason: 'Healthy', message: 'load balancer has no health monitor' },
  OFFLINE: { status: 'False', reason: 'Degraded', message: 'load balancer is offline' },
  DEGRADED: { status: 'False', reason: 'Degraded', message: 'load balancer is degraded' },
  ERROR: { status: 'False', reason: 'Errored', message: 'load balancer does not work: all its members fail' },
};

const provisioned: ReadonlySet<string> = new Set(['ACTIVE', 'PENDING_UPDATE']);

export function loadBalancerHealth({
  provisioningStatus,
  operatingStatus,
  members,
}: LoadBalancerObservation): Health {
  const decided = known(byProvisioning, provisioningStatus);
  if (decided !== undefined) return decided;
  if (!provisioned.has(provisioningStatus)) return unknown('provisioning', provisioningStatus);
  const health = known(byOperating, operatingStatus) ?? unknown('operating', operatingStatus);
  if (operatingStatus !== 'DEGRADED' || members === undefined || members.failing === 0) return health;
  const fail = members.failing === 1 ? 'fails' : 'fail';
  return { ...health, message: `${health.message}: ${members.failing} of ${members.all} members ${fail}` };
}

function known(table: Readonly<Record<string, Health>>, status: string): Health | undefined {
  return Object.hasOwn(table, status) ? table[status] : undefined;
}

/** A later Octavia may have more. */
function unknown(kind: 'provisioning' | 'operating', status: string): Health {
  const message = `unable to determine load balancer status: unknown ${kind} status ${JSON.stringify(status)}`;
  return { status: 'Unknown', reason: 'Unknown', message };
}
