// Paged lists of Nova and Ironic.

import { CheckFailure } from '../../shared/errors.ts';
import type { KnownPage } from '../../shared/server-health.ts';
import type { ApiReply } from './client.ts';
import type { ListedRecord } from './known-records.ts';
import type { ServiceQuery } from './session.ts';

const maxPages = 1000;
/** All of a list is kept until it has been read. The largest projects that are known have half of that. */
const maxRecords = 100_000;
/** A list whose markers vanish again and again changes faster than it can be read. */
const maxRestarts = 2;

export interface PagedService {
  get(query: ServiceQuery): Promise<ApiReply>;
}

export interface PagedReply {
  /** Of the first page. */
  readonly first: ReplyTimes;
  /** In order. Their digests are null where no known pages were given. */
  readonly pages: readonly ReadPage[];
}

export type ReplyTimes = Pick<ApiReply, 'dateMs' | 'waitedMs'>;

export interface ReadPage extends Omit<KnownPage, 'serverDigests'> {
  /** True when it is the known page in its place: it was not read. */
  readonly unchanged: boolean;
}

/** What of a page shows whether the list continues. */
interface Page {
  /** Of its records, each different from all others; null for one that has none. */
  readonly ids: readonly (string | null)[];
  /** Link to the next page; null on the last. */
  readonly next: string | null;
}

export type PageReader = (json: unknown, pageNumber: number, records: readonly ListedRecord[]) => Page;

interface List {
  readonly path: string;
  readonly query: string;
  readonly route?: string;
  /** Pages as they were when the list was read before, none perhaps. Absent when that is of no interest. */
  readonly knownPages?: readonly KnownPage[];
  /** The records that are known; see ApiRequest. */
  readonly records?: ServiceQuery['records'];
}

/**
 * Reads page after page of `path`. `begin` is called for each reading of the list: a server that the link to the next page
 * names may be deleted meanwhile, and then the list is read again from its first page. Of a link only the query is followed,
 * at our own URL: what a proxy is called inside need not be reachable.
 */
export async function readPages(
  service: PagedService,
  list: List,
  begin: () => PageReader,
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
  { path, query, knownPages, records: knownRecords, route = `GET ${path}` }: List,
  reader: PageReader,
): Promise<PagedReply> {
  const ask = async (search: string, index: number): Promise<Reading> => {
    const known = knownPages?.[index];
    const knownDigest = knownPages === undefined ? undefined : (known?.digest ?? '');
    const reply = service.get({ path: path + search, route, knownDigest, records: knownRecords });
    const read = ({ json, records }: ApiReply): Page => reader(json, index + 1, records);
    return readReply(index === 0 ? reply : markerKept(reply), { known, read, route });
  };
  const seen = { queries: new Set([query]), ids: new Set<string>() };
  let reading = await ask(query, 0);
  const { times: first } = reading;
  const pages = [reading.page];
  let { records } = reading.page;
  for (let { next } = reading.page; next !== null; { next } = reading.page) {
    if (seen.queries.has(next))
      throw endless(route, 'the link to the next page leads back to one already read');
    if (!bringsNews(reading, seen.ids)) throw endless(route, 'a page brings nothing new, yet has a next one');
    if (pages.length === maxPages) throw endless(route, `there are more than ${maxPages} pages`);
    seen.queries.add(next);
    reading = await ask(next, pages.length).catch((thrown: unknown) => {
      throw afterPages(thrown, { route, pagesRead: pages.length, records });
    });
    pages.push(reading.page);
    records += reading.page.records;
    if (records > maxRecords) throw tooLong(route);
  }
  return { first, pages };
}

/** That a list is too long for a check says what to change; smaller pages would not help. */
function afterPages(
  thrown: unknown,
  read: { readonly route: string; readonly pagesRead: number; readonly records: number },
): unknown {
  if (!(thrown instanceof CheckFailure) || thrown.error.overtime === undefined) return thrown;
  const { route, pagesRead, records } = read;
  const pages = pagesRead === 1 ? 'a page' : `${pagesRead} pages`;
  return new CheckFailure(
    {
      ...thrown.error,
      message: `${route} was not read to its end: the check reached its deadline after ${pages} with ${records} records; raise --check-timeout and --poll-period`,
      overtime: { pagesRead },
    },
    { cause: thrown },
  );
}

/** What is kept of a page while the next one is awaited: not its records, which are as large as the reply. */
interface Reading {
  readonly times: ReplyTimes;
  readonly page: ReadPage;
  /** Null for a page that was not read. */
  readonly ids: Page['ids'] | null;
}

async function readReply(
  reply: Promise<ApiReply>,
  {
    known,
    read,
    route,
  }: {
    readonly known: KnownPage | undefined;
    readonly read: (reply: ApiReply) => Page;
    readonly route: string;
  },
): Promise<Reading> {
  const answer = await reply;
  const { digest, unchanged, dateMs, waitedMs } = answer;
  const times = { dateMs, waitedMs };
  if (unchanged && known !== undefined) {
    const { next, records } = known;
    return { times, page: { digest, next, records, unchanged }, ids: null };
  }
  const { ids, next } = read(answer);
  // A page without records is the end of a list, whatever its links say.
  const query = next === null || ids.length === 0 ? null : nextQuery(next, route);
  return { times, page: { digest, next: query, records: ids.length, unchanged: false }, ids };
}

async function markerKept(reply: Promise<ApiReply>): Promise<ApiReply> {
  try {
    return await reply;
  } catch (thrown) {
    if (!(thrown instanceof CheckFailure)) throw thrown;
    const { status } = thrown.error;
    if (status !== 400 && status !== 404) throw thrown;
    throw new LostMarker(thrown.error, { cause: thrown });
  }
}

/**
 * A cloud that ignores the marker would be asked for its first page a thousand times, by a new link each time. A page that is
 * as it was brought something new when it was read.
 */
function bringsNews({ ids }: Reading, seen: Set<string>): boolean {
  if (ids === null) return true;
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
