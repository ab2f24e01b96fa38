// The way to a service, step by step: its name, a connection, its certificate. Failures are CheckFailures.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { dial, type Endpoint } from '../shared/network/dial.ts';
import type { Network } from '../shared/network/network.ts';
import { trusting } from '../workers/openstack/connections.ts';
import { transportFailure } from '../workers/openstack/http-failure.ts';

/** The addresses of a name, in the order in which they are tried. */
export async function resolveHost({ host }: Endpoint): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    // As connections do: with /etc/hosts and search domains.
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw transportFailure(`looking up ${host}`, error);
  }
}

export interface ProbeOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** The address that took a connection. */
export async function probeTcp(address: Endpoint, options: ProbeOptions): Promise<string> {
  try {
    const socket = await dial(address, options);
    const { remoteAddress } = socket;
    socket.destroy();
    return remoteAddress ?? address.host;
  } catch (error) {
    throw transportFailure(`a connection to ${textOf(address)}`, error);
  }
}

export interface Certificate {
  /** For example "TLSv1.3". */
  readonly protocol: string;
  readonly issuer: string;
  /** Epoch milliseconds. */
  readonly validUntilMs: number;
}

/** `caCertificate` is PEM, trusted in addition to the system's certificates. */
export async function probeTls(
  url: URL,
  { network, caCertificate }: { readonly network: Network; readonly caCertificate: string | null },
  options: ProbeOptions,
): Promise<Certificate> {
  const tls = caCertificate === null ? () => network.trust() : trusting(network, caCertificate);
  try {
    const socket = await network.open(url, { ...options, tls });
    if (!(socket instanceof TLSSocket)) throw new Error('the connection is not encrypted');
    const certificate = certificateOf(socket);
    socket.destroy();
    return certificate;
  } catch (error) {
    throw transportFailure(`the TLS handshake with ${url.host}`, error);
  }
}

function certificateOf(socket: TLSSocket): Certificate {
  const { issuer, valid_to } = socket.getPeerCertificate();
  return {
    protocol: socket.getProtocol() ?? 'TLS',
    issuer: [issuer.CN, issuer.O].flat().find((name) => name !== undefined && name !== '') ?? 'unknown',
    validUntilMs: Date.parse(valid_to),
  };
}

function textOf({ host, port }: Endpoint): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
