// The list of a project's servers: all of them, or those that changed since a time.

import { kubernetesTime } from '../../shared/conditions.ts';
import type { KnownPage, MalformedRecord, ProjectTask } from '../../shared/server-health.ts';
import type { KnownRecords, ListedRecord } from './known-records.ts';
import { type ReadPage, type ReplyTimes, readPages } from './pages.ts';
import { type NovaServer, readServerPage } from './schema.ts';
import type { ComputeSession } from './session.ts';

export interface ServerList {
  readonly servers: readonly NovaServer[];
  readonly malformed: readonly MalformedRecord[];
  /** Where the next list of changes must begin; null when that is not known: the next list must be complete. */
  readonly watermark: string | null;
  /** Of a complete list, in order; those that are as they were list no servers. None of a list of changes. */
  readonly pages: readonly ServerPage[];
}

interface ServerPage extends ReadPage {
  /** Its servers, in order. Those without a place are the next of the list's `servers`. */
  readonly listed: readonly ListedRecord[];
  /** How many of its records could not be read. */
  readonly malformed: number;
}

/**
 * How far lists of changes overlap, in milliseconds. Nova stamps a change in whole seconds, before the change is
 * committed, and on whichever host makes it: so it covers the rounding, a slow commit, and clocks a little apart.
 */
const overlapMs = 30_000;

/**
 * Without `changesSince` and `pageSize` the list has no filter at all: only then does it show cells that are down. A list of
 * changes has no limit either.
 */
export async function listServers(
  session: ComputeSession,
  { changesSince, knownPages = [], pageSize }: Pick<ProjectTask, 'changesSince' | 'knownPages' | 'pageSize'>,
): Promise<ServerList> {
  const servers: NovaServer[] = [];
  const malformed: MalformedRecord[] = [];
  const read = new Map<number, Pick<ServerPage, 'listed' | 'malformed'>>();
  const query = queryOf(changesSince, pageSize);
  const records = { field: 'servers', known: knownRecords(knownPages) };
  const whole = changesSince === undefined ? { knownPages, records } : {};
  const list = { path: '/servers/detail', query, ...whole };
  const { first, pages } = await readPages(session, list, () => {
    servers.length = 0;
    malformed.length = 0;
    read.clear();
    return (json, pageNumber, listed) => {
      const page = readServerPage(json, pageNumber, listed);
      for (const server of page.servers) servers.push(server);
      for (const record of page.malformed) malformed.push(record);
      read.set(pageNumber, { listed: page.listed, malformed: page.malformed.length });
      return {
        ids: [
          ...page.servers.map(({ id }) => id),
          ...page.malformed.map(providerId),
          ...placesOf(page.listed),
        ],
        next: page.next,
      };
    };
  });
  const unread = { listed: [], malformed: 0 };
  const servedPages = pages.map((page, index) => ({ ...page, ...(read.get(index + 1) ?? unread) }));
  return {
    servers,
    malformed,
    watermark: watermark(first, changesSince),
    pages: changesSince === undefined ? servedPages : [],
  };
}

function queryOf(changesSince: string | undefined, pageSize: number | undefined): string {
  if (changesSince !== undefined) return `?changes-since=${encodeURIComponent(changesSince)}`;
  return pageSize === undefined ? '' : `?limit=${pageSize}`;
}

function knownRecords(pages: readonly KnownPage[]): KnownRecords {
  const places = new Map<number, number>();
  let place = 0;
  for (const { serverDigests } of pages)
    for (const digest of serverDigests) {
      if (digest !== 0) places.set(digest, place);
      place += 1;
    }
  return places;
}

function placesOf(listed: readonly ListedRecord[]): readonly string[] {
  return listed.flatMap(({ place }) => (place === null ? [] : [`known ${place}`]));
}

function providerId(record: MalformedRecord): string | null {
  return record.providerId;
}

/**
 * From the first page: changes while the rest was read are listed again. Nova writes Date when it has its answer,
 * which can be seconds after it read its database; the time that we waited bounds that. Null when the cloud gave no time,
 * or when its clock was set back: by that clock, changes since then lie before those that we asked for.
 */
function watermark({ dateMs, waitedMs }: ReplyTimes, changesSince: string | undefined): string | null {
  if (dateMs === null) return null;
  const nextMs = dateMs - waitedMs - overlapMs;
  const setBack = changesSince !== undefined && nextMs < Date.parse(changesSince) - overlapMs;
  return setBack ? null : kubernetesTime(nextMs);
}
