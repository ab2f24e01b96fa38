// Why servers are in error: Nova says so for one server at a time only.

import type { ProjectTask } from '../../shared/server-health.ts';
import { cloudTime } from './cloud-time.ts';
import { type NovaServer, readFault } from './schema.ts';
import type { ComputeSession } from './session.ts';

/** A mass failure must not become a mass of requests: the rest follow in later polls. */
const maxRequests = 20;

/** A server in error for less than this may yet get a fault. */
const settlingMs = 60_000;

/** Longest fault text that we keep. */
const maxFaultLength = 512;

/** The fault of each server in error whose fault is certain, by id; null for one that has none. Never rejects. */
export async function readFaults(
  session: ComputeSession,
  servers: readonly NovaServer[],
  knownFaults: ProjectTask['knownFaults'],
): Promise<ReadonlyMap<string, string | null>> {
  const faults = new Map<string, string | null>();
  const unknown: NovaServer[] = [];
  for (const server of servers) {
    if (server.status !== 'ERROR') continue;
    const known = knownFaults?.[server.id];
    const listed = server.fault?.message;
    if (typeof listed === 'string') faults.set(server.id, cut(listed));
    else if (known !== undefined && known.updated === server.updated) faults.set(server.id, known.fault);
    else unknown.push(server);
  }
  await Promise.all(
    unknown.slice(0, maxRequests).map(async (server) => {
      const fault = await askFault(session, server);
      if (fault !== undefined) faults.set(server.id, fault);
    }),
  );
  return faults;
}

/** Undefined when it is not certain: the next poll asks again. The state of the server is known without it. */
async function askFault(session: ComputeSession, server: NovaServer): Promise<string | null | undefined> {
  try {
    const path = `/servers/${encodeURIComponent(server.id)}`;
    const { json, dateMs } = await session.get({ path, route: 'GET /servers/{id}' });
    const fault = cut(readFault(json));
    return fault === null && isFresh(server, dateMs) ? undefined : fault;
  } catch {
    // Counted with the requests, and no reason to lose the list.
    return undefined;
  }
}

/** Nova writes the state first and the fault after it, without touching `updated` again. */
function isFresh(server: NovaServer, nowMs: number | null): boolean {
  const updatedMs = cloudTime(server.updated);
  return nowMs !== null && updatedMs !== null && nowMs - updatedMs < settlingMs;
}

function cut(text: string | null): string | null {
  return text?.slice(0, maxFaultLength) ?? null;
}
