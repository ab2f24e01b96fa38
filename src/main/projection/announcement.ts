// The transitions of a write that stands, reported once: in the log and in the counters.

import type { WatchedObject } from '../../shared/watched-object.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Projection } from './projection.ts';
import type { TransitionLog } from './transition-log.ts';

export interface AnnouncementTargets<Watched extends WatchedObject> {
  readonly log: Pick<TransitionLog<Watched>, 'phase' | 'health'>;
  readonly metrics: Pick<Metrics, 'transition'>;
}

/** `before` is the object as it was. */
export function announce<Watched extends WatchedObject>(
  before: Watched,
  { phaseTransition, healthTransition }: Projection<Watched>,
  { log, metrics }: AnnouncementTargets<Watched>,
): void {
  if (phaseTransition !== null) {
    log.phase(before, phaseTransition);
    metrics.transition('phase');
  }
  if (healthTransition !== null) {
    log.health(before, healthTransition);
    metrics.transition('health');
  }
}
