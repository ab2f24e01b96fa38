// One request and the whole of its answer. Undici's `request` makes a stream, a signal and their listeners for each, which
// costs more than a small answer itself: so this handles its events directly.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { BodyShare } from '../body-memory.ts';
import { asError } from '../errors.ts';
import { untilAborted } from '../until-aborted.ts';
import { type ContentEncoding, contentEncoding, decoder } from './content-encoding.ts';
import type { Service } from './service.ts';

export interface ExchangeRequest {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string | null;
  /** Sending it twice does no harm. */
  readonly repeatable: boolean;
}

export interface ExchangeLimits {
  /** Ends the exchange with its reason, also while it waits for a connection. */
  readonly signal: AbortSignal;
  /** A longer answer rejects with an AnswerTooLarge. */
  readonly maxBytes: number;
  /** The request has a connection. */
  readonly onConnected?: () => void;
  /** Its owner closes it once the answer has been read. */
  readonly memory: BodyShare;
}

/** Of an answer whose status is an error, no more is read: the status and the beginning say enough. */
const maxErrorBytes = 65_536;

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: AnswerHeaders;
  /** The body as it came, decompressed: most are only compared, and to join a large one would cost as much again. */
  readonly chunks: readonly Buffer[];
  /** Of the body. */
  readonly bytes: number;
  /** Milliseconds from sending until the answer began. */
  readonly waitedMs: number;
}

export function bodyOf({ chunks, bytes }: Answer): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes);
}

export function textOf(answer: Answer): string {
  return bodyOf(answer).toString('utf8');
}

/** Of the body. */
export function digestOf({ chunks }: Answer): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('base64');
}

async function decoded(
  answer: Answer,
  encoding: ContentEncoding,
  { maxBytes, memory, signal }: ExchangeLimits,
): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const collect = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      bytes += piece.byteLength;
      if (bytes > maxBytes) throw new AnswerTooLarge(maxBytes, answer.status);
      chunks.push(piece);
      const room = memory.grow(answer.bytes + bytes);
      if (room !== null) await untilAborted(room, signal);
    }
  };
  const [beginning = Buffer.alloc(0)] = answer.chunks;
  try {
    await pipeline(Readable.from(answer.chunks), decoder(encoding, beginning), collect);
  } catch (error) {
    signal.throwIfAborted();
    if (answer.status < 400) throw error;
    // The status and the headers say enough.
    return { ...answer, chunks: [], bytes: 0 };
  }
  memory.shrink(bytes);
  return { ...answer, chunks, bytes };
}

type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
  /** HTTP status of the answer. */
  readonly status: number;

  constructor(maxBytes: number, status: number) {
    super(`the answer has more than the ${maxBytes} bytes that we accept`);
    this.status = status;
  }
}

/** Rejects with the signal's reason, an AnswerTooLarge, or undici's error when the connection failed. */
export async function exchange(
  service: Service,
  request: ExchangeRequest,
  limits: ExchangeLimits,
): Promise<Answer> {
  const { dispatcher } = service;
  try {
    return await exchangeOnce(dispatcher, request, limits);
  } catch (error) {
    const lenient = request.repeatable ? service.lenientAfter(error, dispatcher) : null;
    if (lenient === null) throw error;
    return exchangeOnce(lenient, request, limits);
  }
}

async function exchangeOnce(
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  limits: ExchangeLimits,
): Promise<Answer> {
  limits.signal.throwIfAborted();
  const { method, url, headers, body } = request;
  const { origin, pathname, search } = url;
  const handler = new ExchangeHandler(limits);
  try {
    dispatcher.dispatch({ origin, method, path: pathname + search, headers, body }, handler);
    const answer = await handler.answer;
    // Undici has the connection back only after this turn; the next request would open another.
    await nextTurn();
    const encoding = contentEncoding(answer.headers['content-encoding']);
    if (encoding === null || answer.bytes === 0) return answer;
    return await decoded(answer, encoding, limits);
  } finally {
    handler.release();
  }
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #limits: ExchangeLimits;
  readonly #settled = Promise.withResolvers<Answer>();
  readonly #sentMs = performance.now();
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #failure: unknown;
  #failed = false;
  #status = 0;
  #headers: AnswerHeaders = {};
  #waitedMs = 0;
  #bytes = 0;

  constructor(limits: ExchangeLimits) {
    this.#limits = limits;
    limits.signal.addEventListener('abort', this.#cancel);
  }

  get answer(): Promise<Answer> {
    return this.#settled.promise;
  }

  release(): void {
    this.#limits.signal.removeEventListener('abort', this.#cancel);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#limits.onConnected?.();
    // It was given up while it waited for a connection.
    if (this.#failed) this.#abort();
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (status < 200) return;
    this.#waitedMs = performance.now() - this.#sentMs;
    this.#status = status;
    this.#headers = headers;
    const length = Number(headers['content-length'] ?? 0);
    if (status < 400 && length > this.#limits.maxBytes) this.#tooLarge();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { maxBytes, memory } = this.#limits;
    this.#bytes += chunk.byteLength;
    if (this.#status < 400 && this.#bytes > maxBytes) {
      this.#tooLarge();
      return;
    }
    this.#chunks.push(chunk);
    if (this.#status >= 400 && this.#bytes > maxErrorBytes) {
      this.onResponseEnd();
      this.#abort();
      return;
    }
    const room = memory.grow(this.#bytes);
    if (room === null) return;
    controller.pause();
    void room.then(() => controller.resume());
  }

  onResponseEnd(): void {
    this.#settled.resolve({
      status: this.#status,
      headers: this.#headers,
      chunks: this.#chunks,
      bytes: this.#bytes,
      waitedMs: this.#waitedMs,
    });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#settled.reject(error);
  }

  #tooLarge(): void {
    this.#end(new AnswerTooLarge(this.#limits.maxBytes, this.#status));
  }

  readonly #cancel = (): void => this.#end(this.#limits.signal.reason);

  /** Undici ends only what has a connection: what still waits for one is told later, the caller now. */
  #end(failure: unknown): void {
    this.#failure = failure;
    this.#failed = true;
    this.#settled.reject(failure);
    this.#abort();
  }

  #abort(): void {
    const failure = this.#failure;
    this.#controller?.abort(asError(failure));
  }
}
