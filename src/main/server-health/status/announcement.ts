// What a write that stands means for a server, reported once: its transitions, and durations in the histograms.

import type { ServerRecord } from '../../../shared/server-record.ts';
import { announce, type AnnouncementTargets as CommonTargets } from '../../projection/announcement.ts';
import type { FlavorAttributes, Metrics } from '../../telemetry/metrics.ts';
import type { BootDuration } from './boot-durations.ts';
import type { DurationLog } from './duration-log.ts';
import { provisionDuration } from './pending-time.ts';
import type { ServerProjection } from './projection.ts';

export interface AnnouncementTargets {
  readonly log: CommonTargets<ServerRecord>['log'];
  readonly durations: Pick<DurationLog, 'invalidPendingTime' | 'clockSkew' | 'bootClockSkew'>;
  readonly metrics: Pick<Metrics, 'transition' | 'recordProvision' | 'recordScheduling'>;
  /** What the histograms name a server by. */
  readonly attributes: (server: ServerRecord) => FlavorAttributes;
}

export interface AnnouncementContext extends AnnouncementTargets {
  readonly nowMs: number;
}

/** `before` is the object as it was. */
export function announceServer(
  before: ServerRecord,
  projection: ServerProjection,
  context: AnnouncementContext,
): void {
  const { durations, metrics, attributes } = context;
  const { phaseTransition, boot } = projection;
  announce(before, projection, context);
  const provisioned = phaseTransition?.from === 'Pending' && phaseTransition.to === 'Running';
  if (boot === null) {
    if (provisioned) recordPending(before, context);
    return;
  }
  record(
    boot.provision,
    (seconds) => metrics.recordProvision(seconds, attributes(before)),
    (skew) => durations.bootClockSkew(before, { launched_at: skew.at, created_at: skew.createdAt }),
  );
  record(
    boot.scheduling,
    (seconds) => metrics.recordScheduling(seconds, attributes(before)),
    (skew) => durations.bootClockSkew(before, { scheduled_at: skew.at, created_at: skew.createdAt }),
  );
}

type ClockSkew = Extract<BootDuration, { kind: 'clock-skew' }>;

function record(
  duration: BootDuration | null,
  measured: (seconds: number) => void,
  skewed: (skew: ClockSkew) => void,
): void {
  if (duration?.kind === 'measured') measured(duration.seconds);
  else if (duration?.kind === 'clock-skew') skewed(duration);
}

/** Profile v1.16: the time since the server became Pending. */
function recordPending(before: ServerRecord, context: AnnouncementContext): void {
  const { durations, metrics, attributes, nowMs } = context;
  const duration = provisionDuration(before, nowMs);
  if (duration.kind === 'measured') metrics.recordProvision(duration.seconds, attributes(before));
  else if (duration.kind === 'invalid') durations.invalidPendingTime(before, duration.text);
  else if (duration.kind === 'clock-skew') durations.clockSkew(before, duration.pendingSince);
}
