// The way to a service, step by step: its name, a connection, its certificate. Failures are CheckFailures.

import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { trusting } from '../workers/openstack/connections.ts';
import { transportFailure } from '../workers/openstack/http-failure.ts';

export interface ServiceAddress {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

export function addressOf(url: URL): ServiceAddress {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/** The addresses of a name, in the order in which they are tried. */
export async function resolveHost({ host }: ServiceAddress): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    // As connections do: with /etc/hosts and search domains.
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw transportFailure(`looking up ${host}`, error);
  }
}

/** The address that took a connection. */
export async function probeTcp(address: ServiceAddress, signal: AbortSignal): Promise<string> {
  return probe(`a connection to ${textOf(address)}`, connect(address), {
    event: 'connect',
    signal,
    read: ({ remoteAddress }) => remoteAddress ?? address.host,
  });
}

export interface Certificate {
  /** For example "TLSv1.3". */
  readonly protocol: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly validUntilMs: number;
}

/** `caCertificate` is PEM, trusted beside the system's certificates. */
export async function probeTls(
  address: ServiceAddress,
  caCertificate: string | null,
  signal: AbortSignal,
): Promise<Certificate> {
  const { host, port } = address;
  const options: ConnectionOptions = {
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caCertificate === null ? {} : { secureContext: trusting(caCertificate) }),
  };
  return probe(`the TLS handshake with ${textOf(address)}`, connectTls(options), {
    event: 'secureConnect',
    signal,
    read: certificateOf,
  });
}

function certificateOf(socket: TLSSocket): Certificate {
  const { issuer, valid_to } = socket.getPeerCertificate();
  return {
    protocol: socket.getProtocol() ?? 'TLS',
    issuer: [issuer.CN, issuer.O].flat().find((name) => name !== undefined && name !== '') ?? 'unknown',
    validUntilMs: Date.parse(valid_to),
  };
}

interface Probe<S, Value> {
  readonly event: 'connect' | 'secureConnect';
  readonly signal: AbortSignal;
  readonly read: (socket: S) => Value;
}

/** Waits for the event, and closes the connection whatever came. */
async function probe<S extends Socket, Value>(
  what: string,
  socket: S,
  { event, signal, read }: Probe<S, Value>,
): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  socket.once(event, () => resolve(read(socket)));
  socket.on('error', (error) => reject(transportFailure(what, error)));
  socket.once('close', () => reject(transportFailure(what, new Error('the other side closed it'))));
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function textOf({ host, port }: ServiceAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
