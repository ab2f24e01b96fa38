// The phase that a Server object is to show, by the definitions that are installed.

import type { Observation } from '../../../shared/observation.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Profile } from '../../kubernetes/objects/profile.ts';
import { buildPhase } from './build-phase.ts';

/** Phases that v1.16 refuses. They are left in objects when the definitions are rolled back. */
const newPhases: ReadonlySet<string> = new Set(['Queued', 'Building']);

export function serverPhase(
  { phase }: Pick<ServerRecord, 'phase'>,
  observation: Pick<Observation, 'phase' | 'stage' | 'node'>,
  profile: Profile,
): string {
  if (profile === 'v1.16')
    return observation.phase ?? (newPhases.has(phase) ? 'Pending' : phase || 'Pending');
  if (observation.stage === 'building') {
    // Not known: a virtual machine, or the bare-metal service does not answer.
    return observation.node === undefined ? 'Building' : buildPhase(observation.node);
  }
  if (observation.stage === 'rebuilding') return 'Building';
  return observation.phase ?? (phase || 'Pending');
}
