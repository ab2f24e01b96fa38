// LoadBalancer objects as a kind that the writers know: the monitor writes nothing of their status but the Healthy
// condition; Available is their controller's.

import type { Clock } from '../../shared/clock.ts';
import type { Health } from '../../shared/conditions.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import { type AnnouncementTargets, announce } from '../projection/announcement.ts';
import {
  type ConditionsChange,
  type Projection,
  projectHealth,
  showsHealth,
} from '../projection/projection.ts';
import type { KindWords, StatusKind } from '../projection/status-kind.ts';

type HealthProjection = Projection<LoadBalancerRecord, ConditionsChange>;

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

export interface LoadBalancerKindOptions extends AnnouncementTargets<LoadBalancerRecord> {
  readonly clock: Pick<Clock, 'now'>;
}

export class LoadBalancerKind implements StatusKind<LoadBalancerRecord, Health, HealthProjection> {
  readonly words = loadBalancerWords;
  readonly #options: LoadBalancerKindOptions;

  constructor(options: LoadBalancerKindOptions) {
    this.#options = options;
  }

  project(object: LoadBalancerRecord, health: Health): HealthProjection {
    return projectHealth(object, health, this.#options.clock.now());
  }

  shows({ conditions }: LoadBalancerRecord, change: ConditionsChange): boolean {
    return showsHealth(conditions, change.conditions);
  }

  announce(before: LoadBalancerRecord, projection: HealthProjection): void {
    announce(before, projection, this.#options);
  }
}
