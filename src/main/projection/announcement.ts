// What a write that stands means, reported once: transitions in the log and the counters, durations in the histograms.

import type { ServerRecord } from '../../shared/server-record.ts';
import type { FlavorAttributes, Metrics } from '../telemetry/metrics.ts';
import type { BootDuration } from './boot-durations.ts';
import { provisionDuration } from './pending-time.ts';
import type { Projection } from './projection.ts';
import type { TransitionLog } from './transition-log.ts';

export interface AnnouncementTargets {
  readonly log: Pick<
    TransitionLog,
    'phase' | 'health' | 'invalidPendingTime' | 'clockSkew' | 'bootClockSkew'
  >;
  readonly metrics: Pick<Metrics, 'transition' | 'recordProvision' | 'recordScheduling'>;
}

export interface AnnouncementContext extends AnnouncementTargets {
  readonly attributes: FlavorAttributes;
  readonly nowMs: number;
}

/** `before` is the object as it was. */
export function announce(before: ServerRecord, projection: Projection, context: AnnouncementContext): void {
  const { log, metrics, nowMs, attributes } = context;
  const { phaseTransition, healthTransition, boot } = projection;
  if (phaseTransition !== null) {
    log.phase(before, phaseTransition, nowMs);
    metrics.transition('phase');
    const provisioned = phaseTransition.from === 'Pending' && phaseTransition.to === 'Running';
    if (boot === null && provisioned) recordPending(before, context);
  }
  if (healthTransition !== null) {
    log.health(before, healthTransition);
    metrics.transition('health');
  }
  if (boot === null) return;
  record(
    boot.provision,
    (seconds) => metrics.recordProvision(seconds, attributes),
    (skew) => log.bootClockSkew(before, { launched_at: skew.at, created_at: skew.createdAt }),
  );
  record(
    boot.scheduling,
    (seconds) => metrics.recordScheduling(seconds, attributes),
    (skew) => log.bootClockSkew(before, { scheduled_at: skew.at, created_at: skew.createdAt }),
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
function recordPending(before: ServerRecord, { log, metrics, attributes, nowMs }: AnnouncementContext): void {
  const duration = provisionDuration(before, nowMs);
  if (duration.kind === 'measured') metrics.recordProvision(duration.seconds, attributes);
  else if (duration.kind === 'invalid') log.invalidPendingTime(before, duration.text);
  else if (duration.kind === 'clock-skew') log.clockSkew(before, duration.pendingSince);
}
