// Times as HTTP headers and Keystone write them.

/** Milliseconds to wait, of both forms of Retry-After; null when there is none or it is nonsense. `nowMs` is the sender's clock. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

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
