// Bare-metal nodes by the servers that they carry: one list, however many servers wait for theirs.

import { type PagedService, readPages } from './pages.ts';
import { readNodePage } from './schema.ts';

export interface Nodes {
  /** Provision state of each server's node, by the server's id; null for one without a node, absent if it cannot be read. */
  readonly states: Readonly<Record<string, string | null>>;
  /** Servers that more than one node claims. */
  readonly ambiguous: readonly string[];
}

const fields = 'fields=instance_uuid,provision_state';

/**
 * There is a filter for one server, but none for several: then all nodes that carry a server are read, page by page, until
 * each server that is asked for was seen. Rejects with a CheckFailure.
 */
export async function listNodes(service: PagedService, serverIds: readonly string[]): Promise<Nodes> {
  const [first = ''] = serverIds;
  const filter = serverIds.length === 1 ? `instance_uuid=${encodeURIComponent(first)}` : 'associated=true';
  const wanted = new Set(serverIds);
  const states: Record<string, string | null> = Object.fromEntries(serverIds.map((id) => [id, null]));
  const ambiguous = new Set<string>();
  const seen = new Set<string>();
  await readPages(service, { path: '/nodes', query: `?${filter}&${fields}`, route: 'GET /v1/nodes' }, () => {
    seen.clear();
    ambiguous.clear();
    return (json) => {
      const page = readNodePage(json);
      for (const { instance_uuid: id, provision_state: state } of page.nodes) {
        if (typeof id !== 'string' || !wanted.has(id)) continue;
        if (seen.has(id)) ambiguous.add(id);
        seen.add(id);
        if (state === undefined) delete states[id];
        // Null: nothing was done with the node yet.
        else states[id] = state ?? '';
      }
      return {
        ids: page.nodes.map(({ instance_uuid: id }) => id ?? null),
        next: seen.size === wanted.size ? null : page.next,
      };
    };
  });
  for (const id of ambiguous) delete states[id];
  return { states, ambiguous: [...ambiguous] };
}
