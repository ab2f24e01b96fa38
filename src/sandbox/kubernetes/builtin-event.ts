// What the API server checks in an Event (events.k8s.io/v1): nearly every field is required and short, and of one that
// exists only the series may change.

import { isDeepStrictEqual } from 'node:util';
import { type FieldFault, invalid } from './failure.ts';
import { isJsonObject, type Json, type JsonObject, type KubernetesObject } from './object.ts';

const fixed = [
  'eventTime',
  'reportingController',
  'reportingInstance',
  'action',
  'reason',
  'regarding',
  'note',
  'type',
] as const;
/** As the older kind names them, in messages. */
const olderNames: Readonly<Record<string, string>> = { note: 'message', regarding: 'involvedObject' };
const required = ['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason'] as const;
/** Characters. */
const longest = { reportingInstance: 128, action: 128, reason: 128, note: 1024 } as const;

/** `time` reads a time as it is stored. */
export function admitEvent(
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  time: (value: Json) => string,
): KubernetesObject {
  const { apiVersion, kind, metadata, series } = object;
  const given = Object.fromEntries(fixed.filter((key) => key in object).map((key) => [key, object[key]]));
  const event: JsonObject = {
    ...given,
    ...('eventTime' in given ? { eventTime: time(given['eventTime'] ?? null) } : {}),
    ...(isJsonObject(series)
      ? { series: { ...series, lastObservedTime: time(series['lastObservedTime'] ?? null) } }
      : {}),
  };
  const faults = old === undefined ? faultsOf(event) : changesOf(event, old);
  if (faults.length > 0) throw invalid({ kind, group: 'events.k8s.io', name: metadata.name }, faults);
  return { apiVersion, kind, metadata, ...event };
}

function faultsOf(event: JsonObject): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  const bad = (field: string, message: string) =>
    faults.push({
      reason: 'FieldValueInvalid',
      field: olderNames[field] ?? field,
      message: `Invalid value: "": ${message}`,
    });
  for (const field of required)
    if ((event[field] ?? '') === '')
      faults.push({ reason: 'FieldValueRequired', field, message: 'Required value' });
  for (const [field, most] of Object.entries(longest)) {
    const value = event[field];
    if (typeof value === 'string' && Buffer.byteLength(value) > most)
      bad(field, `can have at most ${most} characters`);
  }
  const { type, series } = event;
  if (typeof type === 'string' && type !== 'Normal' && type !== 'Warning')
    bad('type', `has invalid value: ${type}`);
  if (isJsonObject(series) && Number(series['count']) < 2) bad('series.count', 'should be at least 2');
  return faults;
}

function changesOf(event: JsonObject, old: KubernetesObject): readonly FieldFault[] {
  return fixed
    .filter((field) => !isDeepStrictEqual(event[field], old[field]))
    .map((field) => ({
      reason: 'FieldValueInvalid',
      field: olderNames[field] ?? field,
      message: `Invalid value: ${JSON.stringify(event[field])}: field is immutable`,
    }));
}
