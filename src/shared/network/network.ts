// How this process reaches the world: proxies and trusted authorities by environment variables, as Go programs have them.
// One object for each thread; it reads the trusted authorities when the first connection with TLS needs them.

import type { Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import { secureContextOf } from './accepted-tls.ts';
import { type Anchor, anchorsIn, isValidAt } from './anchors.ts';
import { openConnection, TlsSessions } from './connector.ts';
import type { DialOptions } from './dial.ts';
import {
  type Environment,
  hostOf,
  type ProxyRules,
  type ProxyServer,
  parseProxy,
  portOf,
  proxyRules,
} from './proxy-rules.ts';
import { Service, type ServiceOptions } from './service.ts';
import { readSystemTrust, type SystemTrust } from './trust.ts';
import { type TlsOptions, trustIn } from './trust-options.ts';

export interface ServiceAccess extends ServiceOptions {
  /** Instead of the process's own trust. Asked for at each connection. */
  readonly tls?: () => TlsOptions;
  /** Instead of the one that the variables name: a cluster's own, or null for none. */
  readonly proxy?: ProxyServer | null;
}

export class Network {
  readonly #env: Environment;
  readonly #rules: ProxyRules;
  #systemTrust: SystemTrust | undefined;
  #usual: (() => TlsOptions) | undefined;
  /** Each takes a MiB, so services with the same authorities share it. */
  readonly #trusts = new Map<string, WeakRef<TlsOptions>>();

  constructor(env: Environment) {
    this.#env = env;
    this.#rules = proxyRules(env);
  }

  /**
   * What of the environment cannot be used, and what to do about it: to be logged once. The usual files are not looked at
   * for this: they are read when they are needed.
   */
  get problems(): readonly string[] {
    const named = Boolean(this.#env['SSL_CERT_FILE'] || this.#env['SSL_CERT_DIR']);
    return [...this.#rules.problems, ...(named ? this.#system.problems : [])];
  }

  /** Null when the requests go straight to the host. */
  proxyFor(url: URL): ProxyServer | null {
    return this.#rules.proxyFor(url);
  }

  /** For services whose authority nobody named: Node's list and the system's. */
  trust(): TlsOptions {
    this.#usual ??= this.#trusting([]);
    return this.#usual();
  }

  /**
   * Trusts the certificates of this PEM, too. An intermediate or a server's own certificate is an anchor like any other.
   * Ask the result at each connection, because an authority may expire meanwhile.
   */
  trusting(pem: string): () => TlsOptions {
    return this.#trusting(anchorsIn(pem));
  }

  /** Trusts only these certificates, or else the usual ones: for connections with a certificate of their own. */
  trustingOnly(pem: string | undefined): () => TlsOptions {
    const given = pem === undefined ? null : anchorsIn(pem);
    return () => {
      const usual = given === null ? getCACertificates('default') : [];
      const anchors = { usual, own: given ?? this.#system.further, lapsed: given ?? [] };
      return trustIn({ ...anchors, nowMs: Date.now() }, (ca) => (ca === null ? {} : { ca }));
    };
  }

  /** The connections of one service, at the origin of the URL. The owner destroys them. */
  service(url: URL, access: ServiceAccess): Service {
    const proxy = access.proxy === undefined ? this.proxyFor(url) : access.proxy;
    const tls = access.tls ?? (() => this.trust());
    return new Service({ url, proxy, tls, proxyTls: () => this.trust() }, access);
  }

  /** A single connection, ready for HTTP; the caller destroys it. With https it is a TLSSocket. */
  async open(url: URL, access: Pick<ServiceAccess, 'tls'> & DialOptions): Promise<Socket> {
    const tls = access.tls ?? (() => this.trust());
    const connection = { url, proxy: this.proxyFor(url), tls, proxyTls: () => this.trust() };
    return openConnection(connection, access, new TlsSessions());
  }

  get #system(): SystemTrust {
    this.#systemTrust ??= readSystemTrust(this.#env);
    return this.#systemTrust;
  }

  #trusting(given: readonly Anchor[]): () => TlsOptions {
    const own = [...this.#system.further, ...given];
    let latest: TlsOptions | undefined;
    return () => {
      const nowMs = Date.now();
      const key = own.filter(isValidAt(nowMs)).map(({ fingerprint }) => fingerprint);
      latest = this.#shared(key.join(), () => {
        const usual = getCACertificates('default');
        return trustIn({ usual, own, lapsed: given, nowMs }, (ca) => ({
          secureContext: secureContextOf({
            allowPartialTrustChain: true,
            ...(ca === null ? {} : { ca }),
          }),
        }));
      });
      return latest;
    };
  }

  #shared(key: string, make: () => TlsOptions): TlsOptions {
    const known = this.#trusts.get(key)?.deref();
    if (known !== undefined) return known;
    const trust = make();
    for (const [other, ref] of this.#trusts) if (ref.deref() === undefined) this.#trusts.delete(other);
    this.#trusts.set(key, new WeakRef(trust));
    return trust;
  }
}

export { type Environment, hostOf, type ProxyServer, parseProxy, portOf };
