// Sends requests with Node's own client and its lenient parser, for services whose HTTP undici refuses to read although
// Go's client reads it: line feeds alone, folded headers, Content-Length beside Transfer-Encoding, HTTP/1.2, and so on.

import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type Duplex, PassThrough } from 'node:stream';
import { Dispatcher } from 'undici';
import { asError } from '../errors.ts';

export interface LenientOptions {
  /** Opens a connection that is ready for HTTP. */
  readonly open: () => Promise<Duplex>;
  /** Null for no bound. */
  readonly connections: number | null;
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
}

export class LenientDispatcher extends Dispatcher {
  readonly #agent: Agent;
  readonly #maxHeaderBytes: number;

  constructor(options: LenientOptions) {
    super();
    this.#agent = new OpeningAgent(options);
    this.#maxHeaderBytes = options.maxHeaderBytes;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { host } = new URL(String(options.origin));
    const sent = request({
      agent: this.#agent,
      method: options.method,
      path: options.path,
      headers: { host, ...plainHeaders(options.headers) },
      insecureHTTPParser: true,
      maxHeaderSize: this.#maxHeaderBytes,
    });
    const controller = new RequestController(sent);
    let failed = false;
    const fail = (error: Error): void => {
      if (failed) return;
      failed = true;
      handler.onResponseError?.(controller, error);
    };
    sent.on('error', fail);
    sent.once('response', (response) => {
      controller.response = response;
      response.on('error', fail);
      handler.onResponseStart?.(controller, response.statusCode ?? 0, response.headers);
      response.on('data', (chunk: Buffer) => handler.onResponseData?.(controller, chunk));
      response.once('end', () => handler.onResponseEnd?.(controller, response.trailers));
    });
    handler.onRequestStart?.(controller, null);
    sent.end(typeof options.body === 'string' ? options.body : undefined);
    return true;
  }

  override async destroy(): Promise<void> {
    this.#agent.destroy();
  }
}

class RequestController implements Dispatcher.DispatchController {
  readonly #request: ClientRequest;
  response: IncomingMessage | null = null;
  aborted = false;
  paused = false;
  reason: Error | null = null;

  constructor(sent: ClientRequest) {
    this.#request = sent;
  }

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
    this.#request.destroy(reason);
  }

  pause(): void {
    this.paused = true;
    this.response?.pause();
  }

  resume(): void {
    this.paused = false;
    this.response?.resume();
  }
}

/** Requests of ours have a record of texts. */
export function plainHeaders(
  headers: Dispatcher.DispatchOptions['headers'],
): Record<string, string | string[]> {
  const entries = Object.entries(headers ?? {});
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (typeof value === 'string' || isTexts(value) ? [[name, value]] : [])),
  );
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

class OpeningAgent extends Agent {
  readonly #open: () => Promise<Duplex>;

  constructor({ open, connections, keepAliveMs }: LenientOptions) {
    super({ keepAlive: true, timeout: keepAliveMs, maxSockets: connections ?? Number.POSITIVE_INFINITY });
    this.#open = open;
  }

  override createConnection(_: unknown, callback?: (error: Error | null, socket: Duplex) => void): undefined {
    this.#open().then(
      (socket) => callback?.(null, socket),
      (error: unknown) => {
        // The agent looks at the error alone; the type wants a stream beside it.
        callback?.(asError(error), new PassThrough());
      },
    );
  }
}
