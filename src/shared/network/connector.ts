// Opens the connections of one service for undici: dialled, through the proxy if there is one, and with TLS if the
// service wants it, all within one time.

import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { Deadline } from '../deadline.ts';
import { asError, codeOf, messageOf } from '../errors.ts';
import { type DialOptions, dial, type Endpoint } from './dial.ts';
import { hostOf, type ProxyServer, portOf } from './proxy-rules.ts';
import { openTunnel, ProxyFailure } from './proxy-tunnel.ts';

/** What `tls.connect` is given beside the host: trust, client certificate, server name. */
export type TlsOptions = Pick<
  ConnectionOptions,
  'secureContext' | 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'allowPartialTrustChain'
>;

export interface ServiceConnection {
  readonly url: URL;
  readonly proxy: ProxyServer | null;
  /** Asked for at each connection, so that certificates may change. */
  readonly tls: () => TlsOptions;
  /** For a proxy that is reached by https. */
  readonly proxyTls: () => TlsOptions;
}

/** For an idle connection: packets that find out a peer that is gone. */
const keepAliveAfterMs = 30_000;

/** As the option `connect` of undici's pools. Connections under way end with the signal. */
export function connector(service: ServiceConnection, options: DialOptions): buildConnector.connector {
  const sessions = new TlsSessions();
  return (_, callback) => {
    openConnection(service, options, sessions).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(asError(error), null),
    );
  };
}

export class TlsSessions {
  #session: Buffer | undefined;

  /** The last session of the service, which makes the next handshake short. */
  get last(): Buffer | undefined {
    return this.#session;
  }

  watch(socket: TLSSocket): void {
    socket.on('session', (session) => {
      this.#session = session;
    });
  }
}

/** Ready for HTTP: absolute-form where an HTTP proxy forwards plain HTTP. */
export async function openConnection(
  service: ServiceConnection,
  options: DialOptions,
  sessions: TlsSessions,
): Promise<Socket> {
  const { url, proxy } = service;
  const target: Endpoint = { host: hostOf(url), port: portOf(url) };
  const secure = url.protocol === 'https:';
  const deadline = new Deadline(options.timeoutMs, options.signal);
  const { signal } = deadline;
  try {
    const socket =
      proxy === null
        ? await dial(target, { ...options, signal })
        : await throughProxy(service, proxy, { target, signal, options, tunnel: secure });
    socket.setKeepAlive(true, keepAliveAfterMs).setNoDelay(true);
    if (!secure) return socket;
    return await overTls(socket, { host: target.host, signal, tls: service.tls(), sessions });
  } catch (error) {
    if (!deadline.expired || (error instanceof Error && 'code' in error)) throw error;
    const via = proxy === null ? '' : ` through the proxy ${proxy.name}`;
    const message = `no connection to ${target.host}:${target.port}${via} within ${options.timeoutMs} ms`;
    throw Object.assign(new Error(message), { code: 'ETIMEDOUT' });
  } finally {
    deadline.release();
  }
}

async function throughProxy(
  { proxyTls }: ServiceConnection,
  proxy: ProxyServer,
  way: {
    readonly target: Endpoint;
    readonly signal: AbortSignal;
    readonly options: DialOptions;
    readonly tunnel: boolean;
  },
): Promise<Socket> {
  const { target, signal, options, tunnel } = way;
  const socket = await toProxy(proxy, { options: { ...options, signal }, tls: proxyTls() });
  if (tunnel || proxy.kind === 'socks5') await openTunnel(socket, { proxy, target, signal });
  return socket;
}

async function toProxy(
  proxy: ProxyServer,
  { options, tls }: { readonly options: DialOptions; readonly tls: TlsOptions },
): Promise<Socket> {
  try {
    const socket = await dial(proxy, options);
    if (proxy.kind !== 'https') return socket;
    return await overTls(socket, {
      host: proxy.host,
      signal: options.signal,
      tls,
      sessions: new TlsSessions(),
    });
  } catch (cause) {
    if (options.signal.aborted) throw cause;
    const reason = messageOf(cause);
    const remedy = /CERT|ISSUER|SIGNATURE/.test(codeOf(cause))
      ? "trust the authority of the proxy's certificate (SSL_CERT_FILE), and use the name that it is for"
      : codeOf(cause) === 'ERR_SSL_WRONG_VERSION_NUMBER'
        ? `it does not speak TLS there: give http:// in ${proxy.source}`
        : 'is it up, and is its address right?';
    throw new ProxyFailure(proxy, `cannot be reached: ${reason}; ${remedy}`, { cause });
  }
}

async function overTls(
  socket: Socket,
  options: {
    readonly host: string;
    readonly signal: AbortSignal;
    readonly tls: TlsOptions;
    readonly sessions: TlsSessions;
  },
): Promise<TLSSocket> {
  const { host, signal, tls, sessions } = options;
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const secured = connectTls({
    ...tls,
    socket,
    host,
    servername: tls.servername ?? (isIP(host) === 0 ? withoutDot(host) : ''),
    session: sessions.last,
    ALPNProtocols: ['http/1.1'],
  });
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  sessions.watch(secured);
  secured.once('secureConnect', () => resolve(secured));
  secured.on('error', reject);
  secured.once('close', () => reject(closedEarly()));
  try {
    return await promise;
  } catch (error) {
    secured.destroy();
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Of an absolute name: a server name in TLS has no dot at its end (RFC 6066), and some servers refuse one. */
function withoutDot(host: string): string {
  return host.replace(/\.$/, '');
}

function closedEarly(): Error {
  return Object.assign(new Error('the other side closed the connection during the TLS handshake'), {
    code: 'ECONNRESET',
  });
}
