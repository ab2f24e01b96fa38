// Opens the connections of one service for undici: dialled, through the proxy if there is one, and with TLS if the
// service wants it, all within one time.

import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { Deadline } from '../deadline.ts';
import { asError, codeOf, messageOf } from '../errors.ts';
import { acceptedTls } from './accepted-tls.ts';
import { type DialOptions, dial, type Endpoint } from './dial.ts';
import { hostOf, type ProxyServer, portOf } from './proxy-rules.ts';
import { openTunnel, ProxyFailure } from './proxy-tunnel.ts';
import type { TlsOptions } from './trust-options.ts';

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

/** Of an authority that has the right name and another key. */
const wrongKey = 'CERT_SIGNATURE_FAILURE';
/** Of a certificate whose authority is not among those that are trusted. */
const unknownAuthority = /ISSUER|SELF_SIGNED|LEAF_SIGNATURE/;

/** Ready for HTTP: absolute-form where an HTTP proxy forwards plain HTTP. */
export async function openConnection(
  service: ServiceConnection,
  options: DialOptions,
  sessions: TlsSessions,
): Promise<Socket> {
  const deadline = new Deadline(options.timeoutMs, options.signal);
  const within = { ...options, signal: deadline.signal };
  const tls = service.url.protocol === 'https:' ? service.tls() : {};
  const further = [...(tls.furtherTrust ?? [])];
  try {
    for (let trust: TlsOptions = tls; ; )
      try {
        return await openOnce(service, within, { tls: trust, sessions });
      } catch (error) {
        const next = further.shift();
        if (codeOf(error) !== wrongKey || next === undefined) throw error;
        trust = { ...tls, ...next() };
      }
  } catch (error) {
    throw explained(error, { service, options, deadline, notTrusted: tls.notTrusted ?? [] });
  } finally {
    deadline.release();
  }
}

async function openOnce(
  { url, proxy, proxyTls }: ServiceConnection,
  options: DialOptions,
  { tls, sessions }: { readonly tls: TlsOptions; readonly sessions: TlsSessions },
): Promise<Socket> {
  const target: Endpoint = { host: hostOf(url), port: portOf(url) };
  const { signal } = options;
  const secure = url.protocol === 'https:';
  const socket =
    proxy === null
      ? await dial(target, options)
      : await throughProxy(proxy, { proxyTls, target, signal, options, tunnel: secure });
  socket.setKeepAlive(true, keepAliveAfterMs).setNoDelay(true);
  return secure ? overTls(socket, { host: target.host, signal, tls, sessions }) : socket;
}

function explained(
  error: unknown,
  {
    service: { url, proxy },
    options: { timeoutMs },
    deadline,
    notTrusted,
  }: {
    readonly service: ServiceConnection;
    readonly options: DialOptions;
    readonly deadline: Deadline;
    readonly notTrusted: readonly string[];
  },
): unknown {
  if (unknownAuthority.test(codeOf(error)) && notTrusted.length > 0)
    return Object.assign(
      new Error(`${messageOf(error)} (of the trusted authorities, ${notTrusted.join(', and ')})`),
      {
        code: codeOf(error),
      },
    );
  if (!deadline.expired || codeOf(error) !== '') return error;
  const via = proxy === null ? '' : ` through the proxy ${proxy.name}`;
  const message = `no connection to ${hostOf(url)}:${portOf(url)}${via} within ${timeoutMs} ms`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

async function throughProxy(
  proxy: ProxyServer,
  way: {
    readonly proxyTls: () => TlsOptions;
    readonly target: Endpoint;
    readonly signal: AbortSignal;
    readonly options: DialOptions;
    readonly tunnel: boolean;
  },
): Promise<Socket> {
  const { proxyTls, target, signal, options, tunnel } = way;
  const socket = await toProxy(proxy, { options, tls: proxyTls() });
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
  const name = tls.servername ?? host;
  const secured = connectTls({
    ...acceptedTls,
    ...tls,
    socket,
    host,
    // An address is not shown (RFC 6066), but the certificate must be for it.
    servername: isIP(name) === 0 ? withoutDot(name) : '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
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
