// A transition as an Event of its object (events.k8s.io/v1), as `kubectl describe` shows it. The API server refuses an
// Event with a field that is too long, so each is cut to the length that it takes.

import { randomBytes } from 'node:crypto';
import { apiGroup, apiVersion } from '../../shared/labels.ts';
import type { HealthTransition, PhaseTransition } from '../projection/projection.ts';

/** The object that an Event is of. */
export interface Regarding {
  readonly kind: 'Server' | 'Region' | 'LoadBalancer';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** What happened. The same again is one Event that is counted: see Series. */
export interface Happening {
  readonly regarding: Regarding;
  readonly type: 'Normal' | 'Warning';
  readonly action: 'UpdatePhase' | 'UpdateHealth';
  readonly reason: string;
  readonly note: string;
}

/** Which process reports it. */
const reportingController = 'unikorn-cloud.org/region-monitor';

/** Bytes. */
const limits = { note: 1024, reason: 128, reportingInstance: 128, name: 253 };

export function phaseHappening(regarding: Regarding, { from, to }: PhaseTransition): Happening {
  return {
    regarding,
    type: 'Normal',
    action: 'UpdatePhase',
    reason: cutBytes(to, limits.reason),
    note: withPast(`phase is ${to}`, from),
  };
}

export function healthHappening(
  regarding: Regarding,
  { status, from, to, message }: HealthTransition,
): Happening {
  return {
    regarding,
    type: status === 'False' ? 'Warning' : 'Normal',
    action: 'UpdateHealth',
    reason: cutBytes(to, limits.reason),
    note: withPast(message === '' ? to : message, from),
  };
}

function withPast(text: string, from: string): string {
  const past = from === '' ? '' : ` (was ${cutBytes(from, limits.reason)})`;
  return cutBytes(text, limits.note - Buffer.byteLength(past)) + past;
}

export interface Occurrences {
  readonly count: number;
  /** Epoch milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The object to create. `name` is one of `eventName`. */
export function eventObject(
  { regarding, type, action, reason, note }: Happening,
  { name, instance, occurrences }: { name: string; instance: string; occurrences: Occurrences },
): object {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: regarding.namespace },
    eventTime: microTime(occurrences.firstMs),
    reportingController,
    reportingInstance: cutBytes(instance, limits.reportingInstance),
    action,
    reason,
    regarding: { apiVersion: `${apiGroup}/${apiVersion}`, ...regarding },
    note,
    type,
    ...seriesOf(occurrences),
  };
}

/** Of an Event that exists, only the series may change. */
export function seriesOf({ count, lastMs }: Occurrences): object {
  return count < 2 ? {} : { series: { count, lastObservedTime: microTime(lastMs) } };
}

/** A name that no other Event has. */
export function eventName({ name }: Regarding): string {
  const suffix = `.${randomBytes(8).toString('hex')}`;
  const room = limits.name - suffix.length;
  return name.slice(0, room).replace(/[^a-z0-9]+$/, '') + suffix;
}

export function eventPath(namespace: string, name?: string): string {
  const events = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
  return name === undefined ? events : `${events}/${encodeURIComponent(name)}`;
}

function microTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, -1)}000Z`;
}

const ellipsis = '…';

/** Cut between characters, so that it stays text. */
function cutBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const room = bytes - Buffer.byteLength(ellipsis);
  // Sliced first: encoding a text of megabytes for a kilobyte of it would take its time.
  const { read } = new TextEncoder().encodeInto(text.slice(0, room), new Uint8Array(room));
  return text.slice(0, read).toWellFormed() + ellipsis;
}
