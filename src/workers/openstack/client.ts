// HTTP with JSON answers, for one job: bounded in time, in size and in number, every request counted.

import { type BodyShare, leastPace } from '../../shared/body-memory.ts';
import { Deadline } from '../../shared/deadline.ts';
import { CheckFailure } from '../../shared/errors.ts';
import {
  type Answer,
  AnswerTooLarge,
  bodyOf,
  digestOf,
  exchange,
  textOf,
} from '../../shared/network/http-exchange.ts';
import { jsonExcess } from '../../shared/network/json-bounds.ts';
import { JsonOutline } from '../../shared/network/json-outline.ts';
import { loginRefused } from '../../shared/network/proxy-tunnel.ts';
import { mayFollow, redirectOf, shownRedirect } from '../../shared/network/redirect.ts';
import { retryAfterMs } from '../../shared/retry-after.ts';
import { headerTime } from './cloud-time.ts';
import type { ConnectionLease } from './connections.ts';
import { isClosedConnection, isRefusalOfPlainHttp, statusFailure, transportFailure } from './http-failure.ts';
import type { JobContext } from './job-context.ts';
import { cutKnown, type KnownRecords, type ListedRecord } from './known-records.ts';

const mebibyte = 1_048_576;
/** A page is 1000 servers of 1 to 3 KB, where the cloud has not raised that. The catalog of a login is much smaller. */
const maxBytes = { GET: 16 * mebibyte, POST: 4 * mebibyte } as const;

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Low-cardinality name for counts, traces and errors, for example "GET /servers/detail". */
  readonly route: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Makes the request one whose error answers are never quoted: Keystone repeats what it was sent, passwords too. */
  readonly secretBody?: string;
  /** Statuses that the caller can read; any other rejects. */
  readonly accept: readonly number[];
  /** Asks for the body's digest; a body that has this one is not even parsed. "" where none is known yet. */
  readonly knownDigest?: string | undefined;
  /** Asks for the digests of the records in this field; those that are known are not parsed. */
  readonly records?: { readonly field: string; readonly known: KnownRecords } | undefined;
}

export interface ApiReply {
  readonly status: number;
  /** Null when the answer is `unchanged`; a record in it is null when it has a `place` in `records`. */
  readonly json: unknown;
  /** As they were asked for, in order; none when they could not be told apart. */
  readonly records: readonly ListedRecord[];
  /** Of the body as it came; null when it was not asked for. */
  readonly digest: string | null;
  /** True when that is the digest which the caller knows. */
  readonly unchanged: boolean;
  /** One header, as text. */
  readonly header: (name: string) => string | undefined;
  /** The other side's clock when it began to answer, epoch milliseconds; null when it did not say. */
  readonly dateMs: number | null;
  /** Milliseconds from sending until the answer began. */
  readonly waitedMs: number;
}

/** Of the job, or of a part of it. */
export type ClientContext = Pick<
  JobContext,
  'memory' | 'clock' | 'signal' | 'limit' | 'requestTimeoutMs' | 'requests'
>;

/** Redirects in a row, at most. */
const mostRedirects = 3;

/** Every rejection is a CheckFailure. Redirects to another origin are not followed: the token is for the one that was asked. */
export class OpenstackClient {
  readonly #lease: ConnectionLease;
  readonly #context: ClientContext;

  constructor(lease: ConnectionLease, context: ClientContext) {
    this.#lease = lease;
    this.#context = context;
  }

  async send(request: ApiRequest): Promise<ApiReply> {
    return this.#context.limit(async () => {
      let url = request.url;
      for (let followed = 0; ; followed += 1) {
        const reply = await this.#sendTo({ ...request, url }, followed < mostRedirects);
        if (!(reply instanceof URL)) return reply;
        url = reply.href;
      }
    });
  }

  /** The reply, or where to ask instead. */
  async #sendTo(request: ApiRequest, follow: boolean): Promise<ApiReply | URL> {
    try {
      return await this.#measured(request, follow);
    } catch (thrown) {
      // The other side may have closed an idle connection just as we used it. A GET or a login does no harm twice.
      if (!(thrown instanceof CheckFailure) || !isClosedConnection(thrown.cause)) throw thrown;
      return this.#measured(request, follow);
    }
  }

  async #measured(request: ApiRequest, follow: boolean): Promise<ApiReply | URL> {
    const { signal, requests } = this.#context;
    signal.throwIfAborted();
    const url = new URL(request.url);
    const proxy = this.#lease.proxyFor(url);
    const via = proxy === null ? '' : ` through the proxy ${proxy.name} (${proxy.source})`;
    const what = `${request.route} at ${url.host}${via}`;
    const startMs = wallMs();
    let status = 0;
    const memory = this.#context.memory.open();
    try {
      const raw = await this.#exchange(request, { url, what, memory });
      status = raw.status;
      if (status === 407 && proxy !== null) throw loginRefused(proxy, raw.headers['proxy-authenticate']);
      const reply = await this.#read(request, raw, { what, url, follow });
      requests.add({ route: request.route, status, startMs, endMs: wallMs() });
      return reply;
    } catch (thrown) {
      const failure = transportFailure(what, thrown);
      requests.add({ route: request.route, status, startMs, endMs: wallMs(), error: failure.error });
      throw failure;
    } finally {
      memory.close();
    }
  }

  async #exchange(
    request: ApiRequest,
    { url, what, memory }: { readonly url: URL; readonly what: string; readonly memory: BodyShare },
  ): Promise<Answer> {
    const { signal: jobSignal, requestTimeoutMs } = this.#context;
    const { method, headers, secretBody = null } = request;
    const deadline = new Deadline(requestTimeoutMs, jobSignal);
    const { signal } = deadline;
    memory.onStalled = () => deadline.abort(stalled(what));
    let connected = false;
    const onConnected = (): void => {
      connected = true;
    };
    try {
      return await exchange(
        this.#lease.service(url.origin),
        {
          method,
          url,
          headers: { accept: 'application/json', 'user-agent': 'region-monitor', ...headers },
          body: secretBody,
          // A POST is a login, of which two are as good as one.
          repeatable: true,
        },
        { signal, maxBytes: maxBytes[method], onConnected, memory },
      );
    } catch (thrown) {
      if (thrown instanceof AnswerTooLarge)
        throw new CheckFailure({
          code: 'response-too-large',
          message: `${what} sent more than the ${maxBytes[method]} bytes that we accept`,
          status: thrown.status,
        });
      if (!deadline.expired) throw thrown;
      throw new CheckFailure({
        code: 'timeout',
        message: `${what} gave no answer within ${requestTimeoutMs} ms${connected ? '' : ', nor a connection'}`,
      });
    } finally {
      deadline.release();
    }
  }

  async #read(
    request: ApiRequest,
    raw: Answer,
    { what, url, follow }: { readonly what: string; readonly url: URL; readonly follow: boolean },
  ): Promise<ApiReply | URL> {
    // Of the answer only: who keeps a header must not keep the body.
    const { headers } = raw;
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const dateMs = headerTime(header('date'));
    const digest = request.knownDigest === undefined ? null : digestOf(raw);
    const unchanged = digest !== null && digest === request.knownDigest && raw.status === 200;
    const { json, records } = unchanged ? unread : await parseJson(raw, { what, records: request.records });
    const target = redirectOf(raw.status, header('location'), url);
    if (target !== null && follow && mayFollow(request.method, url, target)) return target;
    if (!request.accept.includes(raw.status)) {
      throw statusFailure({
        what,
        status: raw.status,
        json: request.secretBody === undefined ? json : undefined,
        token: request.headers['x-auth-token'],
        retryAfterMs: retryAfterMs(header('retry-after'), dateMs ?? this.#context.clock.now()),
        redirect: target === null ? null : shownRedirect(target),
        needsTls: url.protocol === 'http:' && isRefusalOfPlainHttp(raw.status, textOf(raw)),
      });
    }
    if (json === undefined) {
      const encoding = header('content-encoding');
      const type = `${header('content-type') ?? 'no content type'}${encoding === undefined ? '' : `, encoding ${encoding.slice(0, 40)}`}`;
      throw new CheckFailure({
        code: 'invalid-response',
        message: `${what} answered ${raw.status} with ${raw.bytes} bytes (${type}) that are not JSON`,
        status: raw.status,
      });
    }
    return { status: raw.status, json, records, digest, unchanged, header, dateMs, waitedMs: raw.waitedMs };
  }
}

function stalled(what: string): CheckFailure {
  const { bytes, ms } = leastPace;
  return new CheckFailure({
    code: 'timeout',
    message: `${what} sent an answer of unusual size, less than ${bytes} bytes of it in ${ms} ms: given up, as others wait`,
  });
}

const unread = { json: null, records: [] };

/** `json` is undefined for what is not JSON. */
async function parseJson(
  raw: Answer,
  { what, records }: { readonly what: string; readonly records: ApiRequest['records'] },
): Promise<Pick<ApiReply, 'json' | 'records'>> {
  const outline = records === undefined ? undefined : new JsonOutline();
  const excess = await jsonExcess(raw.chunks, raw.bytes, outline);
  if (excess !== null)
    throw new CheckFailure({
      code: 'invalid-response',
      message: `${what} answered ${raw.status} with ${raw.bytes} bytes that hold ${excess}`,
      status: raw.status,
    });
  const body = bodyOf(raw);
  const cut =
    outline === undefined || records === undefined
      ? { text: body.toString(), records: [] }
      : cutKnown(body, { outline, ...records });
  try {
    return { json: JSON.parse(cut.text), records: cut.records };
  } catch {
    return { json: undefined, records: [] };
  }
}

/** Wall time with a fraction; `Date.now()` has none. */
function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
