// HTTP with JSON answers, for one job: bounded in time, in size and in number, every request counted.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { CheckFailure } from '../shared/errors.ts';
import { headerTime, retryAfterMs } from './cloud-time.ts';
import type { ConnectionLease } from './connections.ts';
import { isClosedConnection, statusFailure, transportFailure } from './http-failure.ts';
import type { JobContext } from './job-context.ts';
import { type LargeBodies, usualBytes } from './large-bodies.ts';

const maxResponseBytes = 64 * 1024 * 1024;

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
}

export interface ApiReply {
  readonly status: number;
  readonly json: unknown;
  /** One header, as text. */
  readonly header: (name: string) => string | undefined;
  /** The other side's clock when it began to answer, epoch milliseconds; null when it did not say. */
  readonly dateMs: number | null;
  /** Milliseconds from sending until the answer began. */
  readonly waitedMs: number;
}

interface RawReply {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Buffer;
  readonly waitedMs: number;
}

/** Every rejection is a CheckFailure. No redirect is followed: the token is for the host that was asked. */
export class OpenstackClient {
  readonly #lease: ConnectionLease;
  readonly #context: JobContext;

  constructor(lease: ConnectionLease, context: JobContext) {
    this.#lease = lease;
    this.#context = context;
  }

  async send(request: ApiRequest): Promise<ApiReply> {
    return this.#context.limit(async () => {
      try {
        return await this.#measured(request);
      } catch (thrown) {
        // The other side may have closed an idle connection just as we used it. A GET does no harm twice.
        if (request.method !== 'GET' || !(thrown instanceof CheckFailure)) throw thrown;
        if (!isClosedConnection(thrown.cause)) throw thrown;
        return this.#measured(request);
      }
    });
  }

  async #measured(request: ApiRequest): Promise<ApiReply> {
    const { signal, requests } = this.#context;
    signal.throwIfAborted();
    const url = new URL(request.url);
    const what = `${request.route} at ${url.host}`;
    const startMs = wallMs();
    let status = 0;
    try {
      const raw = await this.#exchange(request, url, what);
      status = raw.status;
      const reply = this.#read(request, raw, what);
      requests.add({ route: request.route, status, startMs, endMs: wallMs() });
      return reply;
    } catch (thrown) {
      const failure = transportFailure(what, thrown);
      requests.add({ route: request.route, status, startMs, endMs: wallMs(), error: failure.error });
      throw failure;
    }
  }

  /**
   * The whole answer, or a rejection when the time of the request or of the job is over. Undici heeds its signal only
   * once a connection stands, and its own timers are off by half a second: so the signal ends the wait itself.
   */
  async #exchange(request: ApiRequest, url: URL, what: string): Promise<RawReply> {
    const { signal, requestTimeoutMs } = this.#context;
    const end = new AbortController();
    const expire = (): void =>
      end.abort(
        new CheckFailure({
          code: 'timeout',
          message: `${what} gave no answer within ${requestTimeoutMs} ms`,
        }),
      );
    const cancel = (): void => end.abort(signal.reason);
    const timer = setTimeout(expire, requestTimeoutMs);
    signal.addEventListener('abort', cancel);
    try {
      const ended = new Promise<never>((_, reject) => {
        end.signal.addEventListener('abort', () => reject(asError(end.signal.reason)));
      });
      return await Promise.race([this.#request(request, { url, what, signal: end.signal }), ended]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
    }
  }

  async #request(
    request: ApiRequest,
    { url, what, signal }: { url: URL; what: string; signal: AbortSignal },
  ): Promise<RawReply> {
    const { clock } = this.#context;
    const sentMs = clock.monotonicMs();
    const response = await this.#lease.pool(url.origin).request({
      method: request.method,
      path: url.pathname + url.search,
      headers: { accept: 'application/json', 'user-agent': 'region-monitor', ...request.headers },
      body: request.secretBody ?? null,
      signal,
    });
    const waitedMs = clock.monotonicMs() - sentMs;
    const body = await readBody(response, { what, signal, largeBodies: this.#lease.largeBodies });
    // Undici has the connection back only after this turn; the next request would open another.
    await nextTurn();
    return { status: response.statusCode, headers: response.headers, body, waitedMs };
  }

  #read(request: ApiRequest, raw: RawReply, what: string): ApiReply {
    const header = (name: string): string | undefined => {
      const value = raw.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const dateMs = headerTime(header('date'));
    const json = parseJson(raw.body);
    if (!request.accept.includes(raw.status)) {
      throw statusFailure({
        what,
        status: raw.status,
        json: request.secretBody === undefined ? json : undefined,
        token: request.headers['x-auth-token'],
        retryAfterMs: retryAfterMs(header('retry-after'), dateMs ?? this.#context.clock.now()),
      });
    }
    if (json === undefined) {
      const type = header('content-type') ?? 'no content type';
      throw new CheckFailure({
        code: 'invalid-response',
        message: `${what} answered ${raw.status} with ${raw.body.byteLength} bytes (${type}) that are no JSON`,
        status: raw.status,
      });
    }
    return { status: raw.status, json, header, dateMs, waitedMs: raw.waitedMs };
  }
}

async function readBody(
  response: Dispatcher.ResponseData,
  { what, signal, largeBodies }: { what: string; signal: AbortSignal; largeBodies: LargeBodies },
): Promise<Buffer> {
  const stream: AsyncIterable<Uint8Array> = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let endTurn: (() => void) | null = null;
  try {
    for await (const chunk of stream) {
      bytes += chunk.byteLength;
      // Leaving the loop destroys the body, and its connection with it.
      if (bytes > maxResponseBytes) {
        throw new CheckFailure({
          code: 'response-too-large',
          message: `${what} sent more than the ${maxResponseBytes} bytes that we accept`,
          status: response.statusCode,
        });
      }
      if (bytes > usualBytes) endTurn ??= await largeBodies.turn(signal);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, bytes);
  } finally {
    endTurn?.();
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** Wall time with a fraction; `Date.now()` has none. */
function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
