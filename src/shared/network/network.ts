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

  constructor(env: Environment) {
    this.#env = env;
    this.#rules = proxyRules(env);
  }

  /** What of the environment cannot be used, and what to do about it: to be logged once. Reads the trust store. */
  get problems(): readonly string[] {
    return [...this.#rules.problems, ...this.#system.problems];
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
    return { secureContext: this.#context(certificates) };
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
