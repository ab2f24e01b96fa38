// The sockets of one worker: a bounded keep-alive pool for each pair of origin and CA.

import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { Pool } from 'undici';
import { CheckFailure } from '../../shared/errors.ts';
import { LargeBodies } from './large-bodies.ts';
import { sharedLookup } from './shared-lookup.ts';

/** Sockets to one origin, at most. Jobs bound their requests themselves; this bounds all jobs of a worker together. */
const maxConnections = 64;
/** A pool that no job holds is closed after this long. */
const poolIdleMs = 60_000;
/** An idle socket is kept this long: less than proxies and firewalls on the way usually do. */
const socketIdleMs = 20_000;
/** Undici lets no signal end a connection attempt, so that an unreachable host needs a bound of its own. */
const connectTimeoutMs = 10_000;

interface Entry {
  readonly pool: Pool;
  holders: number;
  idleTimer: NodeJS.Timeout | undefined;
}

/** Lends pools to jobs. Closing it ends what is still in flight. */
export class Connections {
  readonly #entries = new Map<string, Entry>();
  readonly #idleMs: number;
  readonly #largeBodies = new LargeBodies();
  readonly #lookup = sharedLookup();

  constructor(options: { idleMs?: number } = {}) {
    this.#idleMs = options.idleMs ?? poolIdleMs;
  }

  /** Pools that are open now, for tests of ownership and for diagnostics. */
  get size(): number {
    return this.#entries.size;
  }

  /** `caCertificate` is PEM, trusted beside the system's certificates. */
  lease(caCertificate: string | null): ConnectionLease {
    return new ConnectionLease((origin) => this.#hold(origin, caCertificate), this.#largeBodies);
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) clearTimeout(entry.idleTimer);
    await Promise.all(entries.map(async ({ pool }) => pool.destroy()));
  }

  #hold(origin: string, caCertificate: string | null): Hold {
    const key = `${origin}\n${caCertificate ?? ''}`;
    const entry = this.#entries.get(key) ?? this.#open(key, origin, caCertificate);
    entry.holders += 1;
    clearTimeout(entry.idleTimer);
    return { pool: entry.pool, release: () => this.#release(key, entry) };
  }

  #open(key: string, origin: string, caCertificate: string | null): Entry {
    const pool = new Pool(origin, {
      connections: maxConnections,
      keepAliveTimeout: socketIdleMs,
      keepAliveMaxTimeout: socketIdleMs,
      connectTimeout: connectTimeoutMs,
      allowH2: false,
      connect: {
        lookup: this.#lookup,
        ...(caCertificate === null ? {} : { secureContext: trusting(caCertificate) }),
      },
    });
    const entry: Entry = { pool, holders: 0, idleTimer: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  #release(key: string, entry: Entry): void {
    entry.holders -= 1;
    if (entry.holders > 0) return;
    entry.idleTimer = setTimeout(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      // Not `close`, which would wait for requests that their jobs gave up long ago.
      void entry.pool.destroy();
    }, this.#idleMs);
    entry.idleTimer.unref();
  }
}

interface Hold {
  readonly pool: Pool;
  readonly release: () => void;
}

/** One job's share of the connections. */
export class ConnectionLease {
  readonly #holds = new Map<string, Hold>();
  readonly #hold: (origin: string) => Hold;
  /** Of the worker. */
  readonly largeBodies: LargeBodies;

  constructor(hold: (origin: string) => Hold, largeBodies: LargeBodies) {
    this.#hold = hold;
    this.largeBodies = largeBodies;
  }

  /** Throws CheckFailure `invalid-config` when the CA cannot be read. */
  pool(origin: string): Pool {
    const known = this.#holds.get(origin);
    if (known !== undefined) return known.pool;
    const hold = this.#hold(origin);
    this.#holds.set(origin, hold);
    return hold.pool;
  }

  release(): void {
    for (const hold of this.#holds.values()) hold.release();
    this.#holds.clear();
  }
}

/**
 * Trusts these PEM certificates beside the system's. Node ignores what it cannot read in `ca`, and every connection would
 * then fail without saying why: so this throws CheckFailure `invalid-config`.
 */
export function trusting(caCertificate: string): SecureContext {
  const certificates =
    caCertificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const parsed = certificates.map((pem) => new X509Certificate(pem).toString());
    if (parsed.length === 0) throw new Error('it holds no PEM certificate');
    return createSecureContext({ ca: [...getCACertificates('default'), ...parsed] });
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new CheckFailure({
      code: 'invalid-config',
      message: `the region's CA certificate cannot be read: ${reason}`,
    });
  }
}
