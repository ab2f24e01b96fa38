// The list of a project's load balancers, page by page.
//
// The pages are asked for by a query of our own: Octavia's links to the next page lose the filters, and an administrator
// who follows them gets the load balancers of all projects. Few fields are asked for, and that also leaves out the time of
// the last report: a list in which no status has changed is the same, byte for byte.

import { CheckFailure } from '../../shared/errors.ts';
import type { LoadBalancerObservation, MalformedLoadBalancer } from '../../shared/load-balancer-health.ts';
import type { ApiReply } from '../openstack/client.ts';
import type { PagedService } from '../openstack/pages.ts';
import { type LoadBalancerPage, readLoadBalancerPage } from './schema.ts';

export interface LoadBalancers {
  readonly observations: readonly LoadBalancerObservation[];
  readonly malformed: readonly MalformedLoadBalancer[];
  /** Of the list as it came; null when it came in several pages. */
  readonly digest: string | null;
  readonly unchanged: boolean;
}

const path = '/lbaas/loadbalancers';
const route = `GET ${path}`;
const fields = ['id', 'name', 'provisioning_status', 'operating_status'];
/** What a service gives at most, unless it is configured otherwise. */
const pageSize = 1_000;
const maxPages = 1_000;
/** A list whose markers vanish again and again changes faster than it can be read. */
const maxRestarts = 2;

/** Rejects with a CheckFailure. */
export async function listLoadBalancers(
  service: PagedService,
  { projectId, knownDigest = '' }: { readonly projectId: string; readonly knownDigest?: string | undefined },
): Promise<LoadBalancers> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await readOnce(service, projectId, knownDigest);
    } catch (thrown) {
      if (!(thrown instanceof LostMarker) || restarts === maxRestarts) throw thrown;
    }
  }
}

/** A page after the first was refused: what it begins after is gone. */
class LostMarker extends CheckFailure {}

async function readOnce(
  service: PagedService,
  projectId: string,
  knownDigest: string,
): Promise<LoadBalancers> {
  const { digest, first } = await firstPage(
    service.get({ path: path + queryOf(projectId, null), route, knownDigest }),
  );
  if (first === null) return { observations: [], malformed: [], digest, unchanged: true };
  const observations: LoadBalancerObservation[] = [];
  const malformed: MalformedLoadBalancer[] = [];
  const seen = new Set<string>();
  let page = first;
  for (let pages = 1; ; pages++) {
    for (const observation of page.observations) observations.push(observation);
    for (const record of page.malformed) malformed.push(record);
    if (!page.more) return { observations, malformed, digest: pages === 1 ? digest : null, unchanged: false };
    const marker = markerOf(page, seen);
    if (pages === maxPages) throw endless(`there are more than ${maxPages} pages`);
    page = await nextPage(service, queryOf(projectId, marker), pages + 1);
  }
}

/** Null when the list is unchanged. A reply is as large as its page and not kept while the next one is awaited. */
async function firstPage(
  reply: Promise<ApiReply>,
): Promise<{ readonly digest: string | null; readonly first: LoadBalancerPage | null }> {
  const { json, digest, unchanged } = await reply;
  return { digest, first: unchanged ? null : readLoadBalancerPage(json, 1) };
}

function queryOf(projectId: string, marker: string | null): string {
  const query = new URLSearchParams({ project_id: projectId, limit: String(pageSize) });
  for (const field of fields) query.append('fields', field);
  if (marker !== null) query.append('marker', marker);
  return `?${query.toString()}`;
}

function markerOf({ lastId }: LoadBalancerPage, seen: Set<string>): string {
  if (lastId === null) throw endless('the last record of a page has no id');
  if (seen.has(lastId)) throw endless('a page ends as one before it');
  seen.add(lastId);
  return lastId;
}

async function nextPage(service: PagedService, query: string, pageNumber: number): Promise<LoadBalancerPage> {
  try {
    const { json } = await service.get({ path: path + query, route });
    return readLoadBalancerPage(json, pageNumber);
  } catch (thrown) {
    if (!(thrown instanceof CheckFailure)) throw thrown;
    const { status } = thrown.error;
    if (status !== 400 && status !== 404) throw thrown;
    throw new LostMarker(thrown.error, { cause: thrown });
  }
}

function endless(reason: string): CheckFailure {
  return new CheckFailure({ code: 'invalid-response', message: `${route} does not end: ${reason}` });
}
