// What the API server checks and drops before it stores an object.

import { admitBuiltin } from './builtins.ts';
import { type Definition, rules } from './definitions.ts';
import { badRequest, invalid, type KubernetesFailure } from './failure.ts';
import { checkMetadata, readMetadata } from './metadata.ts';
import {
  isJsonObject,
  isKubernetesObject,
  type Json,
  type JsonObject,
  type KubernetesObject,
} from './object.ts';
import { groupVersion, type Resource } from './resources.ts';
import { prune, Validator } from './schema.ts';

/** How a change reached us: what is wrong with it is said in different ways. */
export type Via = 'create' | 'replace' | 'patch';

/** A client's body as an object of the resource; metadata is reduced to known fields. */
export function readBody(resource: Resource, body: Json, via: Via, name: string): KubernetesObject {
  const unrecognized = `the object provided is unrecognized (must be of type ${resource.kind})`;
  if (!isJsonObject(body)) throw badRequest(`${unrecognized}: it is no JSON object`);
  const { apiVersion, kind } = body;
  if (typeof kind !== 'string' || kind === '') throw badRequest(`${unrecognized}: Object 'Kind' is missing`);
  const { metadata, badField } = readMetadata(body['metadata']);
  if (badField !== undefined) throw wrongMetadataType(resource, badField, via);
  const given = typeof metadata['name'] === 'string' ? metadata['name'] : '';
  if (apiVersion !== groupVersion(resource) || (kind !== resource.kind && !resource.custom)) {
    if (resource.custom)
      throw badRequest(
        `the API version in the data (${JSON.stringify(apiVersion)}) does not match the expected API version (${groupVersion(resource)})`,
      );
    throw badRequest(
      `${kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: no kind "${kind}" is registered for version "${JSON.stringify(apiVersion)}"`,
    );
  }
  if (kind !== resource.kind)
    throw invalid({ kind, group: resource.group, name: given === '' ? name : given }, [
      {
        reason: 'FieldValueInvalid',
        field: 'kind',
        message: `Invalid value: ${JSON.stringify(kind)}: must be ${resource.kind}`,
      },
    ]);
  const object: JsonObject = { ...body, apiVersion, kind, metadata: { ...metadata, name: given } };
  if (!isKubernetesObject(object)) throw badRequest(unrecognized);
  return object;
}

/** What to do about unknown fields: they are dropped in any case. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface Admission {
  readonly resource: Resource;
  /** Absent for built-in kinds. */
  readonly definition: Definition | undefined;
  readonly object: KubernetesObject;
  /** What is stored now. A spec or status that is the very same value is not checked again. */
  readonly old: KubernetesObject | undefined;
}

/** Checks and prunes an object before it is stored; throws a KubernetesFailure for what is refused. */
export function admit(admission: Admission): {
  readonly admitted: KubernetesObject;
  /** Paths of the fields that were dropped. */
  readonly unknown: readonly string[];
} {
  const { resource, definition, object, old } = admission;
  checkMetadata(object.metadata, resource, old?.metadata);
  if (definition === undefined) return { admitted: admitBuiltin(object, old), unknown: [] };
  const known = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status']);
  const unknown = Object.keys(object).filter((field) => !known.has(field));
  const validator = new Validator(rules);
  const { apiVersion, kind, metadata } = object;
  const admitted: Record<string, Json> = { apiVersion, kind, metadata };
  for (const section of ['spec', 'status'] as const) {
    const value = object[section];
    if (value === undefined || value === null) {
      if (section === 'spec')
        validator.faults.push({
          reason: 'FieldValueRequired',
          field: 'spec',
          message: 'Required value',
        });
    } else if (value === old?.[section]) admitted[section] = value;
    else {
      const pruned = prune(definition[section], value, unknown, section);
      validator.check(definition[section], pruned, section, old?.[section]);
      admitted[section] = pruned;
    }
  }
  const { group } = resource;
  if (validator.faults.length > 0)
    throw invalid({ kind: resource.kind, group, name: metadata.name }, validator.faults);
  if (!isKubernetesObject(admitted)) throw new TypeError(`${resource.kind} ${metadata.name} is no object`);
  return { admitted, unknown };
}

/** Unknown fields: refused, told, or dropped in silence, as the client asked. They are never stored. */
export function checkUnknown(
  resource: Resource,
  unknown: readonly string[],
  via: Via,
  validation: FieldValidation | undefined,
): readonly string[] {
  const texts = unknown.map((field) => `unknown field "${field}"`);
  if (validation === 'Warn') return texts;
  if (validation !== 'Strict' || texts.length === 0) return [];
  const problem = `strict decoding error: ${texts.join(', ')}`;
  if (via === 'patch') throw badPatch(problem);
  throw badRequest(
    `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${problem}`,
  );
}

function badPatch(problem: string): KubernetesFailure {
  return invalid({ kind: '', group: '', name: '' }, [
    { reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${problem}` },
  ]);
}

function wrongMetadataType(resource: Resource, field: string, via: Via): KubernetesFailure {
  const problem = `json: cannot unmarshal into Go struct field ObjectMeta.${field}`;
  if (via === 'patch') return badPatch(problem);
  return badRequest(
    `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${problem}`,
  );
}
