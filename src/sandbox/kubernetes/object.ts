// Kubernetes objects as JSON: their types, how they are read from outside, and how they are merged and compared.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A field that is undefined is not there: JSON.stringify leaves it out. */
export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

export interface ObjectMeta extends JsonObject {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
}

export interface KubernetesObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: JsonObject | undefined;
  readonly status?: JsonObject | undefined;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** What JSON.parse returns is JSON whatever it is: this only tells the compiler so. */
function isJson(value: unknown): value is Json {
  return value !== undefined;
}

/** The JSON value of a text; throws SyntaxError. */
export function parseJson(text: string): Json {
  const value: unknown = JSON.parse(text);
  if (!isJson(value)) throw new SyntaxError('no JSON value');
  return value;
}

function isStringMap(value: Json | undefined): boolean {
  return isJsonObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

function isStringList(value: Json | undefined): boolean {
  return isJsonArray(value) && value.every((entry) => typeof entry === 'string');
}

const isString = (value: Json | undefined) => typeof value === 'string';

const metadataTypes: Readonly<Record<string, (value: Json | undefined) => boolean>> = {
  name: isString,
  generateName: isString,
  namespace: isString,
  uid: isString,
  resourceVersion: isString,
  creationTimestamp: isString,
  deletionTimestamp: isString,
  generation: (value) => typeof value === 'number',
  labels: isStringMap,
  annotations: isStringMap,
  finalizers: isStringList,
};

/** The first field of an object's metadata that has the wrong type; undefined when all are right. */
export function badMetadataField(metadata: JsonObject): string | undefined {
  return Object.entries(metadataTypes).find(([field, right]) => {
    const value = metadata[field];
    return value !== undefined && value !== null && !right(value);
  })?.[0];
}

/** Whether a value has the shape of a stored object: what is parsed at the edge is trusted after. */
export function isKubernetesObject(value: Json | undefined): value is KubernetesObject {
  return (
    isJsonObject(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    isJsonObject(value['metadata']) &&
    typeof value['metadata']['name'] === 'string' &&
    badMetadataField(value['metadata']) === undefined
  );
}

/** RFC 7386. What the patch does not touch is the same value afterwards, not a copy. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, Json | undefined> = isJsonObject(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else if (value !== undefined) result[field] = mergePatch(result[field], value);
  }
  return result;
}

/**
 * The value with its fields in order and without empty ones, as the API server stores it: two values are equal when
 * their canonical texts are.
 */
export function canonical(value: Json): Json {
  if (isJsonArray(value)) return value.map(canonical);
  if (!isJsonObject(value)) return value;
  const result: Record<string, Json> = {};
  for (const field of Object.keys(value).toSorted()) {
    const entry = value[field];
    if (entry !== undefined) result[field] = canonical(entry);
  }
  return result;
}

export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isJsonArray(a))
    return isJsonArray(b) && a.length === b.length && a.every((entry, index) => equal(entry, b[index]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((field) => equal(a[field], b[field]));
}
