// How a region is reached and logged in to: what jobs of every check carry to a worker, and what comes back to be kept.

/** Password credentials of a Keystone user, scoped to one project. */
export interface Credentials {
  readonly userId: string;
  readonly password: string;
  readonly projectId: string;
}

/** Where the region's API is, and how to trust it. */
export type RegionTarget =
  | {
      readonly provider: 'openstack';
      /** Keystone, with or without /v3. */
      readonly endpoint: string;
      /** Region id to choose from the catalog; null takes the first. */
      readonly catalogRegion: string | null;
      /** PEM certificates to trust in addition to the system's; null for the system's alone. */
      readonly caCertificate: string | null;
    }
  | { readonly provider: 'simulated' };

/** Services of a cloud that the platform uses, besides identity: by their types in catalogs. */
export const catalogServices = [
  'compute',
  'network',
  'image',
  'block-storage',
  'load-balancer',
  'baremetal',
] as const;

export type CatalogService = (typeof catalogServices)[number];

/** Where the catalog has a service: its public URL as it stands there, or only other regions. */
export type Endpoint = { readonly url: string } | { readonly otherRegions: readonly string[] };

/** Services that the catalog does not name are not in it. */
export type Endpoints = Readonly<Partial<Record<CatalogService, Endpoint>>>;

/** What is known of a compute service. */
export interface ComputeService {
  /** Without a trailing slash. */
  readonly url: string;
  /** Microversion to ask for; null for a cloud that knows none. */
  readonly microversion: string | null;
}

/**
 * A login and what was learnt with it: any service can be asked with it, by any check. Kept by main for its lifetime, used
 * and renewed by workers.
 */
export interface Session {
  readonly token: string;
  /** Monotonic milliseconds: log in again from here on, well before the token expires. */
  readonly renewAtMs: number;
  readonly endpoints: Endpoints;
  /** Null until it was asked. */
  readonly compute: ComputeService | null;
}
