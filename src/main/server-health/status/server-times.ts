// When a server was scheduled, launched, and first known to have booted (profile v1.19).

import type { Observation } from '../../../shared/observation.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';

export type ServerTimes = Pick<
  ServerRecord,
  'scheduledAtSeconds' | 'launchedAtSeconds' | 'provisionedAtSeconds'
>;

/**
 * The first two follow the cloud, and stay where it says nothing. The third is written once, also for servers that booted
 * before the field existed: the platform never creates a server again that has it.
 */
export function serverTimes(
  server: ServerTimes,
  { createdAtSeconds, launchedAtSeconds }: Pick<Observation, 'createdAtSeconds' | 'launchedAtSeconds'>,
): ServerTimes {
  return {
    scheduledAtSeconds: createdAtSeconds ?? server.scheduledAtSeconds,
    launchedAtSeconds: launchedAtSeconds ?? server.launchedAtSeconds,
    provisionedAtSeconds: server.provisionedAtSeconds ?? launchedAtSeconds,
  };
}
