// One request and the whole of its answer. Undici's `request` makes a stream, a signal and their listeners for each, which
// costs more than a list of some servers itself: so this handles its events directly.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dispatcher, Pool } from 'undici';
import { CheckFailure } from '../shared/errors.ts';
import { type LargeBodies, usualBytes } from './large-bodies.ts';

const maxResponseBytes = 64 * 1024 * 1024;

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** What is asked of whom, for error messages. */
  readonly what: string;
}

export interface ExchangeLimits {
  /** From now until the whole answer is there. */
  readonly timeoutMs: number;
  /** Ends the exchange with its reason, a CheckFailure. */
  readonly signal: AbortSignal;
  readonly largeBodies: LargeBodies;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  /** Milliseconds from sending until the answer began. */
  readonly waitedMs: number;
}

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2];

/** Rejects with a CheckFailure, or with undici's error when the connection failed. */
export async function exchange(
  pool: Pool,
  request: ExchangeRequest,
  limits: ExchangeLimits,
): Promise<Answer> {
  const { method, url, headers, body } = request;
  const handler = new ExchangeHandler(request.what, limits);
  try {
    pool.dispatch({ method, path: url.pathname + url.search, headers, body }, handler);
    const answer = await handler.answer;
    // Undici has the connection back only after this turn; the next request would open another.
    await nextTurn();
    return answer;
  } finally {
    handler.release();
  }
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #what: string;
  readonly #limits: ExchangeLimits;
  readonly #settled = Promise.withResolvers<Answer>();
  readonly #timer: NodeJS.Timeout;
  readonly #sentMs = performance.now();
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | null = null;
  #failure: Error | null = null;
  #status = 0;
  #headers: Headers = {};
  #waitedMs = 0;
  #bytes = 0;
  #turn: Promise<() => void> | null = null;

  constructor(what: string, limits: ExchangeLimits) {
    this.#what = what;
    this.#limits = limits;
    this.#timer = setTimeout(this.#expire, limits.timeoutMs);
    limits.signal.addEventListener('abort', this.#cancel);
  }

  get answer(): Promise<Answer> {
    return this.#settled.promise;
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#limits.signal.removeEventListener('abort', this.#cancel);
    void this.#turn?.then(
      (end) => end(),
      () => {},
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It was given up while it waited for a connection.
    if (this.#failure !== null) controller.abort(this.#failure);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return;
    this.#waitedMs = performance.now() - this.#sentMs;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > maxResponseBytes) {
      this.#end(
        new CheckFailure({
          code: 'response-too-large',
          message: `${this.#what} sent more than the ${maxResponseBytes} bytes that we accept`,
          status: this.#status,
        }),
      );
      return;
    }
    this.#chunks.push(chunk);
    if (this.#bytes > usualBytes && this.#turn === null) {
      controller.pause();
      this.#turn = this.#limits.largeBodies.turn(this.#limits.signal);
      // Without a turn the exchange is over: the signal has ended it.
      this.#turn.then(
        () => controller.resume(),
        () => {},
      );
    }
  }

  onResponseEnd(): void {
    this.#settled.resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks, this.#bytes),
      waitedMs: this.#waitedMs,
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settled.reject(error);
  }

  readonly #expire = (): void => {
    const { timeoutMs } = this.#limits;
    this.#end(
      new CheckFailure({
        code: 'timeout',
        message: `${this.#what} gave no answer within ${timeoutMs} ms`,
      }),
    );
  };

  readonly #cancel = (): void => {
    const reason: unknown = this.#limits.signal.reason;
    this.#end(reason instanceof Error ? reason : new Error(String(reason)));
  };

  /** Undici ends only what has a connection: what still waits for one is told later, the caller now. */
  #end(failure: Error): void {
    this.#failure = failure;
    this.#settled.reject(failure);
    this.#controller?.abort(failure);
  }
}
