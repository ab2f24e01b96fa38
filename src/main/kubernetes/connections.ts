// The connections to the API server. Other certificates need other connections: those that were opened before serve their
// requests to the end, and get no more.

import type { Network } from '../../shared/network/network.ts';
import type { Service } from '../../shared/network/service.ts';
import type { ClusterAccess, TlsMaterial } from './access/cluster-access.ts';

/** Below the 60 s after which load balancers forget a connection, and the 90 s after which the API server closes it. */
const keepAliveMs = 30_000;

interface Opened {
  readonly tls: TlsMaterial;
  readonly requests: Service;
  readonly watches: Service;
}

export interface ConnectionOptions {
  readonly network: Network;
  /** For a connection to be ready. */
  readonly timeoutMs: number;
  /** Requests in flight at once, watches aside. */
  readonly connections: number;
}

export class Connections {
  readonly #access: ClusterAccess;
  readonly #options: ConnectionOptions;
  /** Services that end with their last request. */
  readonly #retired = new Set<Service>();
  #opened: Opened;

  constructor(access: ClusterAccess, options: ConnectionOptions) {
    this.#access = access;
    this.#options = options;
    this.#opened = this.#open();
  }

  get requests(): Service {
    return this.#current().requests;
  }

  get watches(): Service {
    return this.#current().watches;
  }

  /** Ends all at once; requests in flight fail. */
  async destroy(): Promise<void> {
    const { requests, watches } = this.#opened;
    await Promise.all([requests, watches, ...this.#retired].map(async (service) => service.destroy()));
  }

  #current(): Opened {
    if (this.#access.tls !== this.#opened.tls) {
      for (const service of [this.#opened.requests, this.#opened.watches]) void this.#retire(service);
      this.#opened = this.#open();
    }
    return this.#opened;
  }

  async #retire(service: Service): Promise<void> {
    this.#retired.add(service);
    try {
      await service.close();
    } catch {
      // It was destroyed meanwhile.
    } finally {
      this.#retired.delete(service);
    }
  }

  #open(): Opened {
    const { server, proxy, skipTlsVerify, tls } = this.#access;
    const { network, timeoutMs, connections } = this.#options;
    // As in client-go: a cluster that names its authority is trusted by that one alone.
    const trust = network.trustingOnly(tls.ca?.toString('latin1'));
    const common = {
      keepAliveMs,
      timeoutMs,
      ...(proxy === undefined ? {} : { proxy }),
      tls: () => ({ ...tls, ...trust(), rejectUnauthorized: !skipTlsVerify }),
    };
    const url = new URL(server);
    return {
      tls,
      requests: network.service(url, { ...common, connections }),
      watches: network.service(url, { ...common, connections: null }),
    };
  }
}
