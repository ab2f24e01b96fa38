// What it takes to log in to a region, and to ask it.

import { OpenstackClient } from './client.ts';
import type { ConnectionLease } from './connections.ts';
import { ComputeDiscovery } from './discovery.ts';
import type { JobContext } from './job-context.ts';
import type { LoginTools, OpenstackTarget } from './login.ts';

export function loginTools(
  target: OpenstackTarget,
  lease: ConnectionLease,
  context: Omit<JobContext, 'connections' | 'deadlineMs'>,
): LoginTools {
  const client = new OpenstackClient(lease, context);
  const { clock, logins } = context;
  return { target, client, discovery: new ComputeDiscovery(client), clock, logins };
}
