// What a region can be asked, whatever it runs on.

import type {
  FlavorResult,
  FlavorTask,
  ProjectResult,
  ProjectTask,
  RegionTarget,
} from '../../shared/server-health.ts';
import type { JobContext } from '../openstack/job-context.ts';
import { OpenstackProvider } from './openstack-provider.ts';
import { SimulatedProvider } from './simulated-provider.ts';

/** One job's access to one region. Whatever the region does comes back as a result: no method rejects. */
export interface Provider {
  listProject(task: ProjectTask): Promise<ProjectResult>;
  listFlavors(task: FlavorTask): Promise<FlavorResult>;
  /** Gives back what the job borrowed. */
  release(): void;
}

export function createProvider(target: RegionTarget, context: JobContext): Provider {
  return target.provider === 'openstack' ? new OpenstackProvider(target, context) : new SimulatedProvider();
}
