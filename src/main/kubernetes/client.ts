// Thin HTTP to the API server.
//
// Not through @kubernetes/client-node's API classes: they open a TLS connection for every call (200 patches, 200
// connections, 6.3 ms each) and cost twice the processor time. Here a bounded number of connections is kept alive.
// Watches have connections of their own: each holds one for minutes, and in a bounded pool a few of them would leave
// none for the requests.

import type { Readable } from 'node:stream';
import { errors } from 'undici';
import { BodyMemory } from '../../shared/body-memory.ts';
import { Deadline } from '../../shared/deadline.ts';
import { codeOf, messageOf } from '../../shared/errors.ts';
import { contentEncoding, decompressed } from '../../shared/network/content-encoding.ts';
import {
  type Answer,
  AnswerTooLarge,
  type ExchangeLimits,
  type ExchangeRequest,
  exchange,
  textOf,
} from '../../shared/network/http-exchange.ts';
import { jsonExcess } from '../../shared/network/json-bounds.ts';
import { Network } from '../../shared/network/network.ts';
import { ProxyFailure } from '../../shared/network/proxy-tunnel.ts';
import { redirectOf, shownRedirect } from '../../shared/network/redirect.ts';
import { untilAborted } from '../../shared/until-aborted.ts';
import type { ClusterAccess } from './access/cluster-access.ts';
import { type Call, describe, failure, noAnswer, parse } from './call.ts';
import { Connections } from './connections.ts';
import { ApiError, tlsReason } from './errors.ts';
import { LineSplitter } from './line-splitter.ts';
import type { Warnings } from './warnings.ts';

export { type ResourceKind, resourcePath, secretPath } from './paths.ts';

/** A page of 500 objects is 1–5 MB; the largest OpenAPI document a few. */
const maxBytes = 32 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;
/** etcd takes 1.5 MB an object; its event is a little larger. */
const maxLineBytes = 4 * 1024 * 1024;

/** What a header must not hold. */
const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

type RequestHeaders = ExchangeRequest['headers'];

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly query?: Readonly<Record<string, string>>;
}

export interface StreamOptions {
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** A stream that is silent for this long has lost its other end: ApiError, reason "IdleTimeout". */
  readonly idleTimeoutMs: number;
  /** The API server accepted the request; lines may follow. */
  readonly onOpen?: () => void;
}

/** A request that has ended. */
export interface ApiRequest {
  /** As in RBAC. */
  readonly verb: string;
  readonly resource: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly seconds: number;
}

export class KubernetesClient {
  readonly #access: ClusterAccess;
  readonly #requestTimeoutMs: number;
  readonly #userAgent: string;
  readonly #memory = new BodyMemory();
  readonly #onRequest: (request: ApiRequest) => void;
  readonly #warnings: Warnings | undefined;
  readonly #connections: Connections;

  constructor(
    access: ClusterAccess,
    options: {
      /** For a whole request, its answer included; for a watch, until it is accepted. */
      readonly requestTimeoutMs: number;
      /** Requests in flight at once, watches aside; more wait for their turn within their time-out. */
      readonly connections?: number;
      readonly userAgent?: string;
      /** Called for every request but watches, when it has ended. */
      readonly onRequest?: (request: ApiRequest) => void;
      /** Takes what the API server warns of. Clients of one API server share it. */
      readonly warnings?: Warnings;
      /** The environment's unless given. */
      readonly network?: Network;
    },
  ) {
    this.#access = access;
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#onRequest = options.onRequest ?? (() => {});
    this.#warnings = options.warnings;
    this.#userAgent = options.userAgent ?? 'region-monitor';
    const { network = new Network(process.env) } = options;
    this.#connections = new Connections(access, {
      network,
      timeoutMs: options.requestTimeoutMs,
      connections: options.connections ?? 16,
    });
  }

  /** The parsed answer. Throws ApiError, and nothing else. */
  async get(path: string, options: RequestOptions = {}): Promise<unknown> {
    return this.#send({ method: 'GET', path, query: options.query }, options.signal);
  }

  /** A merge patch (RFC 7386); the object as it stands afterwards. Throws ApiError; 409 is a lost optimistic lock. */
  async patch(
    path: string,
    body: unknown,
    { query, signal, mayBeSent }: RequestOptions & Pick<Call, 'mayBeSent'> = {},
  ): Promise<unknown> {
    const merge = { type: 'application/merge-patch+json', text: JSON.stringify(body) };
    return this.#send({ method: 'PATCH', path, query, body: merge, mayBeSent }, signal);
  }

  /** Creates an object; the object as it was stored. Throws ApiError. */
  async post(path: string, body: unknown, options: { signal?: AbortSignal } = {}): Promise<unknown> {
    const text = JSON.stringify(body);
    return this.#send({ method: 'POST', path, body: { type: 'application/json', text } }, options.signal);
  }

  /** The values of a stream of newline-delimited JSON, until the server ends it. Throws ApiError. */
  async *stream(path: string, options: StreamOptions): AsyncGenerator<unknown, void, undefined> {
    const call: Call = { method: 'GET', path, query: options.query, watch: true };
    const deadline = new Deadline(this.#requestTimeoutMs, options.signal);
    let open = false;
    let body: Readable | undefined;
    try {
      const response = await this.#authorized(call, deadline.signal, async (headers) =>
        this.#openWatch(call, headers, deadline.signal),
      );
      body = response.body;
      if (response.refusal !== null) throw this.#failed(call, response, response.refusal);
      open = true;
      deadline.restart(options.idleTimeoutMs);
      options.onOpen?.();
      const lines = new LineSplitter(maxLineBytes);
      for await (const chunk of response.body) {
        deadline.postpone();
        for (const line of lines.push(asBuffer(chunk))) yield parse(call, response.status, line);
      }
      if (lines.partial) throw noAnswer(call, 'InvalidResponse', 'the stream ended in the middle of a line');
    } catch (error) {
      throw this.#explain(call, error, deadline, open ? 'IdleTimeout' : 'Timeout');
    } finally {
      deadline.release();
      // Also when the reader stops early: the connection is of no more use.
      body?.on('error', () => {}).destroy();
    }
  }

  /** Ends all connections at once, and a credential plugin that is running; requests in flight fail. */
  async close(): Promise<void> {
    this.#access.close?.();
    await this.#connections.destroy();
  }

  async #send(call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    const deadline = new Deadline(this.#requestTimeoutMs, signal);
    const startMs = performance.now();
    const memory = this.#memory.job().open();
    let status = 0;
    try {
      const answer = await this.#authorized(call, deadline.signal, async (headers) =>
        this.#exchange(call, headers, { signal: deadline.signal, maxBytes, memory }),
      );
      status = answer.status;
      const excess = await jsonExcess(answer.chunks, answer.bytes);
      if (excess !== null)
        throw noAnswer(call, 'InvalidResponse', `the answer has ${answer.bytes} bytes that hold ${excess}`);
      const text = textOf(answer);
      if (status < 200 || status > 299) throw this.#failed(call, answer, text);
      return parse(call, status, text);
    } catch (error) {
      throw this.#explain(call, error, deadline, 'Timeout');
    } finally {
      deadline.release();
      memory.close();
      const { verb, resource } = describe(call);
      this.#onRequest({ verb, resource, status, seconds: (performance.now() - startMs) / 1000 });
    }
  }

  /** Credentials may have been renewed since they were read: refused ones are read again, once. */
  async #authorized<R extends { readonly status: number }>(
    call: Call,
    signal: AbortSignal,
    send: (headers: RequestHeaders) => Promise<R>,
  ): Promise<R> {
    const token = await this.#authorization(call, signal);
    const { tls } = this.#access;
    const response = await send(this.#headers(call, token));
    if (response.status !== 401) return response;
    const renewed = await this.#authorization(call, signal, token ?? '');
    return renewed === token && this.#access.tls === tls ? response : send(this.#headers(call, renewed));
  }

  #headers(call: Call, authorization: string | undefined): RequestHeaders {
    return {
      accept: 'application/json',
      'user-agent': this.#userAgent,
      ...this.#access.headers,
      ...(authorization === undefined ? {} : { authorization }),
      ...(call.body === undefined ? {} : { 'content-type': call.body.type }),
    };
  }

  async #exchange(call: Call, headers: RequestHeaders, limits: ExchangeLimits): Promise<Answer> {
    const { method, body, mayBeSent } = call;
    if (mayBeSent?.() === false)
      throw noAnswer(call, 'Withheld', 'not sent, as another process may write it');
    const request = {
      method,
      url: this.#url(call),
      headers,
      body: body?.text ?? null,
      repeatable: method === 'GET',
    };
    const answer = await exchange(this.#connections.requests, request, limits);
    this.#warnings?.take(answer.headers['warning']);
    return answer;
  }

  async #openWatch(call: Call, headers: RequestHeaders, signal: AbortSignal): Promise<Opened> {
    const { origin, pathname, search } = this.#url(call);
    const { method } = call;
    const options = { origin, path: pathname + search, method, headers, signal };
    const response = await this.#connections.watches.dispatcher.request(options);
    const { statusCode: status, headers: answered } = response;
    this.#warnings?.take(answered['warning']);
    const body = decompressed(response.body, contentEncoding(answered['content-encoding']));
    const refusal = status === 200 ? null : await readBounded(body, maxRefusalBytes);
    return { status, headers: answered, body, refusal };
  }

  #url({ path, query = {} }: Call): URL {
    const url = new URL(`${this.#access.server}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** A credential plugin is a foreign program: it may hang, so the deadline holds for it too. */
  async #authorization(call: Call, signal: AbortSignal, refused?: string): Promise<string | undefined> {
    let header: string | undefined;
    try {
      header = await untilAborted(this.#access.authorization(refused), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      throw noAnswer(call, 'Credentials', `no credentials: ${messageOf(error)}`, error);
    }
    if (header !== undefined && unsendable.test(header))
      throw noAnswer(
        call,
        'Credentials',
        'the token has a character that cannot be sent, a line break maybe',
      );
    return header;
  }

  #failed(call: Call, { status, headers }: Pick<Answer, 'status' | 'headers'>, text: string): ApiError {
    const { location, 'retry-after': retryAfter } = headers;
    const target = typeof location === 'string' ? redirectOf(status, location, this.#url(call)) : null;
    return failure(call, {
      status,
      retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
      text: target === null ? text : `a redirect to ${shownRedirect(target)}, which is not followed`,
    });
  }

  #explain(call: Call, error: unknown, deadline: Deadline, timeoutReason: string): ApiError {
    if (error instanceof ApiError) return error;
    if (deadline.expired) return noAnswer(call, timeoutReason, messageOf(deadline.signal.reason), error);
    if (deadline.signal.aborted) return noAnswer(call, 'Aborted', 'given up by the monitor', error);
    if (error instanceof AnswerTooLarge) return noAnswer(call, 'ResponseTooLarge', error.message, error);
    if (error instanceof errors.ClientDestroyedError || error instanceof errors.ClientClosedError)
      return noAnswer(call, 'Aborted', 'the client is closed', error);
    if (error instanceof ProxyFailure)
      return noAnswer(call, 'Proxy', `${this.#access.server}: ${error.message}`, error);
    const code = codeOf(error);
    return noAnswer(
      call,
      tlsReason(code) ?? 'Unreachable',
      `${this.#access.server}: ${messageOf(error).trim() || code}`,
      error,
    );
  }
}

/** A watch that the API server accepted or refused. */
interface Opened extends Pick<Answer, 'status' | 'headers'> {
  readonly body: Readable;
  /** What it said in refusing, or the beginning of it; null when it did not. */
  readonly refusal: string | null;
}

async function readBounded(body: AsyncIterable<unknown>, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const part = asBuffer(chunk);
    parts.push(part);
    bytes += part.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(parts).toString('utf8');
}

function asBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError('a response body must be bytes');
}
