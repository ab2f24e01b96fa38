// What the client needs to reach the API server, wherever it was configured.

import type { ProxyServer } from '../../../shared/network/network.ts';

export interface ClusterAccess {
  /** Without a trailing slash; it may have a path of its own. */
  readonly server: string;
  readonly tls: {
    readonly ca?: Buffer;
    readonly cert?: Buffer;
    readonly key?: Buffer;
    readonly servername?: string;
  };
  readonly skipTlsVerify: boolean;
  /** The cluster's own; undefined where the environment decides. */
  readonly proxy?: ProxyServer;
  /** The pod's or the context's; null when neither names one. */
  readonly defaultNamespace: string | null;
  /**
   * The Authorization header. Token files are read again each minute, credential plugins run again when due. `refused`
   * is one that the API server did not accept: a token file is then read again at once.
   */
  authorization(refused?: string): Promise<string | undefined>;
}
