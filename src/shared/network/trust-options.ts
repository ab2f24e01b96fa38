// Trust as a connection with TLS is given it, and what to try or to say when a certificate is not trusted.

import type { ConnectionOptions } from 'node:tls';
import { type Anchor, furtherOrders, isValidAt } from './anchors.ts';

type Trusted = Pick<ConnectionOptions, 'secureContext' | 'ca'>;

/** What `tls.connect` is given beside the host: trust, client certificate, server name. */
export interface TlsOptions
  extends Trusted,
    Pick<ConnectionOptions, 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'allowPartialTrustChain'> {
  /** The same authorities in other orders, for when one did not sign what another one of its name may have signed. */
  readonly furtherTrust?: readonly (() => Trusted)[];
  /** Why what somebody named is not trusted: it has expired, or is not valid yet. */
  readonly notTrusted?: readonly string[];
}

export function trustIn(
  {
    usual,
    own,
    lapsed,
    nowMs,
  }: {
    /** Node's list, PEM; empty where it is not trusted. */
    readonly usual: readonly string[];
    readonly own: readonly Anchor[];
    /** Of which it is said that they are not valid now. */
    readonly lapsed: readonly Anchor[];
    readonly nowMs: number;
  },
  /** Null for Node's list alone, which every context has unless it is given another one. */
  trusted: (ca: string[] | null) => Trusted,
): TlsOptions {
  const valid = own.filter(isValidAt(nowMs));
  const orders = furtherOrders(valid);
  const further = usual.length > 0 && valid.length > 0 ? [valid, ...orders] : orders;
  return {
    allowPartialTrustChain: true,
    ...trusted(valid.length === 0 && usual.length > 0 ? null : [...usual, ...valid.map(({ pem }) => pem)]),
    furtherTrust: further.map((order) => () => trusted([...order.map(({ pem }) => pem), ...usual])),
    notTrusted: lapsed.filter((anchor) => !isValidAt(nowMs)(anchor)).map((anchor) => reason(anchor, nowMs)),
  };
}

function reason({ subject, fromMs, untilMs }: Anchor, nowMs: number): string {
  return nowMs > untilMs
    ? `${subject} expired on ${day(untilMs)}`
    : `${subject} is not valid before ${day(fromMs)}`;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
