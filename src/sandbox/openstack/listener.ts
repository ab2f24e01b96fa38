// The port that the sandbox's cloud listens on: opened, closed and opened again, with every connection known.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { listening } from '../loopback/listening.ts';

export interface ListenerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly key: string; readonly cert: string } | null;
}

export class Listener {
  readonly #handler: RequestListener;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  /** Before: the port is ours. */
  #opened = false;
  #port: number;
  #tls: ListenerOptions['tls'];

  constructor(handler: RequestListener, options: ListenerOptions) {
    this.#handler = handler;
    this.#port = options.port;
    this.#tls = options.tls;
  }

  get port(): number {
    return this.#port;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Shows another certificate to connections that are made from now on. */
  setCertificate(tls: { readonly key: string; readonly cert: string }): void {
    this.#tls = tls;
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(tls);
  }

  /** Opens the port; after a close(), the same one again. */
  async open(): Promise<void> {
    if (this.#server !== null) return;
    const tls = this.#tls;
    const server = tls === null ? createServer(this.#handler) : createTlsServer(tls, this.#handler);
    // A client may hold a connection for as long as it polls; ours must not be the side that drops it.
    server.keepAliveTimeout = 900_000;
    server.requestTimeout = 0;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    try {
      this.#port = await listening(server, this.#port, { ours: this.#opened });
      this.#opened = true;
    } catch (error) {
      this.#server = null;
      throw error;
    }
  }

  /** Cuts all connections, and refuses new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    await closed;
  }
}
