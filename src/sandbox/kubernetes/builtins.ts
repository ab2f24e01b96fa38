// What the API server checks and completes in the built-in kinds: Secret, Lease, Event and Namespace.

import { admitEvent } from './builtin-event.ts';
import { badRequest, type FieldFault, invalid, type KubernetesFailure } from './failure.ts';
import { isJsonObject, type Json, type JsonObject, type KubernetesObject } from './object.ts';

function cannotBeHandled(kind: string, problem: string): KubernetesFailure {
  return badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: ${problem}`);
}

function section(object: KubernetesObject, field: string): JsonObject {
  const value = object[field];
  if (value === undefined || value === null) return {};
  if (isJsonObject(value)) return value;
  throw cannotBeHandled(object.kind, `json: cannot unmarshal into Go struct field ${object.kind}.${field}`);
}

function pick(value: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(fields.filter((field) => field in value).map((field) => [field, value[field]]));
}

function secret(object: KubernetesObject, old: KubernetesObject | undefined): KubernetesObject {
  const { apiVersion, kind, metadata } = object;
  const data: Record<string, Json> = {};
  for (const [key, value] of Object.entries(section(object, 'data'))) {
    if (typeof value !== 'string')
      throw cannotBeHandled(kind, 'json: cannot unmarshal into Go struct field Secret.data of type []uint8');
    if (Buffer.from(value, 'base64').toString('base64') !== value)
      throw cannotBeHandled(kind, 'illegal base64 data');
    data[key] = value;
  }
  for (const [key, value] of Object.entries(section(object, 'stringData')))
    data[key] = Buffer.from(typeof value === 'string' ? value : '').toString('base64');
  const type = typeof object['type'] === 'string' ? object['type'] : 'Opaque';
  if (old !== undefined && old['type'] !== type)
    throw invalid({ kind, group: '', name: metadata.name }, [
      {
        reason: 'FieldValueInvalid',
        field: 'type',
        message: `Invalid value: ${JSON.stringify(type)}: field is immutable`,
      },
    ]);
  const immutable = object['immutable'] === true ? { immutable: true } : {};
  return {
    apiVersion,
    kind,
    metadata,
    ...(Object.keys(data).length === 0 ? {} : { data }),
    ...immutable,
    type,
  };
}

const leaseFields: Readonly<Record<string, 'string' | 'number' | 'time'>> = {
  holderIdentity: 'string',
  leaseDurationSeconds: 'number',
  leaseTransitions: 'number',
  acquireTime: 'time',
  renewTime: 'time',
  preferredHolder: 'string',
  strategy: 'string',
};
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})(Z|[+-]\d\d:\d\d)$/;

/** Times of Leases and Events have six digits after the point, no more and no fewer, and come back in UTC. */
function microTimeOf(kind: string, value: Json): string {
  const match = typeof value === 'string' ? microTime.exec(value) : null;
  const epochMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (match === null || Number.isNaN(epochMs))
    throw cannotBeHandled(
      kind,
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": it does not match`,
    );
  return `${new Date(epochMs).toISOString().slice(0, 19)}${match[1]}Z`;
}

function lease(object: KubernetesObject): KubernetesObject {
  const { apiVersion, kind, metadata } = object;
  const given = section(object, 'spec');
  const spec: Record<string, Json> = {};
  for (const [field, type] of Object.entries(leaseFields)) {
    const value = given[field];
    if (value === undefined || value === null) continue;
    if (type !== 'time' && typeof value !== type)
      throw cannotBeHandled(kind, `json: cannot unmarshal into Go struct field LeaseSpec.spec.${field}`);
    spec[field] = type === 'time' ? microTimeOf(kind, value) : value;
  }
  const faults: FieldFault[] = [];
  for (const [field, least, words] of [
    ['leaseDurationSeconds', 1, 'must be greater than 0'],
    ['leaseTransitions', 0, 'must be greater than or equal to 0'],
  ] as const) {
    const value = spec[field];
    if (typeof value === 'number' && value < least)
      faults.push({
        reason: 'FieldValueInvalid',
        field: `spec.${field}`,
        message: `Invalid value: ${value}: ${words}`,
      });
  }
  if (faults.length > 0) throw invalid({ kind, group: 'coordination.k8s.io', name: metadata.name }, faults);
  return { apiVersion, kind, metadata, spec };
}

function namespace(object: KubernetesObject): KubernetesObject {
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    metadata: { ...metadata, labels: { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name } },
    spec: { finalizers: ['kubernetes'], ...pick(section(object, 'spec'), ['finalizers']) },
    status: { phase: 'Active' },
  };
}

/** The object as it is stored; throws a KubernetesFailure for what the API server refuses. */
export function admitBuiltin(object: KubernetesObject, old: KubernetesObject | undefined): KubernetesObject {
  if (object.kind === 'Secret') return secret(object, old);
  if (object.kind === 'Lease') return lease(object);
  if (object.kind === 'Event') return admitEvent(object, old, (value) => microTimeOf('Event', value));
  return namespace(object);
}
