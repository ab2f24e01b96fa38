// Times as HTTP headers and Keystone write them.

/** Epoch milliseconds of a Date header; null when there is none. */
export function headerTime(value: string | undefined): number | null {
  const at = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

/** Date.parse takes "none 2" for a day in 2001, and years that Kubernetes refuses. */
const isoTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?<zone>Z|[+-]\d\d:?\d\d)?$/i;

/**
 * Epoch milliseconds of an ISO 8601 time; null where there is none. OpenStack means UTC where it writes no zone; JavaScript
 * would not. Before 1970 there was no cloud: databases and Go programs write such a time for "never".
 */
export function cloudTime(value: string | null | undefined): number | null {
  const found = isoTime.exec(value ?? '');
  if (found === null) return null;
  const [text] = found;
  const at = Date.parse(found.groups?.['zone'] === undefined ? `${text}Z` : text);
  return at > 0 ? at : null;
}
