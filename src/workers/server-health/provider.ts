// What a region can be asked, whatever it runs on.

import type { FlavorResult, FlavorTask, ProjectResult, ProjectTask } from '../../shared/server-health.ts';

/** One job's access to one region. Whatever the region does comes back as a result: no method rejects. */
export interface Provider {
  listProject(task: ProjectTask): Promise<ProjectResult>;
  listFlavors(task: FlavorTask): Promise<FlavorResult>;
  /** Gives back what the job borrowed. */
  release(): void;
}
