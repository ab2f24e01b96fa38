// Nova's paged lists.

import { CheckFailure } from '../shared/errors.ts';
import type { ApiReply } from './openstack-client.ts';
import type { ComputeSession } from './openstack-session.ts';

const maxPages = 1000;

/**
 * Reads page after page of `path`; `readPage` takes each and returns the link to the next, null on the last. Returns the
 * first reply. Of a link only the query is followed, at our own URL: what a proxy is called inside need not be reachable.
 */
export async function readPages(
  session: ComputeSession,
  { path, query }: { path: string; query: string },
  readPage: (json: unknown, pageNumber: number) => string | null,
): Promise<ApiReply> {
  const route = `GET ${path}`;
  const first = await session.get(path + query, route);
  const seen = new Set([query]);
  let next = readPage(first.json, 1);
  for (let pageNumber = 2; next !== null; pageNumber += 1) {
    const search = nextQuery(next, route);
    if (seen.has(search)) throw endless(route, 'the link to the next page leads back to one already read');
    if (pageNumber > maxPages) throw endless(route, `there are more than ${maxPages} pages`);
    seen.add(search);
    const reply = await session.get(path + search, route);
    next = readPage(reply.json, pageNumber);
  }
  return first;
}

function nextQuery(href: string, route: string): string {
  // The base only lends relative links a scheme.
  const url = URL.parse(href, 'http://compute.invalid');
  // Without a query it would be the first page again.
  if (url !== null && url.search !== '') return url.search;
  throw endless(route, 'the link to the next page is unusable');
}

function endless(route: string, reason: string): CheckFailure {
  return new CheckFailure({ code: 'invalid-response', message: `${route} does not end: ${reason}` });
}
