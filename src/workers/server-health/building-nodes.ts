// Which of a project's servers the bare-metal service is asked about, and what it says.

import { toCheckError } from '../../shared/errors.ts';
import type { BaremetalTask, NodesResult } from '../../shared/server-health.ts';
import { BaremetalAccess } from '../openstack/baremetal-session.ts';
import type { LoginTools } from '../openstack/login.ts';
import { listNodes } from '../openstack/nodes.ts';
import { ownerId } from '../openstack/owner-metadata.ts';
import type { NovaServer } from '../openstack/schema.ts';
import { TokenSession } from '../openstack/token-session.ts';

/** The servers that are building by now: those of the list, and those that were and are not in it. */
function buildingServers(listed: readonly NovaServer[], task: BaremetalTask): readonly string[] {
  const owners = new Set(task.servers.map(({ name }) => name));
  const names = new Set(task.servers.map(({ displayName }) => displayName));
  const building = new Set(task.building);
  for (const server of listed) {
    building.delete(server.id);
    if (server.status !== 'BUILD') continue;
    const owner = ownerId(server.metadata);
    if ((owner !== null && owners.has(owner)) || names.has(server.name ?? '')) building.add(server.id);
  }
  return [...building];
}

/** Undefined when there is nothing to ask. Never rejects: servers can be told from what Nova says alone. */
export async function readNodes(
  tools: LoginTools,
  listed: readonly NovaServer[],
  task: BaremetalTask | undefined,
): Promise<NodesResult | undefined> {
  if (task === undefined) return undefined;
  const asked = buildingServers(listed, task);
  if (asked.length === 0) return undefined;
  const { credentials, session } = task;
  const login = new TokenSession(tools, { credentials, session });
  const access = new BaremetalAccess(tools, login);
  let step: 'session' | 'list' = 'session';
  try {
    await access.url();
    step = 'list';
    const nodes = await listNodes(access, asked);
    return { outcome: { ok: true, ...nodes }, session: login.kept };
  } catch (thrown) {
    const error = toCheckError(thrown);
    return { outcome: { ok: false, step, asked, error }, session: login.keptAfter(error.code) };
  }
}
