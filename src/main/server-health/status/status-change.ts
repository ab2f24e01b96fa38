// The difference between the status that an object has and the one that it is to show, as the body of a merge patch.

import { type Condition, kubernetesTime } from '../../../shared/conditions.ts';
import type { RebuildMarker, ServerRecord } from '../../../shared/server-record.ts';
import { showsHealth } from '../../projection/projection.ts';

/** The fields of `status` to write; the others stay as they are. A merge patch replaces `conditions` as a whole. */
export interface StatusChange {
  readonly phase?: string;
  readonly conditions?: readonly Condition[];
  readonly scheduledAt?: string;
  readonly launchedAt?: string;
  readonly provisionedAt?: string;
  readonly macAddress?: string;
  /** The target stays. */
  readonly rebuild?: Pick<RebuildMarker, 'state'>;
}

/** The parts of a record that are its status. */
export type StatusFields = Pick<
  ServerRecord,
  | 'phase'
  | 'conditions'
  | 'scheduledAtSeconds'
  | 'launchedAtSeconds'
  | 'provisionedAtSeconds'
  | 'macAddress'
  | 'rebuild'
>;

/** Null when nothing differs. */
export function statusChange(stored: StatusFields, wanted: StatusFields): StatusChange | null {
  const change: StatusChange = {
    ...(wanted.phase === stored.phase ? {} : { phase: wanted.phase }),
    ...(wanted.conditions === stored.conditions ? {} : { conditions: wanted.conditions }),
    ...changedTime('scheduledAt', stored.scheduledAtSeconds, wanted.scheduledAtSeconds),
    ...changedTime('launchedAt', stored.launchedAtSeconds, wanted.launchedAtSeconds),
    ...changedTime('provisionedAt', stored.provisionedAtSeconds, wanted.provisionedAtSeconds),
    ...(wanted.macAddress === stored.macAddress ? {} : { macAddress: wanted.macAddress }),
    ...(wanted.rebuild === null || wanted.rebuild.state === stored.rebuild?.state
      ? {}
      : { rebuild: { state: wanted.rebuild.state } }),
  };
  return Object.keys(change).length === 0 ? null : change;
}

/** Times are never cleared. */
function changedTime(
  key: 'scheduledAt' | 'launchedAt' | 'provisionedAt',
  stored: number | null,
  wanted: number | null,
): StatusChange {
  return wanted === null || wanted === stored ? {} : { [key]: kubernetesTime(wanted * 1000) };
}

/** True when the object shows what a change wanted to write: the change stands, whoever was told so. */
export function shows(server: ServerRecord, change: StatusChange): boolean {
  if (change.phase !== undefined && change.phase !== server.phase) return false;
  if (change.macAddress !== undefined && change.macAddress !== server.macAddress) return false;
  if (!showsTime(server.scheduledAtSeconds, change.scheduledAt)) return false;
  if (!showsTime(server.launchedAtSeconds, change.launchedAt)) return false;
  if (!showsTime(server.provisionedAtSeconds, change.provisionedAt)) return false;
  if (change.rebuild !== undefined && change.rebuild.state !== server.rebuild?.state) return false;
  return change.conditions === undefined || showsHealth(server.conditions, change.conditions);
}

function showsTime(stored: number | null, wanted: string | undefined): boolean {
  return wanted === undefined || (stored !== null && Date.parse(wanted) === stored * 1000);
}
