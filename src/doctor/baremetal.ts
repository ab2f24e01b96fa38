// Whether the region's service account sees the nodes of bare-metal servers, as a poll asks for them.

import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import type { Credentials } from '../shared/session.ts';
import { BaremetalAccess, baremetalMicroversion } from '../workers/openstack/baremetal-session.ts';
import type { LoginTools } from '../workers/openstack/login.ts';
import { readNodePage } from '../workers/openstack/schema.ts';
import { TokenSession } from '../workers/openstack/token-session.ts';
import type { Examination } from './steps.ts';

export const baremetalStep = 'bare metal';

/** Only a Region that names bare-metal flavors needs the service. */
export function needsBaremetal({ openstack }: RegionRecord): boolean {
  return (openstack?.baremetalFlavorIds.length ?? 0) > 0;
}

/** `credentials`: the region's account, scoped to the project of a server. */
export async function examineBaremetal(
  exam: Examination,
  { tools, credentials }: { readonly tools: LoginTools; readonly credentials: Credentials },
): Promise<void> {
  await exam.step(
    baremetalStep,
    async () => {
      const service = new BaremetalAccess(
        tools,
        new TokenSession(tools, { credentials, session: undefined }),
      );
      const path = '/nodes?fields=instance_uuid,provision_state&limit=1';
      const { json } = await service.get({ path, route: 'GET /v1/nodes' });
      const { nodes } = readNodePage(json);
      const where = `${await service.url()}, microversion ${baremetalMicroversion}`;
      if (nodes.length > 0) return { value: true, detail: `nodes can be read at ${where}` };
      const warning =
        "make the region's user an admin of the project, if there are nodes: others see none, and their servers stay Queued";
      return { value: true, detail: `no node is visible at ${where}`, warning };
    },
    {
      unauthorized: "give the region's user (the Secret's user-id) a role on the project of each identity",
      'no-endpoint': 'add the bare-metal service to the catalog; until then its servers are Building',
    },
  );
}
