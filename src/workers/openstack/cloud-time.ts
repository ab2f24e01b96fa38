// Times as HTTP headers and Keystone write them.

/** Epoch milliseconds of a Date header; null when there is none. */
export function headerTime(value: string | undefined): number | null {
  const at = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

/** Epoch milliseconds of an ISO 8601 time. OpenStack means UTC where it writes no zone; JavaScript would not. */
export function cloudTime(value: string | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(value) ? value : `${value}Z`);
  return Number.isNaN(at) ? null : at;
}
