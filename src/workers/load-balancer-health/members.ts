// How many members of a degraded load balancer fail: the list does not say it.

import type { LoadBalancerObservation } from '../../shared/load-balancer-health.ts';
import type { PagedService } from '../openstack/pages.ts';
import { readMemberCounts } from './schema.ts';

/** In one project and poll: when much is degraded at once, the number is not worth a request each. */
const most = 10;

/** Only for a list that has changed. A number that cannot be read is left out. */
export async function withMembers(
  service: PagedService,
  observations: readonly LoadBalancerObservation[],
): Promise<readonly LoadBalancerObservation[]> {
  const degraded = observations.filter(isDegraded).slice(0, most);
  if (degraded.length === 0) return observations;
  const counted = new Map(
    await Promise.all(
      degraded.map(
        async (observation) => [observation.providerId, await counts(service, observation)] as const,
      ),
    ),
  );
  return observations.map((observation) => counted.get(observation.providerId) ?? observation);
}

function isDegraded({ operatingStatus, provisioningStatus }: LoadBalancerObservation): boolean {
  return operatingStatus === 'DEGRADED' && provisioningStatus !== 'ERROR';
}

async function counts(
  service: PagedService,
  observation: LoadBalancerObservation,
): Promise<LoadBalancerObservation> {
  const { providerId } = observation;
  try {
    const { json } = await service.get({
      path: `/lbaas/loadbalancers/${encodeURIComponent(providerId)}/status`,
      route: 'GET /lbaas/loadbalancers/{id}/status',
    });
    return { ...observation, members: readMemberCounts(json) };
  } catch {
    // It may be gone by now; that it is degraded is known anyway.
    return observation;
  }
}
