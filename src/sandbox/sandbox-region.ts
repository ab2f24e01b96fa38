// A region as the platform knows it: Region, Secret, identities and Server objects in the stand-in for Kubernetes, and
// the simulated cloud that they describe.

import { randomUUID } from 'node:crypto';
import {
  apiGroup,
  apiVersion,
  identityLabel,
  nameLabel,
  organizationLabel,
  regionLabel,
} from '../shared/labels.ts';
import type { SandboxKubernetes } from './kubernetes/api.ts';
import type { JsonObject } from './kubernetes/object.ts';
import type { CloudIdentity, SandboxCloud } from './openstack/cloud.ts';
import type { NewLoadBalancer } from './openstack/load-balancers.ts';
import type { CloudServer, NewServer } from './openstack/server.ts';

const group = `${apiGroup}/${apiVersion}`;
const imageId = '33333333-3333-4333-8333-333333333333';

export interface SandboxRegionOptions {
  readonly cluster: SandboxKubernetes;
  readonly cloud: SandboxCloud;
  readonly namespace: string;
  /** The Region object's name; a new UUID unless given. */
  readonly id?: string;
  /** Display name. */
  readonly name: string;
  /** Flavors whose servers are whole machines. */
  readonly baremetalFlavorIds?: readonly string[];
  /** Further keys of the Secret. */
  readonly secret?: Readonly<Record<string, string>>;
}

export interface NewSandboxServer {
  /** Display name, and name in the cloud. */
  readonly name: string;
  /** The Server object's name; a new UUID unless given. */
  readonly id?: string;
  /** How it is in the cloud; null for an object without a server there. */
  readonly cloud?: Omit<NewServer, 'name'> | null;
  /** Status of the object to begin with. */
  readonly status?: JsonObject;
}

export interface NewSandboxLoadBalancer {
  /** Display name. */
  readonly name: string;
  /** The LoadBalancer object's name; a new UUID unless given. */
  readonly id?: string;
  /** How it is in the cloud; null for an object without a load balancer there. */
  readonly cloud?: Partial<NewLoadBalancer> | null;
  /** Status of the object to begin with. */
  readonly status?: JsonObject;
}

export interface SandboxServer {
  /** Name of the Server object. */
  readonly id: string;
  readonly name: string;
  /** The cloud's id; "" where the cloud has none. */
  readonly providerId: string;
}

export class SandboxRegion {
  readonly cluster: SandboxKubernetes;
  readonly cloud: SandboxCloud;
  readonly namespace: string;
  readonly id: string;
  readonly name: string;
  readonly serviceAccount: CloudIdentity;

  constructor(options: SandboxRegionOptions) {
    this.cluster = options.cluster;
    this.cloud = options.cloud;
    this.namespace = options.namespace;
    this.id = options.id ?? randomUUID();
    this.name = options.name;
    this.serviceAccount = options.cloud.serviceAccount();
    this.putSecret(options.secret);
    const baremetal = options.baremetalFlavorIds;
    this.cluster.apply({
      apiVersion: group,
      kind: 'Region',
      metadata: { name: this.id, namespace: this.namespace, labels: { [nameLabel]: this.name } },
      spec: {
        provider: 'openstack',
        openstack: {
          endpoint: this.cloud.endpoint,
          serviceAccountSecret: { namespace: this.namespace, name: this.secretName },
          ...(baremetal === undefined
            ? {}
            : { compute: { flavors: { metadata: baremetal.map((id) => ({ id, baremetal: true })) } } }),
        },
      },
    });
  }

  get secretName(): string {
    return `${this.id}-credentials`;
  }

  /** Writes the Secret of the region's service account, with further keys or other values. */
  putSecret(values: Readonly<Record<string, string>> = {}): void {
    const { domainId, userId, password, projectId } = this.serviceAccount;
    const keys = { 'domain-id': domainId, 'user-id': userId, password, 'project-id': projectId, ...values };
    const data = Object.fromEntries(
      Object.entries(keys).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    );
    this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: this.secretName, namespace: this.namespace },
      data,
    });
  }

  /** A cloud project with the identity that the platform made for it. */
  addProject(options: { readonly organization?: string; readonly identityId?: string } = {}): SandboxProject {
    const { organization = 'sandbox', identityId = randomUUID() } = options;
    return new SandboxProject(this, { organization, identityId });
  }
}

export class SandboxProject {
  readonly region: SandboxRegion;
  readonly identityId: string;
  readonly organization: string;
  /** The platform's id of the network that its servers are in. */
  readonly networkId = randomUUID();
  readonly credentials: CloudIdentity;

  constructor(
    region: SandboxRegion,
    { organization, identityId }: Pick<SandboxProject, 'organization' | 'identityId'>,
  ) {
    this.region = region;
    this.organization = organization;
    this.identityId = identityId;
    this.credentials = region.cloud.addIdentity();
    region.cloud.grantAdmin(region.serviceAccount, this.credentials.projectId);
    const { cluster, namespace } = region;
    const metadata = { name: this.identityId, namespace };
    cluster.apply({ apiVersion: group, kind: 'Identity', metadata, spec: { provider: 'openstack' } });
    const { userId, password, projectId } = this.credentials;
    cluster.apply({
      apiVersion: group,
      kind: 'OpenstackIdentity',
      metadata,
      spec: { userID: userId, password, projectID: projectId },
    });
  }

  /** A Server object, and unless `cloud` is null the server in the cloud that belongs to it. */
  addServer({ name, id = randomUUID(), cloud = {}, status }: NewSandboxServer): SandboxServer {
    const { region } = this;
    const metadata = { 'region:server_id': id, ...cloud?.metadata };
    const { projectId } = this.credentials;
    const server: CloudServer | null =
      cloud === null
        ? null
        : region.cloud.createServer(projectId, {
            networks: [`network-${this.networkId}`],
            ...cloud,
            name,
            metadata,
          });
    const [flavor] = region.cloud.flavors;
    region.cluster.apply({
      apiVersion: group,
      kind: 'Server',
      metadata: {
        name: id,
        namespace: region.namespace,
        labels: this.#labels(name),
      },
      spec: {
        provider: 'openstack',
        flavorID: server?.flavorId ?? flavor?.id ?? '',
        image: { id: imageId },
        networks: [{ id: this.networkId }],
      },
      ...(status === undefined ? {} : { status }),
    });
    return { id, name, providerId: server?.id ?? '' };
  }

  /** Of an object with this display name. */
  #labels(name: string): Readonly<Record<string, string>> {
    return {
      [nameLabel]: name,
      [organizationLabel]: this.organization,
      [regionLabel]: this.region.id,
      [identityLabel]: this.identityId,
    };
  }

  /** A LoadBalancer object, and unless `cloud` is null the load balancer in the cloud that has its name. */
  addLoadBalancer({ name, id = randomUUID(), cloud = {}, status }: NewSandboxLoadBalancer): SandboxServer {
    const { region } = this;
    const { projectId } = this.credentials;
    const added =
      cloud === null ? null : region.cloud.loadBalancers.add(projectId, { name: `lb-${id}`, ...cloud });
    const pool = { members: [{ address: '10.0.0.1', port: 8080 }] };
    region.cluster.apply({
      apiVersion: group,
      kind: 'LoadBalancer',
      metadata: {
        name: id,
        namespace: region.namespace,
        labels: this.#labels(name),
      },
      spec: { listeners: [{ name: 'http', port: 80, protocol: 'tcp', pool }] },
      ...(status === undefined ? {} : { status }),
    });
    return { id, name, providerId: added?.id ?? '' };
  }
}
