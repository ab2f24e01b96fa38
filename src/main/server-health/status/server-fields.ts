// How logs and traces speak of servers.

import type { ServerRecord } from '../../../shared/server-record.ts';
import type { KindWords } from '../../projection/status-kind.ts';

/** The keys that every line about a server carries. */
export function serverFields(server: ServerRecord): Readonly<Record<string, unknown>> {
  return { instance_id: server.name, org_id: server.organizationId, region_id: server.regionId ?? '' };
}

export const serverWords: KindWords<ServerRecord> = {
  resource: 'servers',
  title: 'Server',
  singular: 'server',
  phaseTransition: 'instance phase transition',
  healthTransition: 'instance state transition',
  fields: serverFields,
  nameField: 'instance_name',
};
