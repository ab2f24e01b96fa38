// All that the status of a Server object is to show after an observation. It is written in one patch: the platform's
// controllers wake up at the state of a rebuild, and must find health, phase and MAC address that go with it.

import type { Health } from '../../../shared/conditions.ts';
import type { Observation } from '../../../shared/observation.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Profile } from '../../kubernetes/objects/profile.ts';
import { macAddress } from './mac-address.ts';
import { advancedRebuild } from './rebuild-marker.ts';
import { serverPhase } from './server-phase.ts';
import { type ServerTimes, serverTimes } from './server-times.ts';

export interface ObservedStatus extends ServerTimes, Pick<ServerRecord, 'phase' | 'macAddress' | 'rebuild'> {
  readonly health: Health;
}

const rebuilding: Health = { status: 'False', reason: 'Provisioning', message: 'server is rebuilding' };

export function observedStatus(
  server: ServerRecord,
  observation: Observation,
  profile: Profile,
): ObservedStatus {
  const phase = serverPhase(server, observation, profile);
  // Fields that v1.16 does not know would be dropped without a word, and written again at every poll.
  if (profile === 'v1.16') return { ...unwritten(server), phase, health: observation.health };
  return {
    phase,
    health: observation.stage === 'rebuilding' ? rebuilding : observation.health,
    ...serverTimes(server, observation),
    macAddress: macAddress(server, observation),
    rebuild: advancedRebuild(server.rebuild, observation),
  };
}

function unwritten({
  scheduledAtSeconds,
  launchedAtSeconds,
  provisionedAtSeconds,
  macAddress,
  rebuild,
}: ServerRecord): Omit<ObservedStatus, 'phase' | 'health'> {
  return { scheduledAtSeconds, launchedAtSeconds, provisionedAtSeconds, macAddress, rebuild };
}
