// Paged lists of Nova and Ironic.

import { CheckFailure } from '../../shared/errors.ts';
import type { ApiReply } from './client.ts';
import type { ServiceQuery } from './session.ts';

const maxPages = 1000;

export interface PagedService {
  get(query: ServiceQuery): Promise<ApiReply>;
}

export interface PagedReply {
  readonly first: ApiReply;
  /** Pages that were read. */
  readonly pages: number;
}

/** What of a page tells whether the list goes on. */
export interface Page {
  /** Of its records; null for one that has none. */
  readonly ids: readonly (string | null)[];
  /** Link to the next page; null on the last. */
  readonly next: string | null;
}

/**
 * Reads page after page of `path`; `readPage` takes each, unless the first is unchanged. Of a link only the query is
 * followed, at our own URL: what a proxy is called inside need not be reachable.
 */
export async function readPages(
  service: PagedService,
  list: { path: string; query: string; route?: string; knownDigest?: string | undefined },
  readPage: (json: unknown, pageNumber: number) => Page,
): Promise<PagedReply> {
  const { path, query, knownDigest, route = `GET ${path}` } = list;
  const first = await service.get({ path: path + query, route, knownDigest });
  if (first.unchanged) return { first, pages: 1 };
  const seen = { queries: new Set([query]), ids: new Set<string>() };
  let page = readPage(first.json, 1);
  let pageNumber = 1;
  while (page.next !== null) {
    pageNumber += 1;
    const search = nextQuery(page.next, route);
    if (seen.queries.has(search))
      throw endless(route, 'the link to the next page leads back to one already read');
    if (!bringsNews(page, seen.ids)) throw endless(route, 'a page brings nothing new, yet has a next one');
    if (pageNumber > maxPages) throw endless(route, `there are more than ${maxPages} pages`);
    seen.queries.add(search);
    const reply = await service.get({ path: path + search, route });
    page = readPage(reply.json, pageNumber);
  }
  return { first, pages: pageNumber };
}

/** A cloud that ignores the marker would be asked for its first page a thousand times, by a new link each time. */
function bringsNews({ ids }: Page, seen: Set<string>): boolean {
  let news = false;
  for (const id of ids) {
    news ||= id === null || !seen.has(id);
    if (id !== null) seen.add(id);
  }
  return news;
}

function nextQuery(href: string, route: string): string {
  // The base only lends relative links a scheme.
  const url = URL.parse(href, 'http://service.invalid');
  // Without a query it would be the first page again.
  if (url !== null && url.search !== '') return url.search;
  throw endless(route, 'the link to the next page is unusable');
}

function endless(route: string, reason: string): CheckFailure {
  return new CheckFailure({ code: 'invalid-response', message: `${route} does not end: ${reason}` });
}
