// The MAC address of a server's first network (profile v1.19).

import type { Observation } from '../../../shared/observation.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';

/**
 * What the cloud says of an active server counts, whatever stood there before. It is never cleared: addresses can be
 * missing from an answer for a moment.
 */
export function macAddress(
  { networkId, macAddress: known }: Pick<ServerRecord, 'networkId' | 'macAddress'>,
  { macAddresses }: Pick<Observation, 'macAddresses'>,
): string {
  return (networkId === null ? undefined : macAddresses?.[networkId]) ?? known;
}
