// Structural schemas: what a definition allows, how an object is checked against it, and what is pruned.

import type { FieldFault } from './failure.ts';
import { equal, isJsonArray, isJsonObject, type Json, type JsonObject } from './object.ts';

/** A structural OpenAPI schema, as in a CustomResourceDefinition: it is also served as it stands. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly format?: 'date-time' | 'byte' | 'uuid' | 'int32';
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly anyOf?: readonly { readonly type: 'integer' | 'string' }[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-list-type'?: 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[];
}

/** The rules of `x-kubernetes-validations`, which are written in a language that we do not interpret. */
export type Rules = Readonly<Record<string, (self: JsonObject, old: JsonObject | undefined) => boolean>>;

/** The value without the fields that the schema does not know; their paths go to `unknown`. */
export function prune(schema: Schema, value: Json, unknown: string[], path = ''): Json {
  if (isJsonArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    return value.map((entry, index) => prune(items, entry, unknown, `${path}[${index}]`));
  }
  if (!isJsonObject(value) || schema.type !== 'object') return value;
  const result: Record<string, Json> = {};
  for (const [field, entry] of Object.entries(value)) {
    const known = schema.properties?.[field];
    const fieldPath = path === '' ? field : `${path}.${field}`;
    if (known === undefined) unknown.push(fieldPath);
    else if (entry !== undefined) result[field] = prune(known, entry, unknown, fieldPath);
  }
  return result;
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  if (isJsonArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const formats: Readonly<Record<NonNullable<Schema['format']>, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  int32: /^-?\d+$/,
};

/** Checks values against schemas and collects what is wrong. */
export class Validator {
  readonly faults: FieldFault[] = [];
  readonly #rules: Rules;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /**
   * `old` is the stored value, or undefined: what has not changed is not complained of, so that an object from
   * before a definition's change can still be written (the API server calls it ratcheting).
   */
  check(schema: Schema, value: Json, path: string, old?: Json): void {
    if (old !== undefined && equal(value, old)) return;
    if (schema['x-kubernetes-int-or-string'] === true) {
      if (typeof value !== 'string' && typeOf(value) !== 'integer') {
        this.#wrongType(path, 'integer,string', value);
        return;
      }
    } else if (schema.type !== undefined && schema.type !== typeOf(value)) {
      this.#wrongType(path, schema.type, value);
      if (schema.enum !== undefined) this.#checkEnum(schema.enum, value, path);
      return;
    }
    if (isJsonObject(value)) this.#checkObject(schema, value, path, isJsonObject(old) ? old : undefined);
    else if (isJsonArray(value)) this.#checkArray(schema, value, path);
    else if (typeof value === 'string') this.#checkString(schema, value, path);
    else if (typeof value === 'number') this.#checkNumber(schema, value, path);
  }

  #checkObject(schema: Schema, value: JsonObject, path: string, old: JsonObject | undefined): void {
    for (const field of schema.required ?? [])
      if (value[field] === undefined) this.#fault('FieldValueRequired', join(path, field), 'Required value');
    for (const [field, entry] of Object.entries(value)) {
      const known = schema.properties?.[field];
      if (known !== undefined && entry !== undefined)
        this.check(known, entry, join(path, field), old?.[field]);
    }
    const validations = schema['x-kubernetes-validations'];
    if (validations === undefined) return;
    if (this.faults.length > 0) {
      // The real one does not evaluate rules on an object that is wrong already, and says so.
      const message =
        'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
      this.#fault('FieldValueInvalid', '<nil>', message);
      return;
    }
    for (const { rule, message } of validations)
      if (this.#rules[rule]?.(value, old) === false)
        this.#fault('FieldValueInvalid', path, `Invalid value: ${message}`);
  }

  #checkArray(schema: Schema, value: readonly Json[], path: string): void {
    if (schema.minItems !== undefined && value.length < schema.minItems)
      this.#inBody(path, String(value.length), `should have at least ${schema.minItems} items`);
    const { items } = schema;
    if (items !== undefined)
      for (const [index, entry] of value.entries()) this.check(items, entry, `${path}[${index}]`);
    const keys = schema['x-kubernetes-list-map-keys'];
    if (keys === undefined) return;
    const seen = new Set<string>();
    for (const [index, entry] of value.entries()) {
      if (!isJsonObject(entry)) continue;
      const id = JSON.stringify(Object.fromEntries(keys.map((key) => [key, entry[key]])));
      if (seen.has(id)) this.#fault('FieldValueDuplicate', `${path}[${index}]`, `Duplicate value: ${id}`);
      seen.add(id);
    }
  }

  #checkString(schema: Schema, value: string, path: string): void {
    if (schema.maxLength !== undefined && value.length > schema.maxLength)
      this.#fault('FieldValueInvalid', path, `Too long: may not be more than ${schema.maxLength} bytes`);
    if (schema.format !== undefined && schema.format !== 'int32' && !isFormat(schema.format, value))
      this.#fault(
        'FieldValueTypeInvalid',
        path,
        `Invalid value: ${JSON.stringify(value)}: ${inBodyName(path)} in body must be of type ${schema.format}: ${JSON.stringify(value)}`,
      );
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value))
      this.#inBody(path, JSON.stringify(value), `should match '${schema.pattern}'`);
    if (schema.enum !== undefined) this.#checkEnum(schema.enum, value, path);
  }

  #checkNumber(schema: Schema, value: number, path: string): void {
    if (schema.minimum !== undefined && value < schema.minimum)
      this.#inBody(path, String(value), `should be greater than or equal to ${schema.minimum}`);
    if (schema.maximum !== undefined && value > schema.maximum)
      this.#inBody(path, String(value), `should be less than or equal to ${schema.maximum}`);
  }

  #checkEnum(allowed: readonly string[], value: Json, path: string): void {
    if (typeof value === 'string' && allowed.includes(value)) return;
    const supported = allowed.map((entry) => JSON.stringify(entry)).join(', ');
    const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
    this.#fault('FieldValueNotSupported', path, message);
  }

  #wrongType(path: string, type: string, value: Json): void {
    const actual = JSON.stringify(typeOf(value));
    const message = `Invalid value: ${actual}: ${inBodyName(path)} in body must be of type ${type}: ${actual}`;
    this.#fault('FieldValueTypeInvalid', path, message);
  }

  #inBody(path: string, value: string, problem: string): void {
    this.#fault('FieldValueInvalid', path, `Invalid value: ${value}: ${inBodyName(path)} in body ${problem}`);
  }

  #fault(reason: FieldFault['reason'], field: string, message: string): void {
    this.faults.push({ reason, field, message });
  }
}

function isFormat(format: NonNullable<Schema['format']>, value: string): boolean {
  if (!formats[format].test(value)) return false;
  return format !== 'date-time' || !Number.isNaN(Date.parse(value));
}

function join(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

/** The real one checks a written status on its own, so its messages name fields from there. */
function inBodyName(path: string): string {
  if (path === 'status') return '';
  return path.startsWith('status.') ? path.slice('status.'.length) : path;
}
