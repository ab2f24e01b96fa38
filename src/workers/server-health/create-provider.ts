// Which provider serves a region.

import type { RegionTarget } from '../../shared/session.ts';
import type { JobContext } from '../openstack/job-context.ts';
import { OpenstackProvider } from './openstack-provider.ts';
import type { Provider } from './provider.ts';
import { SimulatedProvider } from './simulated-provider.ts';

export function createProvider(target: RegionTarget, context: JobContext): Provider {
  return target.provider === 'openstack' ? new OpenstackProvider(target, context) : new SimulatedProvider();
}
