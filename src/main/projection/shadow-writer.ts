// Writes nothing, and logs what it would have written: for a second monitor next to the one that writes (`run --shadow`),
// `check --dry-run`. What StatusWriter would write once is told and counted once: as long as the object is not changed
// by somebody else, later polls find only what was told already.

import type { Clock } from '../../shared/clock.ts';
import { findCondition, healthyType, kubernetesTime } from '../../shared/conditions.ts';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { Definitions } from '../kubernetes/objects/profile.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { Logger } from '../log/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { annotationChange } from './pending-time.ts';
import { type Projection, projectServer } from './projection.ts';
import type { RecentTransitions } from './recent-transitions.ts';
import type { ServerWriter, WriteRequest, Written } from './server-writer.ts';
import { serverFields } from './transition-log.ts';

export interface ShadowWriterOptions {
  readonly servers: Pick<ResourceCache<ServerRecord>, 'onChange'>;
  readonly definitions: Pick<Definitions, 'profile'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly transitions: RecentTransitions;
  readonly metrics: Pick<Metrics, 'shadowWrite'>;
}

/** What was told of a server: the status and the annotation that it would have, null where it has them. */
interface Told {
  readonly status: string | null;
  readonly annotation: 'stamp' | 'remove' | null;
}

interface Change extends Told {
  readonly projection: Projection;
  /** The server as it would be. */
  readonly after: ServerRecord;
}

export class ShadowWriter implements ServerWriter {
  readonly #options: ShadowWriterOptions;
  /** By uid of the object. */
  readonly #told = new Map<string, Told>();

  constructor(options: ShadowWriterOptions) {
    this.#options = options;
    options.servers.onChange(({ type, record, previous }) => {
      const gone = type === 'delete' ? record : previous;
      // An object of the same name may have taken the place of one that was deleted.
      if (gone !== undefined && (type === 'delete' || gone.uid !== record.uid)) this.#told.delete(gone.uid);
    });
  }

  isIdle(server: ServerRecord, observation: Observation): boolean {
    return !this.#told.has(server.uid) && !differs(this.#change(server, observation));
  }

  /** `stands`, with the server as it would be. */
  async write({ server, observation }: WriteRequest): Promise<Written> {
    const change = this.#change(server, observation);
    const told = this.#told.get(server.uid);
    if (change.status !== null && change.status !== told?.status) this.#tellStatus(server, change);
    if (change.annotation !== null && change.annotation !== told?.annotation)
      this.#tellAnnotation(server, change.annotation);
    const { status, annotation, after } = change;
    if (differs(change)) this.#told.set(server.uid, { status, annotation });
    else this.#told.delete(server.uid);
    return { kind: 'stands', server: after };
  }

  #change(server: ServerRecord, observation: Observation): Change {
    const nowMs = this.#options.clock.now();
    const { profile } = this.#options.definitions;
    const projection = projectServer(server, observation, { profile, nowMs });
    const shown = projection.after;
    const annotation = profile === 'v1.16' ? annotationChange(shown) : null;
    return {
      projection,
      status: projection.change === null ? null : statusText(shown),
      annotation,
      after:
        annotation === null ? shown : { ...shown, pendingEntryTime: pendingEntryTime(annotation, nowMs) },
    };
  }

  #tellStatus(server: ServerRecord, { projection, after }: Change): void {
    const { logger, transitions, metrics } = this.#options;
    const { phaseTransition, healthTransition } = projection;
    if (phaseTransition !== null) transitions.phase(server, phaseTransition);
    if (healthTransition !== null) transitions.health(server, healthTransition);
    logger.info('shadow: would write status', {
      ...serverFields(server),
      ...(phaseTransition === null ? {} : { from_phase: phaseTransition.from, to_phase: phaseTransition.to }),
      ...(healthTransition === null
        ? {}
        : { from_state: healthTransition.from, to_state: healthTransition.to }),
      message: findCondition(after.conditions, healthyType)?.message ?? '',
      instance_name: server.displayName,
    });
    metrics.shadowWrite('status');
  }

  #tellAnnotation(server: ServerRecord, change: 'stamp' | 'remove'): void {
    const { logger, metrics } = this.#options;
    logger.info('shadow: would write pending-entry annotation', { ...serverFields(server), change });
    metrics.shadowWrite('annotation');
  }
}

function differs({ status, annotation }: Told): boolean {
  return status !== null || annotation !== null;
}

function pendingEntryTime(change: 'stamp' | 'remove', nowMs: number): string | undefined {
  return change === 'stamp' ? kubernetesTime(nowMs) : undefined;
}

/** What tells one status from another. Times of conditions do not: they would be new at every poll. */
function statusText({
  phase,
  conditions,
  launchedAtSeconds,
  provisionedAtSeconds,
  scheduledAtSeconds,
  macAddress,
  rebuild,
}: ServerRecord): string {
  const health = findCondition(conditions, healthyType);
  const times = [scheduledAtSeconds, launchedAtSeconds, provisionedAtSeconds];
  const healthy = [health?.status, health?.reason, health?.message];
  return JSON.stringify([phase, ...healthy, ...times, macAddress, rebuild?.state]);
}
