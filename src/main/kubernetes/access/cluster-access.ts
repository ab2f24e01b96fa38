// What the client needs to reach the API server, wherever it was configured.

import type { ProxyServer } from '../../../shared/network/network.ts';

/** PEM, as for tls.connect. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

export interface ClusterAccess {
  /** Without a trailing slash; it may have a path of its own. */
  readonly server: string;
  /** Another object when files or a credential plugin have others: connections that were opened before are replaced. */
  readonly tls: TlsMaterial;
  readonly skipTlsVerify: boolean;
  /** The cluster's own; undefined where the environment decides. */
  readonly proxy?: ProxyServer;
  /** Of each request: whom to impersonate. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** The pod's or the context's; null when neither names one. */
  readonly defaultNamespace: string | null;
  /**
   * The Authorization header. Files are read again each minute, credential plugins run again when due, and `tls` follows.
   * `refused` is one that the API server did not accept, "" when there was none: then files are read again at once, and
   * a plugin runs again.
   */
  authorization(refused?: string): Promise<string | undefined>;
  /** Ends a credential plugin that is running. */
  close?(): void;
}
