// What the monitor keeps of each object. Written by hand, field by field: it runs for every server at start and at
// every change, and must neither be slow nor keep more than it needs.

import type { Condition } from '../../../shared/conditions.ts';
import {
  identityLabel,
  nameLabel,
  organizationLabel,
  pendingEntryAnnotation,
  regionLabel,
} from '../../../shared/labels.ts';
import type { LoadBalancerRecord } from '../../../shared/load-balancer-record.ts';
import type { RebuildMarker, ServerRecord } from '../../../shared/server-record.ts';
import type { WatchedObject } from '../../../shared/watched-object.ts';
import type { Intern } from './interner.ts';
import {
  asFields,
  type Fields,
  isFields,
  optionalFields,
  optionalList,
  optionalText,
  text,
  wrong,
} from './object-fields.ts';

/** Its display name is for the attribute region_name. */
export interface RegionRecord extends WatchedObject {
  /** As stored: "openstack", "kubernetes", "simulated", or what a later definition allows. */
  readonly provider: string;
  readonly openstack: OpenstackRegion | null;
}

export interface OpenstackRegion {
  /** Keystone, as stored: not yet checked to be a URL. */
  readonly endpoint: string;
  readonly serviceAccountSecret: { readonly namespace: string; readonly name: string };
  /** The flavors that count; null for all. */
  readonly flavorIds: readonly string[] | null;
  /** Those whose servers are whole machines. */
  readonly baremetalFlavorIds: readonly string[];
}

export interface IdentityRecord {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** A field is undefined until the identity's controller has written it. */
export interface OpenstackIdentityRecord extends IdentityRecord {
  readonly userId: string | undefined;
  readonly password: string | undefined;
  readonly projectId: string | undefined;
}

const asItIs: Intern = (value) => value;

/** Throws an error that names the field when the object is not what the definition promises. */
export function parseServer(object: unknown, intern: Intern = asItIs): ServerRecord {
  const root = asFields(object, 'object');
  const metadata = metadataOf(root);
  const labels = optionalFields(metadata, 'labels', 'metadata');
  const annotations = optionalFields(metadata, 'annotations', 'metadata');
  const spec = optionalFields(root, 'spec', 'object');
  const status = optionalFields(root, 'status', 'object');
  const label = internedLabels(labels, intern);
  const { name, namespace, uid, resourceVersion } = identityOf(metadata, intern);
  // Spelt out: spread, most fields would land in a second block of memory for each record.
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    createdAt: creationTime(metadata),
    deleting: optionalText(metadata, 'deletionTimestamp', 'metadata') !== undefined,
    regionId: label(regionLabel),
    identityId: label(identityLabel),
    organizationId: label(organizationLabel) ?? '',
    displayName: optionalText(labels, nameLabel, 'metadata.labels') ?? '',
    flavorId: intern(optionalText(spec, 'flavorID', 'spec') ?? ''),
    pendingEntryTime: optionalText(annotations, pendingEntryAnnotation, 'metadata.annotations'),
    phase: intern(optionalText(status, 'phase', 'status') ?? ''),
    conditions: conditionsOf(status, intern),
    networkId: firstNetwork(spec, intern),
    scheduledAtSeconds: optionalSeconds(status, 'scheduledAt'),
    launchedAtSeconds: optionalSeconds(status, 'launchedAt'),
    provisionedAtSeconds: optionalSeconds(status, 'provisionedAt'),
    macAddress: optionalText(status, 'macAddress', 'status') ?? '',
    rebuild: parseRebuild(status, intern),
  };
}

/** Throws as parseServer does. */
export function parseLoadBalancer(object: unknown, intern: Intern = asItIs): LoadBalancerRecord {
  const root = asFields(object, 'object');
  const metadata = metadataOf(root);
  const labels = optionalFields(metadata, 'labels', 'metadata');
  const label = internedLabels(labels, intern);
  return {
    ...identityOf(metadata, intern),
    createdAt: creationTime(metadata),
    deleting: optionalText(metadata, 'deletionTimestamp', 'metadata') !== undefined,
    regionId: label(regionLabel),
    identityId: label(identityLabel),
    organizationId: label(organizationLabel) ?? '',
    displayName: optionalText(labels, nameLabel, 'metadata.labels') ?? '',
    conditions: conditionsOf(optionalFields(root, 'status', 'object'), intern),
  };
}

function internedLabels(labels: Fields | undefined, intern: Intern): (key: string) => string | undefined {
  return (key) => {
    const value = optionalText(labels, key, 'metadata.labels');
    return value === undefined ? undefined : intern(value);
  };
}

function firstNetwork(spec: Fields | undefined, intern: Intern): string | null {
  const [network] = optionalList(spec, 'networks', 'spec');
  if (network === undefined) return null;
  const id = optionalText(asFields(network, 'spec.networks[0]'), 'id', 'spec.networks[0]');
  return id === undefined ? null : intern(id);
}

/** Whole seconds, as Kubernetes writes times; null when there is none. */
function optionalSeconds(status: Fields | undefined, key: string): number | null {
  const at = Date.parse(optionalText(status, key, 'status') ?? '');
  return Number.isNaN(at) ? null : Math.floor(at / 1000);
}

/** A marker that is not understood is left alone, like none: the rest of the object is known without it. */
function parseRebuild(status: Fields | undefined, intern: Intern): RebuildMarker | null {
  const rebuild = status?.['rebuild'];
  if (!isFields(rebuild)) return null;
  const { targetImageID: target, state } = rebuild;
  if (typeof target !== 'string' || typeof state !== 'string') return null;
  return { targetImageId: intern(target), state: intern(state) };
}

function creationTime(metadata: Fields): number {
  const createdAt = Date.parse(text(metadata, 'creationTimestamp', 'metadata'));
  if (Number.isNaN(createdAt)) throw new Error('metadata.creationTimestamp is not a valid time');
  return createdAt;
}

function conditionsOf(status: Fields | undefined, intern: Intern): readonly Condition[] {
  return optionalList(status, 'conditions', 'status').map((condition, index) =>
    parseCondition(condition, `status.conditions[${index}]`, intern),
  );
}

/** Strict: a status patch replaces the whole list, so what could not be read could not be kept either. */
function parseCondition(value: unknown, path: string, intern: Intern): Condition {
  const fields = asFields(value, path);
  return {
    type: intern(text(fields, 'type', path)),
    status: intern(text(fields, 'status', path)),
    reason: intern(text(fields, 'reason', path)),
    message: intern(text(fields, 'message', path)),
    lastTransitionTime: intern(text(fields, 'lastTransitionTime', path)),
  };
}

export function parseRegion(object: unknown, intern: Intern = asItIs): RegionRecord {
  const root = asFields(object, 'object');
  const metadata = metadataOf(root);
  const labels = optionalFields(metadata, 'labels', 'metadata');
  const spec = asFields(root['spec'], 'spec');
  const openstack = optionalFields(spec, 'openstack', 'spec');
  const identity = identityOf(metadata, intern);
  return {
    ...identity,
    createdAt: creationTime(metadata),
    deleting: optionalText(metadata, 'deletionTimestamp', 'metadata') !== undefined,
    regionId: identity.name,
    conditions: conditionsOf(optionalFields(root, 'status', 'object'), intern),
    displayName: optionalText(labels, nameLabel, 'metadata.labels') ?? '',
    provider: intern(text(spec, 'provider', 'spec')),
    openstack: openstack === undefined ? null : parseOpenstack(openstack),
  };
}

function parseOpenstack(openstack: Fields): OpenstackRegion {
  const path = 'spec.openstack';
  const secretPath = `${path}.serviceAccountSecret`;
  const secret = asFields(openstack['serviceAccountSecret'], secretPath);
  const compute = optionalFields(openstack, 'compute', path);
  const flavors = compute && optionalFields(compute, 'flavors', `${path}.compute`);
  const selector = flavors && optionalFields(flavors, 'selector', `${path}.compute.flavors`);
  const idsPath = `${path}.compute.flavors.selector`;
  const metadataPath = `${path}.compute.flavors.metadata`;
  const given = selector?.['ids'] !== undefined && selector['ids'] !== null;
  return {
    endpoint: text(openstack, 'endpoint', path),
    serviceAccountSecret: {
      namespace: text(secret, 'namespace', secretPath),
      name: text(secret, 'name', secretPath),
    },
    flavorIds: given
      ? optionalList(selector, 'ids', idsPath).map((id, index) => {
          if (typeof id !== 'string') throw wrong(`${idsPath}.ids[${index}]`, 'a string', id);
          return id;
        })
      : null,
    baremetalFlavorIds: optionalList(flavors, 'metadata', `${path}.compute.flavors`).flatMap(
      (entry, index) => {
        const flavor = asFields(entry, `${metadataPath}[${index}]`);
        return flavor['baremetal'] === true ? [text(flavor, 'id', `${metadataPath}[${index}]`)] : [];
      },
    ),
  };
}

export function parseIdentity(object: unknown, intern: Intern = asItIs): IdentityRecord {
  return identityOf(metadataOf(asFields(object, 'object')), intern);
}

export function parseOpenstackIdentity(object: unknown, intern: Intern = asItIs): OpenstackIdentityRecord {
  const root = asFields(object, 'object');
  const spec = optionalFields(root, 'spec', 'object');
  return {
    ...identityOf(metadataOf(root), intern),
    userId: optionalText(spec, 'userID', 'spec'),
    password: optionalText(spec, 'password', 'spec'),
    projectId: optionalText(spec, 'projectID', 'spec'),
  };
}

export interface SecretRecord {
  readonly resourceVersion: string;
  /** Decoded as it is, without trimming. Never log it. */
  readonly data: ReadonlyMap<string, string>;
}

export function parseSecret(object: unknown): SecretRecord {
  const root = asFields(object, 'object');
  const data = optionalFields(root, 'data', 'object') ?? {};
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decoded = new Map<string, string>();
  for (const key of Object.keys(data)) {
    const bytes = Buffer.from(text(data, key, 'data'), 'base64');
    try {
      decoded.set(key, decoder.decode(bytes));
    } catch {
      throw new Error(`data.${key} is not UTF-8`);
    }
  }
  return { resourceVersion: text(metadataOf(root), 'resourceVersion', 'metadata'), data: decoded };
}

function metadataOf(root: Fields): Fields {
  return asFields(root['metadata'], 'metadata');
}

function identityOf(metadata: Fields, intern: Intern): IdentityRecord {
  return {
    name: text(metadata, 'name', 'metadata'),
    namespace: intern(text(metadata, 'namespace', 'metadata')),
    uid: text(metadata, 'uid', 'metadata'),
    resourceVersion: text(metadata, 'resourceVersion', 'metadata'),
  };
}
