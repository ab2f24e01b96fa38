// Paged lists of Nova and Ironic.

import { CheckFailure } from '../../shared/errors.ts';
import type { ApiReply } from './client.ts';
import type { ServiceQuery } from './session.ts';

const maxPages = 1000;
/** All of a list is kept until it has been read. The largest projects that are known have half of that. */
const maxRecords = 100_000;
/** A list whose markers vanish again and again changes faster than it can be read. */
const maxRestarts = 2;

export interface PagedService {
  get(query: ServiceQuery): Promise<ApiReply>;
}

/** What is known of a reply when it has been read: its records are as large as the reply, and not kept. */
export type ReplyFacts = Pick<ApiReply, 'digest' | 'unchanged' | 'dateMs' | 'waitedMs'>;

export interface PagedReply {
  readonly first: ReplyFacts;
  /** Pages that were read. */
  readonly pages: number;
}

/** What of a page shows whether the list continues. */
interface Page {
  /** Of its records; null for one that has none. */
  readonly ids: readonly (string | null)[];
  /** Link to the next page; null on the last. */
  readonly next: string | null;
}

export type ReadPage = (json: unknown, pageNumber: number) => Page;

/**
 * Reads page after page of `path`. `begin` is called for each reading of the list: a server that the link to the next page
 * names may be deleted meanwhile, and then the list is read again from its first page. An unchanged list is not read. Of
 * a link only the query is followed, at our own URL: what a proxy is called inside need not be reachable.
 */
export async function readPages(
  service: PagedService,
  list: { path: string; query: string; route?: string; knownDigest?: string | undefined },
  begin: () => ReadPage,
): Promise<PagedReply> {
  for (let restarts = 0; ; restarts++) {
    try {
      return await readOnce(service, list, begin());
    } catch (thrown) {
      if (!(thrown instanceof LostMarker) || restarts === maxRestarts) throw thrown;
    }
  }
}

/** A page after the first was refused as what it begins after no longer exists. */
class LostMarker extends CheckFailure {}

async function readOnce(
  service: PagedService,
  { path, query, knownDigest, route = `GET ${path}` }: Parameters<typeof readPages>[1],
  readPage: ReadPage,
): Promise<PagedReply> {
  const { first, page: firstPage } = await readFirst(
    service.get({ path: path + query, route, knownDigest }),
    readPage,
  );
  if (firstPage === null) return { first, pages: 1 };
  const seen = { queries: new Set([query]), ids: new Set<string>() };
  let page = firstPage;
  let pageNumber = 1;
  let records = page.ids.length;
  while (page.next !== null) {
    pageNumber += 1;
    const search = nextQuery(page.next, route);
    if (seen.queries.has(search))
      throw endless(route, 'the link to the next page leads back to one already read');
    if (!bringsNews(page, seen.ids)) throw endless(route, 'a page brings nothing new, yet has a next one');
    if (pageNumber > maxPages) throw endless(route, `there are more than ${maxPages} pages`);
    seen.queries.add(search);
    page = await readNext(nextPage(service, { path: path + search, route }), readPage, pageNumber);
    records += page.ids.length;
    if (records > maxRecords) throw tooLong(route);
  }
  return { first, pages: pageNumber };
}

/** The page is null when the list is unchanged. */
async function readFirst(
  reply: Promise<ApiReply>,
  readPage: ReadPage,
): Promise<{ readonly first: ReplyFacts; readonly page: Page | null }> {
  const { json, digest, unchanged, dateMs, waitedMs } = await reply;
  return { first: { digest, unchanged, dateMs, waitedMs }, page: unchanged ? null : readPage(json, 1) };
}

async function readNext(reply: Promise<ApiReply>, readPage: ReadPage, pageNumber: number): Promise<Page> {
  const { json } = await reply;
  return readPage(json, pageNumber);
}

async function nextPage(service: PagedService, query: ServiceQuery): Promise<ApiReply> {
  try {
    return await service.get(query);
  } catch (thrown) {
    if (!(thrown instanceof CheckFailure)) throw thrown;
    const { status } = thrown.error;
    if (status !== 400 && status !== 404) throw thrown;
    throw new LostMarker(thrown.error, { cause: thrown });
  }
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

function tooLong(route: string): CheckFailure {
  return new CheckFailure({
    code: 'response-too-large',
    message: `${route} lists more than the ${maxRecords} records that we accept: divide the project`,
  });
}

function endless(route: string, reason: string): CheckFailure {
  return new CheckFailure({ code: 'invalid-response', message: `${route} does not end: ${reason}` });
}
