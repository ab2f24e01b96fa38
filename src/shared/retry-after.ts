// How long an HTTP server asks to wait.

/** Milliseconds of a Retry-After header in either form; null when it is absent or unreadable. `nowMs` is the sender's clock. */
export function retryAfterMs(value: string | null | undefined, nowMs: number): number | null {
  if (value === undefined || value === null) return null;
  const text = value.trim();
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  // Date.parse takes almost any number for a year or a month.
  if (!/^[A-Za-z]{3}/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
