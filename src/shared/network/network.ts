// How this process reaches the world: proxies and trusted authorities by environment variables, as Go programs have them.
// One object for each thread; it reads the trusted authorities when the first connection with TLS needs them.

import type { Socket } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { openConnection, type TlsOptions, TlsSessions } from './connector.ts';
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
  #trust: TlsOptions | undefined;
  /** Each takes a MiB, so services with the same authority share it. */
  readonly #trusting = new Map<string, WeakRef<TlsOptions>>();

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
    this.#trust ??= { secureContext: this.#context([]) };
    return this.#trust;
  }

  /** Trusts these PEM certificates, too. An intermediate or a server's own certificate is an anchor like any other. */
  trusting(certificates: readonly string[]): TlsOptions {
    const key = certificates.join('');
    const known = this.#trusting.get(key)?.deref();
    if (known !== undefined) return known;
    const trust = { secureContext: this.#context(certificates) };
    for (const [other, ref] of this.#trusting) if (ref.deref() === undefined) this.#trusting.delete(other);
    this.#trusting.set(key, new WeakRef(trust));
    return trust;
  }

  /** Trust as a list: undefined where Node's own is all there is. For a context that needs more than trust. */
  get authorities(): string[] | undefined {
    const { further } = this.#system;
    return further.length === 0 ? undefined : [...getCACertificates('default'), ...further];
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

  #context(certificates: readonly string[]): SecureContext {
    const { authorities } = this;
    const ca =
      certificates.length === 0
        ? authorities
        : [...(authorities ?? getCACertificates('default')), ...certificates];
    return createSecureContext({ allowPartialTrustChain: true, ...(ca === undefined ? {} : { ca }) });
  }
}

export { type Environment, hostOf, type ProxyServer, parseProxy, portOf };
