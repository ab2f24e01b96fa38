// The sockets of one worker: a bounded keep-alive pool for each pair of origin and CA.

import { CheckFailure } from '../../shared/errors.ts';
import { anchorsIn } from '../../shared/network/anchors.ts';
import { Network, type ProxyServer } from '../../shared/network/network.ts';
import type { Service } from '../../shared/network/service.ts';
import type { TlsOptions } from '../../shared/network/trust-options.ts';
import { sharedLookup } from './shared-lookup.ts';

/** Sockets to one origin, at most. Jobs bound their requests themselves; this bounds all jobs of a worker together. */
const maxConnections = 64;
/** A pool that no job holds is closed after this long. */
const poolIdleMs = 60_000;
/** An idle socket is kept this long: less than proxies and firewalls on the way usually do. */
const socketIdleMs = 20_000;

/** What the connections of a region need. */
export interface RegionConnections {
  /** PEM, trusted in addition to the system's certificates; null for none. */
  readonly caCertificate: string | null;
  /** A connection that takes longer than a request may is of no use. */
  readonly requestTimeoutMs: number;
}

interface Entry {
  readonly service: Service;
  holders: number;
  idleTimer: NodeJS.Timeout | undefined;
}

/** Lends pools to jobs. Closing it ends what is still in flight. */
export class Connections {
  readonly #entries = new Map<string, Entry>();
  readonly #idleMs: number;
  readonly #network: Network;
  readonly #lookup = sharedLookup();

  constructor(options: { idleMs?: number; network?: Network } = {}) {
    this.#idleMs = options.idleMs ?? poolIdleMs;
    this.#network = options.network ?? new Network(process.env);
  }

  /** Pools that are open now, for tests of ownership and for diagnostics. */
  get size(): number {
    return this.#entries.size;
  }

  lease(region: RegionConnections): ConnectionLease {
    const hold = (origin: string) => this.#hold(origin, region);
    return new ConnectionLease(hold, this.#network);
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) clearTimeout(entry.idleTimer);
    await Promise.all(entries.map(async ({ service }) => service.destroy()));
  }

  #hold(origin: string, region: RegionConnections): Hold {
    const key = JSON.stringify([origin, region.requestTimeoutMs, region.caCertificate]);
    const entry = this.#entries.get(key) ?? this.#open(key, origin, region);
    entry.holders += 1;
    clearTimeout(entry.idleTimer);
    return { service: entry.service, release: () => this.#release(key, entry) };
  }

  #open(key: string, origin: string, { caCertificate, requestTimeoutMs }: RegionConnections): Entry {
    const trust = caCertificate === null ? null : trusting(this.#network, caCertificate);
    const service = this.#network.service(new URL(origin), {
      connections: maxConnections,
      keepAliveMs: socketIdleMs,
      timeoutMs: requestTimeoutMs,
      lookup: this.#lookup,
      ...(trust === null ? {} : { tls: trust }),
    });
    const entry: Entry = { service, holders: 0, idleTimer: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  #release(key: string, entry: Entry): void {
    entry.holders -= 1;
    if (entry.holders > 0) return;
    entry.idleTimer = setTimeout(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      // Requests that their jobs gave up long ago end with it.
      void entry.service.destroy();
    }, this.#idleMs);
    entry.idleTimer.unref();
  }
}

interface Hold {
  readonly service: Service;
  readonly release: () => void;
}

/** One job's share of the connections. */
export class ConnectionLease {
  readonly #holds = new Map<string, Hold>();
  readonly #hold: (origin: string) => Hold;
  readonly #network: Network;

  constructor(hold: (origin: string) => Hold, network: Network) {
    this.#hold = hold;
    this.#network = network;
  }

  proxyFor(url: URL): ProxyServer | null {
    return this.#network.proxyFor(url);
  }

  /** Throws CheckFailure `invalid-config` when the CA cannot be read. */
  service(origin: string): Service {
    const known = this.#holds.get(origin);
    if (known !== undefined) return known.service;
    const hold = this.#hold(origin);
    this.#holds.set(origin, hold);
    return hold.service;
  }

  release(): void {
    for (const hold of this.#holds.values()) hold.release();
    this.#holds.clear();
  }
}

/**
 * Trusts these PEM certificates beside the system's. Without a readable one, every connection would fail without saying
 * why: so this throws CheckFailure `invalid-config`.
 */
export function trusting(network: Network, caCertificate: string): () => TlsOptions {
  if (anchorsIn(caCertificate).length > 0) return network.trusting(caCertificate);
  throw new CheckFailure({
    code: 'invalid-config',
    message: "the region's CA certificate cannot be read: it holds no PEM certificate",
  });
}
