// The custom resource definitions of both profiles, as data: spec and status of each kind.

import { loadBalancerDefinition, loadBalancerRules } from './load-balancer-definition.ts';
import type { JsonObject } from './object.ts';
import type { Rules, Schema } from './schema.ts';

/** Which release's definitions are installed. */
export type Profile = 'v1.16' | 'v1.19';

/** Schemas of one kind, by top-level field: apiVersion, kind and metadata are the same for all. */
export interface Definition {
  readonly spec: Schema;
  readonly status: Schema;
}

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const integer: Schema = { type: 'integer' };
const uuid: Schema = { type: 'string', format: 'uuid' };
const bytes: Schema = { type: 'string', format: 'byte' };
const time: Schema = { type: 'string', format: 'date-time' };

function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

function object(properties: Readonly<Record<string, Schema>>, ...required: readonly string[]): Schema {
  return { type: 'object', ...(required.length === 0 ? {} : { required }), properties };
}

function list(items: Schema): Schema {
  return { type: 'array', items };
}

function listById(items: Schema): Schema {
  return {
    type: 'array',
    items,
    'x-kubernetes-list-map-keys': ['id'],
    'x-kubernetes-list-type': 'map',
  };
}

const quantity: Schema = {
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  pattern:
    '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  'x-kubernetes-int-or-string': true,
};
const cidr: Schema = {
  type: 'string',
  pattern:
    '^(?:(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|[01]?[0-9]?[0-9])\\/(?:3[0-2]|[1-2]?[0-9])$',
};

const provider: Schema = { ...oneOf('openstack', 'kubernetes', 'simulated'), maxLength: 63 };
const tags = list(object({ name: text, value: text }, 'name', 'value'));
const reference = object({ name: text, namespace: text }, 'name', 'namespace');
const selectedIds = object({ ids: list(text) });

const reasons = oneOf(
  'Provisioning',
  'Provisioned',
  'Cancelled',
  'Errored',
  'Deprovisioning',
  'Deprovisioned',
  'Unknown',
  'Healthy',
  'Degraded',
);
const conditions = list(
  object(
    {
      lastTransitionTime: time,
      message: text,
      reason: reasons,
      status: text,
      type: oneOf('Available', 'Healthy'),
    },
    'lastTransitionTime',
    'message',
    'reason',
    'status',
    'type',
  ),
);

const identity: Definition = {
  spec: object({ pause: flag, provider, tags }, 'provider'),
  status: object({ conditions }),
};

const openstackIdentity: Definition = {
  spec: object({
    applicationCredentialID: text,
    applicationCredentialSecret: text,
    cloud: text,
    cloudConfig: bytes,
    password: text,
    projectID: text,
    serverGroupID: text,
    sshKeyName: text,
    sshPrivateKey: bytes,
    userID: text,
  }),
  status: { type: 'object' },
};

const cpu = object({ architecture: oneOf('x86_64', 'aarch64'), count: integer, family: text });
const gpu = object(
  {
    logicalCount: integer,
    memory: quantity,
    model: text,
    physicalCount: integer,
    vendor: oneOf('NVIDIA', 'AMD'),
  },
  'logicalCount',
  'memory',
  'model',
  'physicalCount',
  'vendor',
);
const node = object(
  { cpu, disk: quantity, gpu, id: text, memory: quantity, name: text },
  'cpu',
  'disk',
  'id',
  'memory',
  'name',
);
const vlanSegment = object(
  { endId: { type: 'integer', maximum: 4094 }, startId: { type: 'integer', minimum: 1 } },
  'endId',
  'startId',
);
const network = object({
  externalNetworks: object({ selector: object({ ids: list(text), tags: list(text) }) }),
  providerNetworks: object({
    physicalNetwork: text,
    vlan: object({ segments: { ...list(vlanSegment), minItems: 1 } }),
  }),
});
const positive: Schema = { type: 'integer', minimum: 1 };
const volumeClass = object(
  {
    encrypted: flag,
    id: text,
    media: oneOf('hdd', 'ssd', 'nvme'),
    performance: object({ maxIOPS: positive, maxThroughputMiBps: positive }),
  },
  'id',
);

const openstackRequired = 'self.provider == "openstack" ? has(self.openstack) : true';
const kubernetesRequired = 'self.provider == "kubernetes" ? has(self.kubernetes) : true';
const hostImmutable =
  '!has(oldSelf.infrastructureRef) == !has(self.infrastructureRef) && (!has(self.infrastructureRef) || self.infrastructureRef == oldSelf.infrastructureRef)';

/** What the rules in the definitions mean. */
export const rules: Rules = {
  ...loadBalancerRules,
  [openstackRequired]: (self) => self['provider'] !== 'openstack' || self['openstack'] !== undefined,
  [kubernetesRequired]: (self) => self['provider'] !== 'kubernetes' || self['kubernetes'] !== undefined,
  [hostImmutable]: (self: JsonObject, old: JsonObject | undefined) =>
    old === undefined || self['infrastructureRef'] === old['infrastructureRef'],
};

function region(newer: boolean): Definition {
  const flavor = object(
    { baremetal: flag, cpu, gpu, id: text, memory: quantity, ...(newer ? { pinnedOnly: flag } : {}) },
    'id',
  );
  const compute = object({
    flavors: object({ metadata: list(flavor), selector: selectedIds }),
    ...(newer ? { placementPreflight: object({ enabled: flag, requiredTraits: list(text) }) } : {}),
    serverGroupPolicy: text,
  });
  const volumeClasses = object({ metadata: listById(volumeClass), selector: selectedIds });
  const openstack = object(
    {
      ...(newer ? { blockStorage: object({ volumeClasses }) } : {}),
      compute,
      endpoint: text,
      identity: object({ clusterRoles: list(text) }),
      image: object({ selector: object({ signingKey: bytes }) }),
      network,
      serviceAccountSecret: reference,
    },
    'endpoint',
    'serviceAccountSecret',
  );
  const kubernetes = object(
    { domainName: text, kubeConfigSecret: reference, nodes: listById(node) },
    'kubeConfigSecret',
  );
  const security = object({ organizations: list(object({ id: text }, 'id')) });
  return {
    spec: {
      ...object({ kubernetes, openstack, provider, security, tags }, 'provider'),
      'x-kubernetes-validations': [
        { rule: openstackRequired, message: 'openstack definition required for region of openstack type' },
        { rule: kubernetesRequired, message: 'kubernetes definition required for region of kubernetes type' },
      ],
    },
    status: object({ conditions }),
  };
}

function server(newer: boolean): Definition {
  const id = newer ? uuid : text;
  const addressPair = object({ cidr, macAddress: text }, 'cidr');
  const attachment = object(
    {
      device: text,
      id: text,
      message: text,
      provisioningStatus: oneOf('Provisioning', 'Provisioned', 'Errored', 'Deprovisioning'),
    },
    'id',
    'message',
    'provisioningStatus',
  );
  const spec = object(
    {
      flavorID: id,
      image: object({ id }, 'id'),
      networks: list(object({ allowedAddressPairs: list(addressPair), id }, 'id')),
      pause: flag,
      provider,
      publicIPAllocation: object({ enabled: flag }),
      securityGroups: list(object({ id }, 'id')),
      sshCertificateAuthorityID: text,
      tags,
      userData: bytes,
      ...(newer ? { infrastructureRef: text, sshInjection: oneOf('ca', 'identityKeypair', 'none') } : {}),
      ...(newer ? { volumes: listById(object({ id: text }, 'id')) } : {}),
    },
    'flavorID',
    'image',
  );
  const phases = newer
    ? ['Pending', 'Queued', 'Building', 'Running', 'Stopping', 'Stopped']
    : ['Pending', 'Running', 'Stopping', 'Stopped'];
  const rebuildStates = oneOf('Initiated', 'Rebuilding', 'Succeeded', 'Failed');
  const added: Readonly<Record<string, Schema>> = {
    launchedAt: time,
    scheduledAt: time,
    provisionedAt: time,
    providerCreateFailures: { type: 'integer', format: 'int32' },
    providerCreateRetrying: flag,
    rebuild: object({ state: rebuildStates, targetImageID: uuid }, 'state', 'targetImageID'),
    volumes: listById(attachment),
  };
  const immutable = { rule: hostImmutable, message: 'infrastructureRef is immutable' };
  return {
    spec: newer ? { ...spec, 'x-kubernetes-validations': [immutable] } : spec,
    status: object({
      conditions,
      macAddress: text,
      phase: oneOf(...phases),
      privateIP: text,
      publicIP: text,
      ...(newer ? added : {}),
    }),
  };
}

/** The definitions of a profile, by kind. */
export function definitions(profile: Profile): ReadonlyMap<string, Definition> {
  const newer = profile === 'v1.19';
  return new Map([
    ['Identity', identity],
    ['LoadBalancer', loadBalancerDefinition(conditions)],
    ['OpenstackIdentity', openstackIdentity],
    ['Region', region(newer)],
    ['Server', server(newer)],
  ]);
}
