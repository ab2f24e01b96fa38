// Reads fields of a Kubernetes object; an error names the field and never quotes its value, which may be secret.

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object itself; `path` names it in the error. */
export function asFields(value: unknown, path: string): Fields {
  if (isFields(value)) return value;
  throw wrong(path, 'an object', value);
}

/** An object that may be missing. */
export function optionalFields(fields: Fields, key: string, path: string): Fields | undefined {
  const value = fields[key];
  return value === undefined || value === null ? undefined : asFields(value, `${path}.${key}`);
}

export function text(fields: Fields, key: string, path: string): string {
  const value = fields[key];
  if (typeof value === 'string') return value;
  throw wrong(`${path}.${key}`, 'a string', value);
}

/** A string that may be missing; null counts as missing, as in merge patches. */
export function optionalText(fields: Fields | undefined, key: string, path: string): string | undefined {
  const value = fields?.[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw wrong(`${path}.${key}`, 'a string', value);
}

/** A list that may be missing. */
export function optionalList(fields: Fields | undefined, key: string, path: string): readonly unknown[] {
  const value = fields?.[key];
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw wrong(`${path}.${key}`, 'a list', value);
}

export function wrong(path: string, wanted: string, value: unknown): Error {
  const got =
    value === undefined
      ? 'nothing'
      : value === null
        ? 'null'
        : Array.isArray(value)
          ? 'a list'
          : typeof value;
  return new Error(`${path} must be ${wanted}, not ${got}`);
}
