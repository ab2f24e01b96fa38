// The monitor's own checks, by name: a further one is a line here, and one in options/check-names.ts.

import type { CheckParts, OwnCheck } from './checks/own-check.ts';
import { createLoadBalancerHealth } from './load-balancer-health/create.ts';
import type { CheckName } from './options/check-names.ts';
import { createRegionHealth } from './region-health/create.ts';
import { createServerHealth } from './server-health/create.ts';

export const ownChecks: Readonly<Record<CheckName, (parts: CheckParts) => OwnCheck>> = {
  'server-health': createServerHealth,
  'region-health': createRegionHealth,
  'load-balancer-health': createLoadBalancerHealth,
};
