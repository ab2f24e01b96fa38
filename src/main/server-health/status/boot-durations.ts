// How long a server took to be scheduled and to boot, measured once: by the write that first records the boot. What stands
// in the object tells whether that write is this one, so a restart of the monitor neither repeats nor loses it.

import { kubernetesTime } from '../../../shared/conditions.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';
import type { ServerTimes } from './server-times.ts';

export type BootDuration =
  | { readonly kind: 'measured'; readonly seconds: number }
  /** It would be negative: the clocks of the cloud and of Kubernetes differ. */
  | { readonly kind: 'clock-skew'; readonly at: string; readonly createdAt: string };

export interface BootDurations {
  readonly provision: BootDuration | null;
  readonly scheduling: BootDuration | null;
}

const none: BootDurations = { provision: null, scheduling: null };

/** Phases of a server that somebody waits for. One that is in another has booted before. */
const awaited: ReadonlySet<string> = new Set(['', 'Pending', 'Queued', 'Building']);
/** Only ever written while the cloud builds a server. */
const building: ReadonlySet<string> = new Set(['Queued', 'Building']);

/** A server that v1.16 saw Pending, and that booted longer ago, is not a boot of now. */
const longAgoMs = 3_600_000;

/** `server` is the object before the write, `after` what the write makes of it. */
export function bootDurations(
  server: ServerRecord,
  after: ServerTimes & Pick<ServerRecord, 'phase'>,
  nowMs: number,
): BootDurations {
  const { launchedAtSeconds: launched, scheduledAtSeconds: scheduled } = after;
  if (launched === null) return unlaunched(server, after);
  const first = server.launchedAtSeconds === null && server.provisionedAtSeconds === null;
  if (!first || !awaited.has(server.phase) || bootedBefore(server, launched, nowMs)) return none;
  return { provision: since(server, launched), scheduling: since(server, scheduled) };
}

/** Should the cloud not say when it launched a server, there is still a time of its creation when it runs. */
function unlaunched(server: ServerRecord, after: ServerTimes & Pick<ServerRecord, 'phase'>): BootDurations {
  if (after.phase !== 'Running' || server.phase === 'Running') return none;
  const first = server.scheduledAtSeconds === null || building.has(server.phase);
  return first ? { provision: null, scheduling: since(server, after.scheduledAtSeconds) } : none;
}

/** An object of v1.16 is Pending again when its server is started again, and says only since when. */
function bootedBefore({ pendingEntryTime }: ServerRecord, launchedAtSeconds: number, nowMs: number): boolean {
  if (pendingEntryTime === undefined) return false;
  const launchedMs = launchedAtSeconds * 1000;
  return launchedMs < Date.parse(pendingEntryTime) || nowMs - launchedMs > longAgoMs;
}

function since({ createdAt }: ServerRecord, atSeconds: number | null): BootDuration | null {
  if (atSeconds === null) return null;
  const seconds = atSeconds - createdAt / 1000;
  return seconds < 0
    ? { kind: 'clock-skew', at: kubernetesTime(atSeconds * 1000), createdAt: kubernetesTime(createdAt) }
    : { kind: 'measured', seconds };
}
