// The rules for an object's metadata: what a client may set, and what the API server keeps in its own hands.

import { randomUUID } from 'node:crypto';
import { kubernetesTime } from '../../shared/conditions.ts';
import { type FieldFault, invalid } from './failure.ts';
import { badMetadataField, isJsonObject, type Json, type JsonObject, type ObjectMeta } from './object.ts';
import type { Resource } from './resources.ts';

const fields = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
];
const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const labelPart = /^([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$/;

/** An empty map is the same as none. */
function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (isJsonObject(value)) return Object.keys(value).length === 0;
  return Array.isArray(value) && value.length === 0;
}

/** The known fields of a metadata that a client sent. `badField` names one of a wrong type. */
export function readMetadata(value: Json | undefined): { metadata: JsonObject; badField?: string } {
  if (value !== undefined && value !== null && !isJsonObject(value))
    return { metadata: {}, badField: 'metadata' };
  const given = value ?? {};
  const metadata: Record<string, Json> = {};
  for (const field of fields) {
    const entry = given[field];
    if (entry !== undefined && !isEmpty(entry)) metadata[field] = entry;
  }
  const badField = badMetadataField(metadata);
  return badField === undefined ? { metadata } : { metadata, badField };
}

/** Fields of a client's metadata that no object has. */
export function unknownMetadata(value: Json | undefined): readonly string[] {
  const known = new Set([...fields, 'managedFields', 'selfLink']);
  if (!isJsonObject(value)) return [];
  return Object.keys(value)
    .filter((field) => !known.has(field))
    .map((field) => `metadata.${field}`);
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function generatedName(prefix: string): string {
  return `${prefix}${randomUUID().slice(0, 5)}`;
}

/** Metadata of a new object. `asAdministrator` keeps uid and times that are given. */
export function newMetadata(
  metadata: JsonObject,
  options: {
    readonly resource: Resource;
    readonly namespace: string;
    readonly nowMs: number;
    readonly asAdministrator?: boolean;
  },
): ObjectMeta {
  const prefix = text(metadata['generateName']);
  const given = text(metadata['name']);
  const name = given === '' && prefix !== '' ? generatedName(prefix) : given;
  const kept = options.asAdministrator === true ? metadata : withoutServerFields(metadata);
  return {
    uid: randomUUID(),
    creationTimestamp: kubernetesTime(options.nowMs),
    ...(options.resource.custom ? { generation: 1 } : {}),
    ...kept,
    name,
    ...(options.resource.namespaced ? { namespace: options.namespace } : {}),
  };
}

function withoutServerFields(metadata: JsonObject): JsonObject {
  const own = ['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp'];
  return Object.fromEntries(Object.entries(metadata).filter(([field]) => !own.includes(field)));
}

/** Metadata of an object that is written again: the server's own fields stay as they were, but for the generation. */
export function nextMetadata(metadata: JsonObject, old: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, creationTimestamp, deletionTimestamp } = old;
  const grace = old['deletionGracePeriodSeconds'];
  const { generation: _, ...given } = metadata;
  return {
    ...given,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(grace === undefined ? {} : { deletionGracePeriodSeconds: grace }),
  };
}

function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash >= 0 && !namePattern.test(key.slice(0, slash))) return false;
  return labelPart.test(key.slice(slash + 1));
}

/** Throws for names, labels and finalizers that the API server refuses. */
export function checkMetadata(metadata: ObjectMeta, resource: Resource, old: ObjectMeta | undefined): void {
  const faults: FieldFault[] = [];
  if (metadata.name === '')
    faults.push({
      reason: 'FieldValueRequired',
      field: 'metadata.name',
      message: 'Required value: name or generateName is required',
    });
  else if (old === undefined && !(namePattern.test(metadata.name) && metadata.name.length <= 253))
    faults.push({
      reason: 'FieldValueInvalid',
      field: 'metadata.name',
      message: `Invalid value: ${JSON.stringify(metadata.name)}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
    });
  if (metadata.labels !== old?.labels)
    for (const [key, value] of Object.entries(metadata.labels ?? {})) {
      const bad = !isLabelKey(key) ? key : value !== '' && !labelPart.test(value) ? value : undefined;
      if (bad === undefined) continue;
      faults.push({
        reason: 'FieldValueInvalid',
        field: 'metadata.labels',
        message: `Invalid value: ${JSON.stringify(bad)}: a label must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
      });
    }
  if (old?.deletionTimestamp !== undefined) {
    const added = (metadata.finalizers ?? []).filter((entry) => !(old.finalizers ?? []).includes(entry));
    if (added.length > 0)
      faults.push({
        reason: 'FieldValueForbidden',
        field: 'metadata.finalizers',
        message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
      });
  }
  if (faults.length > 0)
    throw invalid({ kind: resource.kind, group: resource.group, name: metadata.name }, faults);
}
