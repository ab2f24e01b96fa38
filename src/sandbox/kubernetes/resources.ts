// The resources that the stand-in serves.

import { apiGroup, apiVersion } from '../../shared/labels.ts';

export interface Resource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Whether status is written through its own path, and only there. */
  readonly statusSubresource: boolean;
  /** Custom resources count generations and are checked against a definition; built-in ones are neither. */
  readonly custom: boolean;
  /** Whether PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  readonly createOnUpdate: boolean;
  readonly shortNames?: readonly string[];
}

function custom(plural: string, singular: string, kind: string, statusSubresource = true): Resource {
  return {
    group: apiGroup,
    version: apiVersion,
    plural,
    singular,
    kind,
    statusSubresource,
    namespaced: true,
    custom: true,
    unconditionalUpdate: false,
    createOnUpdate: false,
  };
}

const regions = custom('regions', 'region', 'Region');
const servers = custom('servers', 'server', 'Server');
const identities = custom('identities', 'identity', 'Identity');
const loadBalancers = custom('loadbalancers', 'loadbalancer', 'LoadBalancer');
const openstackIdentities = custom('openstackidentities', 'openstackidentity', 'OpenstackIdentity', false);
export const secrets: Resource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  singular: 'secret',
  kind: 'Secret',
  namespaced: true,
  statusSubresource: false,
  custom: false,
  unconditionalUpdate: true,
  createOnUpdate: false,
};
export const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  singular: 'namespace',
  kind: 'Namespace',
  namespaced: false,
  statusSubresource: true,
  custom: false,
  shortNames: ['ns'],
  unconditionalUpdate: true,
  createOnUpdate: false,
};
const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  singular: 'lease',
  kind: 'Lease',
  namespaced: true,
  statusSubresource: false,
  custom: false,
  unconditionalUpdate: false,
  createOnUpdate: true,
};

const events: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  singular: 'event',
  kind: 'Event',
  namespaced: true,
  statusSubresource: false,
  custom: false,
  shortNames: ['ev'],
  unconditionalUpdate: true,
  createOnUpdate: true,
};

export const resources: readonly Resource[] = [
  identities,
  loadBalancers,
  openstackIdentities,
  regions,
  servers,
  namespaces,
  secrets,
  leases,
  events,
];

export type ResourceName =
  | 'regions'
  | 'servers'
  | 'loadbalancers'
  | 'identities'
  | 'openstackidentities'
  | 'secrets'
  | 'namespaces'
  | 'leases'
  | 'events';

/** "v1" or "<group>/<version>". */
export function groupVersion(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** "servers.region.unikorn-cloud.org", as errors name a resource. */
export function qualified(name: string, group: string): string {
  return group === '' ? name : `${name}.${group}`;
}
