// One client's connection, between its socket and Node's HTTP server, which would parse all that a client sends at once,
// and hold an answer for each of a thousand requests. Here what is sent is handed on in small pieces, one a turn of the
// event loop, and nothing while a request is being answered; a client that sends many requests ahead is cut off.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Holds the request of a browser or a probe, and some tens of the shortest requests. */
const pieceBytes = 1_024;
/** Browsers, probes and scrapers send one at a time. */
const maxRequests = 16;
/** From the first byte of a request until its last header. */
const headersTimeoutMs = 5_000;
/** For a socket on which nothing moves. */
const idleTimeoutMs = 15_000;

export class Connection extends Duplex {
  readonly #socket: Socket;
  readonly #onAnswering: (connection: Connection, answering: boolean) => void;
  /** What was sent and is not yet handed on; the socket is paused meanwhile. */
  #rest: Buffer | null = null;
  #ended = false;
  #wanted = false;
  /** Requests that are being answered. */
  #requests = 0;
  #headersTimer: NodeJS.Timeout | undefined;

  /** `onAnswering` is called when the connection begins to answer, and when it waits for a request again. */
  constructor(socket: Socket, onAnswering: (connection: Connection, answering: boolean) => void) {
    super();
    this.#socket = socket;
    this.#onAnswering = onAnswering;
    socket.setTimeout(idleTimeoutMs, () => this.destroy());
    socket.on('data', (chunk: Buffer) => {
      socket.pause();
      this.#rest = chunk;
      this.#handOn();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#handOn();
    });
    // Its end is all that matters of a connection that fails.
    socket.on('error', () => {});
    socket.on('close', () => this.destroy());
  }

  /** Whether nothing of a request has arrived since the last answer. */
  get idle(): boolean {
    return this.#requests === 0 && this.#rest === null && this.#headersTimer === undefined;
  }

  /** A request has arrived whole; it counts until its response is closed. */
  begin(response: ServerResponse): void {
    clearTimeout(this.#headersTimer);
    this.#headersTimer = undefined;
    this.#requests++;
    if (this.#requests > maxRequests) {
      this.destroy();
      return;
    }
    if (this.#requests === 1) this.#onAnswering(this, true);
    response.on('close', () => this.#end());
  }

  override _read(): void {
    this.#wanted = true;
    if (this.#rest === null) this.#socket.resume();
    if (this.#rest !== null || this.#ended) setImmediate(() => this.#handOn());
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#headersTimer);
    this.#rest = null;
    this.#socket.destroy();
    done(error);
  }

  #handOn(): void {
    if (!this.#wanted || this.destroyed) return;
    const rest = this.#rest;
    // A client that went is noticed also while it is being answered.
    if (rest === null && this.#ended) this.push(null);
    if (rest === null || this.#requests > 0) return;
    this.#rest = rest.length > pieceBytes ? rest.subarray(pieceBytes) : null;
    this.#wanted = false;
    this.#headersTimer ??= setTimeout(() => this.destroy(), headersTimeoutMs);
    this.push(rest.subarray(0, pieceBytes));
  }

  #end(): void {
    this.#requests--;
    if (this.#requests > 0 || this.destroyed) return;
    this.#onAnswering(this, false);
    setImmediate(() => this.#handOn());
  }
}
