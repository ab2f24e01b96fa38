// Writes nothing, and logs what it would have written: for a second monitor next to the one that writes (`run --shadow`),
// `check --dry-run`. What StatusWriter would write once is told and counted once: as long as the object is not changed
// by somebody else, later polls find only what was told already.

import { findCondition, healthyType } from '../../shared/conditions.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { Logger } from '../log/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ObjectWriter, WriteRequest, Written } from './object-writer.ts';
import type { Projection } from './projection.ts';
import type { RecentTransitions } from './recent-transitions.ts';
import type { Annotations, KindWords, StatusKind } from './status-kind.ts';

export interface ShadowWriterOptions<Watched extends WatchedObject, Observation> {
  readonly kind: ShadowedKind<Watched, Observation>;
  readonly objects: Pick<ResourceCache<Watched>, 'onChange'>;
  readonly logger: Logger;
  /** The keys of a line about an object. */
  readonly fields: KindWords<Watched>['fields'];
  readonly transitions: RecentTransitions;
  readonly metrics: Pick<Metrics, 'shadowWrite'>;
}

/** Nothing is announced, so it is all the same what else projections of the kind have. */
type ShadowedKind<Watched extends WatchedObject, Observation> = Omit<
  StatusKind<Watched, Observation>,
  'announce' | 'shows'
>;

/** What was told of an object: the status and the annotations that it would have, null where it has them. */
interface Told {
  readonly status: string | null;
  readonly annotation: 'stamp' | 'remove' | null;
}

interface Change<Watched> extends Told {
  readonly projection: Projection<Watched>;
  /** The object as it would be. */
  readonly after: Watched;
}

export class ShadowWriter<Watched extends WatchedObject, Observation>
  implements ObjectWriter<Watched, Observation>
{
  readonly #options: ShadowWriterOptions<Watched, Observation>;
  /** By uid of the object. */
  readonly #told = new Map<string, Told>();

  constructor(options: ShadowWriterOptions<Watched, Observation>) {
    this.#options = options;
    options.objects.onChange(({ type, record, previous }) => {
      const gone = type === 'delete' ? record : previous;
      // An object of the same name may have taken the place of one that was deleted.
      if (gone !== undefined && (type === 'delete' || gone.uid !== record.uid)) this.#told.delete(gone.uid);
    });
  }

  isIdle(object: Watched, observation: Observation): boolean {
    return !this.#told.has(object.uid) && !differs(this.#change(object, observation));
  }

  /** `stands`, with the object as it would be. */
  async write({ object, observation }: WriteRequest<Watched, Observation>): Promise<Written<Watched>> {
    const change = this.#change(object, observation);
    const told = this.#told.get(object.uid);
    if (change.status !== null && change.status !== told?.status) this.#tellStatus(object, change);
    if (change.annotation !== null && change.annotation !== told?.annotation)
      this.#tellAnnotation(object, change.annotation);
    const { status, annotation, after } = change;
    if (differs(change)) this.#told.set(object.uid, { status, annotation });
    else this.#told.delete(object.uid);
    return { kind: 'stands', object: after };
  }

  #change(object: Watched, observation: Observation): Change<Watched> {
    const { kind } = this.#options;
    const projection = kind.project(object, observation);
    const shown = projection.after;
    const annotations = kind.annotations?.(shown) ?? null;
    return {
      projection,
      status: projection.change === null ? null : this.#statusText(shown),
      annotation: annotations === null ? null : annotationText(annotations),
      after: annotations === null ? shown : (kind.annotated?.(shown, annotations) ?? shown),
    };
  }

  /** What tells one status from another. Times of conditions do not: they would be new at every poll. */
  #statusText(object: Watched): string {
    const health = findCondition(object.conditions, healthyType);
    const healthy = [health?.status, health?.reason, health?.message];
    return JSON.stringify([...healthy, ...(this.#options.kind.shown?.(object) ?? [])]);
  }

  #tellStatus(object: Watched, { projection, after }: Change<Watched>): void {
    const { kind, logger, fields, transitions, metrics } = this.#options;
    const { words } = kind;
    const { phaseTransition, healthTransition } = projection;
    if (phaseTransition !== null) transitions.phase(words.resource, object, phaseTransition);
    if (healthTransition !== null) transitions.health(words.resource, object, healthTransition);
    logger.info('shadow: would write status', {
      ...fields(object),
      ...(phaseTransition === null ? {} : { from_phase: phaseTransition.from, to_phase: phaseTransition.to }),
      ...(healthTransition === null
        ? {}
        : { from_state: healthTransition.from, to_state: healthTransition.to }),
      message: findCondition(after.conditions, healthyType)?.message ?? '',
      [words.nameField]: object.displayName,
    });
    metrics.shadowWrite('status');
  }

  #tellAnnotation(object: Watched, change: 'stamp' | 'remove'): void {
    const { logger, fields, metrics } = this.#options;
    logger.info('shadow: would write pending-entry annotation', { ...fields(object), change });
    metrics.shadowWrite('annotation');
  }
}

function differs({ status, annotation }: Told): boolean {
  return status !== null || annotation !== null;
}

function annotationText(annotations: Annotations): 'stamp' | 'remove' {
  return Object.values(annotations).some((value) => value !== null) ? 'stamp' : 'remove';
}
