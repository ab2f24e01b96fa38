// How logs and traces speak of load balancers.

import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import type { KindWords } from '../projection/status-kind.ts';

/** The keys that every line about a load balancer carries. */
function loadBalancerFields({
  name,
  organizationId,
  regionId = '',
}: LoadBalancerRecord): Readonly<Record<string, unknown>> {
  return { load_balancer_id: name, org_id: organizationId, region_id: regionId };
}

export const loadBalancerWords: KindWords<LoadBalancerRecord> = {
  resource: 'loadbalancers',
  title: 'LoadBalancer',
  singular: 'load balancer',
  healthTransition: 'load balancer state transition',
  fields: loadBalancerFields,
  nameField: 'load_balancer_name',
};
