// The connections of one service: undici's pool, and for a service whose HTTP it cannot read, Node's lenient client.

import { type Dispatcher, Pool } from 'undici';
import { connector, openConnection, type ServiceConnection, TlsSessions } from './connector.ts';
import type { DialOptions } from './dial.ts';
import { LenientDispatcher, plainHeaders } from './lenient-dispatcher.ts';
import type { ProxyServer } from './proxy-rules.ts';
import { proxyAuthorization } from './proxy-tunnel.ts';

export interface ServiceOptions extends Omit<DialOptions, 'signal'> {
  /** Null for no bound. */
  readonly connections: number | null;
  readonly keepAliveMs: number;
}

/** Undici refuses more than 16 KiB of headers, Go more than 10 MiB. */
const maxHeaderBytes = 1024 * 1024;

/** A connection gets the time of a request and a little more: what took too long is for the request to say. */
const connectionGraceMs = 1_000;

export class Service {
  readonly proxy: ProxyServer | null;
  readonly #connection: ServiceConnection;
  readonly #options: ServiceOptions & DialOptions;
  readonly #over = new AbortController();
  readonly #pool: Pool;
  readonly #strict: Dispatcher;
  #lenient: { readonly client: LenientDispatcher; readonly dispatcher: Dispatcher } | null = null;

  constructor(connection: ServiceConnection, options: ServiceOptions) {
    this.#connection = connection;
    const timeoutMs = options.timeoutMs + connectionGraceMs;
    this.#options = { ...options, timeoutMs, signal: this.#over.signal };
    this.proxy = connection.proxy;
    this.#pool = new Pool(connection.url.origin, {
      connections: options.connections,
      pipelining: 1,
      allowH2: false,
      // Undici's own timers are coarse (1 s fires after 1.5 s): the deadline of each request counts instead.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: options.keepAliveMs,
      maxHeaderSize: maxHeaderBytes,
      connect: connector(connection, this.#options),
    });
    this.#strict = this.#forwarded(this.#pool);
  }

  get dispatcher(): Dispatcher {
    return this.#lenient?.dispatcher ?? this.#strict;
  }

  /**
   * What to send a request with once more, because `used` could not read the answer: from now on the service is read leniently.
   * Null when that would not help.
   */
  lenientAfter(failure: unknown, used: Dispatcher): Dispatcher | null {
    if (used !== this.#strict || !isUnreadable(failure)) return null;
    this.#lenient ??= this.#openLenient();
    return this.#lenient.dispatcher;
  }

  /** Takes no more requests; resolves when those in flight have ended. */
  async close(): Promise<void> {
    await this.#pool.close();
    await this.#lenient?.client.destroy();
  }

  /** Ends all connections at once; requests in flight fail. */
  async destroy(reason: Error | null = null): Promise<void> {
    this.#over.abort(reason ?? new Error('the connections are closed'));
    await Promise.all([this.#pool.destroy(reason), this.#lenient?.client.destroy()]);
  }

  #openLenient(): { readonly client: LenientDispatcher; readonly dispatcher: Dispatcher } {
    const { connections, keepAliveMs } = this.#options;
    const sessions = new TlsSessions();
    const open = async () => openConnection(this.#connection, this.#options, sessions);
    const client = new LenientDispatcher({ open, connections, keepAliveMs, maxHeaderBytes });
    return { client, dispatcher: this.#forwarded(client) };
  }

  /** A proxy that forwards plain HTTP needs the whole URL, and who we are. */
  #forwarded(dispatcher: Dispatcher): Dispatcher {
    const { proxy, url } = this.#connection;
    if (proxy === null || proxy.kind === 'socks5' || url.protocol === 'https:') return dispatcher;
    const login = proxyAuthorization(proxy);
    return dispatcher.compose((dispatch) => (options, handler) => {
      const headers = {
        ...plainHeaders(options.headers),
        ...(login === null ? {} : { 'proxy-authorization': login }),
      };
      return dispatch({ ...options, headers, path: `${url.origin}${options.path}` }, handler);
    });
  }
}

function isUnreadable(failure: unknown): boolean {
  if (!(failure instanceof Error)) return false;
  if (failure.name === 'HTTPParserError') return true;
  const code = 'code' in failure ? failure.code : '';
  // What undici says of a "100 Continue" that it did not ask for.
  if (code === 'UND_ERR_SOCKET') return failure.message === 'bad response';
  return code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}
