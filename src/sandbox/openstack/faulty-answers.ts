// How each fault turns a good answer into a bad one, or spoils its delivery.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import {
  type Answer,
  bodyAnswer,
  type CloudRequest,
  htmlAnswer,
  keystoneError,
  novaFault,
} from './answer.ts';
import type { Fault, RecordDefect } from './faults.ts';
import type { Match } from './routes.ts';

/** Each service says 401 in its own way. */
export interface Refusals {
  readonly keystone: { unauthorized(): Answer };
  readonly nova: { unauthorized(): Answer };
  readonly ironic: { unauthorized(): Answer };
  readonly octavia: { unauthorized(): Answer };
  readonly others: { unauthorized(): Answer };
}

/** The answer instead of the good one, which is not computed; null where the fault needs the good one. */
export function refused(fault: Fault, match: Match, services: Refusals): Answer | null {
  if (fault.kind === 'status') return statusAnswer(fault, match, services);
  if (fault.kind === 'not-json') return bodyAnswer(200, Buffer.from('upstream says: all is well'));
  if (fault.kind === 'html')
    return htmlAnswer(200, '<html><body><h1>Please log in to the network</h1></body></html>\n');
  return null;
}

function statusAnswer(fault: Fault & { kind: 'status' }, match: Match, services: Refusals): Answer {
  const { status, retryAfter } = fault;
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'Retry-After': retryAfter };
  if (status === 401) return services[match.service].unauthorized();
  // These come from the proxy in front of the services, which knows no JSON.
  if (status === 502 || status === 503 || status === 504) {
    const page = htmlAnswer(
      status,
      `<html><body><h1>${status}</h1>\nNo server is available.\n</body></html>\n`,
    );
    return { ...page, headers: { ...page.headers, ...headers } };
  }
  return match.service === 'keystone'
    ? keystoneError(status, 'Error', `The sandbox was told to answer ${status}.`, headers)
    : novaFault(status, `The sandbox was told to answer ${status}.`, headers);
}

const listSchema = v.looseObject({ servers: v.array(v.record(v.string(), v.unknown())) });

/** The request as it is served: a list without an end starts anew with whatever marker. */
export function eased(fault: Fault | null, request: CloudRequest): CloudRequest {
  if (fault?.kind !== 'endless-next') return request;
  const query = new URLSearchParams(request.query);
  query.delete('marker');
  return { ...request, query };
}

/** A good answer made bad. `url`: where the request went, without its query. */
export function spoiled(fault: Fault | null, answer: Answer, url: string): Answer {
  if (fault === null || answer.status >= 300) return answer;
  if (fault.kind === 'truncated')
    return { ...answer, body: answer.body.subarray(0, answer.body.length >> 1) };
  if (fault.kind === 'empty-list') return { ...answer, body: Buffer.from(emptyList(url)) };
  if (fault.kind === 'endless-next') {
    const marker = fault.to === 'itself' ? 'itself' : randomUUID();
    const servers_links = [{ rel: 'next', href: `${url}?marker=${marker}` }];
    return rewritten(answer, (list) => ({ ...list, servers_links }));
  }
  if (fault.kind === 'malformed-record') {
    const { defect, serverId } = fault;
    return rewritten(answer, (list) => {
      const at = serverId === undefined ? 0 : list.servers.findIndex((record) => record['id'] === serverId);
      const servers = list.servers.map((record, index) =>
        index === at ? malformed(record, defect) : record,
      );
      return { ...list, servers };
    });
  }
  return answer;
}

function emptyList(url: string): string {
  return url.endsWith('/lbaas/loadbalancers')
    ? '{"loadbalancers": [], "loadbalancers_links": []}'
    : '{"servers": []}';
}

type List = v.InferOutput<typeof listSchema>;

function rewritten(answer: Answer, change: (list: List) => object): Answer {
  const list = v.parse(listSchema, JSON.parse(answer.body.toString()));
  return { ...answer, body: Buffer.from(JSON.stringify(change(list))) };
}

function malformed(record: Record<string, unknown>, defect: RecordDefect): Record<string, unknown> | string {
  if (defect === 'not-an-object') return 'server';
  if (defect === 'null-status') return { ...record, status: null };
  if (defect === 'odd-dates')
    return { ...record, created: 'soon', updated: 'the day before', 'OS-SRV-USG:launched_at': '2026-13-32' };
  const { id, ...rest } = record;
  if (defect === 'missing-id') return rest;
  const wrong = {
    status: 7,
    metadata: 'none',
    'OS-EXT-STS:power_state': 'running',
    created: 1,
    addresses: [],
  };
  return { id, ...rest, ...wrong };
}

const megabyte = 1 << 20;

/** A list of servers of about `bytes` bytes, made as it is sent: it does not stand in memory. */
export function* hugeBody(bytes: number): Generator<Buffer> {
  yield Buffer.from('{"servers": [');
  const record = Buffer.from(`{"id": "${randomUUID()}", "name": "${'x'.repeat(1024)}"}, `);
  const chunk = Buffer.concat(Array.from({ length: Math.floor(megabyte / record.length) }, () => record));
  for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk;
  yield Buffer.from('{}]}');
}

export async function* drippingBody(
  body: Buffer,
  everyMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at++) {
    yield body.subarray(at, at + 1);
    await sleep(everyMs, undefined, { signal });
  }
}
