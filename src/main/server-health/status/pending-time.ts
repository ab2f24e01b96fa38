// How long a server was Pending: an annotation remembers when it became so, and goes when it leaves (profile v1.16).

import type { ServerRecord } from '../../../shared/server-record.ts';

/** What is to be done about the annotation of an object that is as `server` says. */
export type AnnotationChange = 'stamp' | 'remove' | null;

export function annotationChange(server: ServerRecord): AnnotationChange {
  if (server.phase === 'Pending') return server.pendingEntryTime === undefined ? 'stamp' : null;
  return server.pendingEntryTime === undefined ? null : 'remove';
}

export type ProvisionDuration =
  | { readonly kind: 'measured'; readonly seconds: number }
  /** No annotation: nothing to measure from. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'invalid'; readonly text: string }
  /** It would be negative: the clocks that wrote and read it differ. */
  | { readonly kind: 'clock-skew'; readonly pendingSince: string };

const rfc3339 = /^(?<date>\d{4}-\d\d-\d\d)[Tt](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** The time from `before` entering Pending until now. `before` is the object as it was while Pending. */
export function provisionDuration(before: ServerRecord, nowMs: number): ProvisionDuration {
  const text = before.pendingEntryTime;
  if (text === undefined) return { kind: 'unknown' };
  const since = parseRfc3339(text);
  if (since === null) return { kind: 'invalid', text };
  const seconds = (nowMs - since) / 1000;
  return seconds < 0 ? { kind: 'clock-skew', pendingSince: text } : { kind: 'measured', seconds };
}

function parseRfc3339(text: string): number | null {
  const date = rfc3339.exec(text)?.groups?.['date'];
  // Date.parse takes 30 February for 2 March.
  if (date === undefined || !isCalendarDate(date)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

function isCalendarDate(date: string): boolean {
  const at = Date.parse(date);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(date);
}
