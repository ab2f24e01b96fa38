// Logs transitions: those of servers with the original's messages and keys, so that whatever reads them keeps working, and
// those of other kinds alike. Hands them to whoever else wants to know: the status page, the Events.

import type { Clock } from '../../shared/clock.ts';
import type { WatchedObject, WatchedResource } from '../../shared/watched-object.ts';
import type { Logger } from '../log/logger.ts';
import type { HealthTransition, PhaseTransition } from './projection.ts';
import type { KindWords } from './status-kind.ts';

export interface TransitionListener {
  phase(resource: WatchedResource, object: WatchedObject, transition: PhaseTransition): void;
  health(resource: WatchedResource, object: WatchedObject, transition: HealthTransition): void;
}

export interface TransitionLogOptions<Watched> {
  readonly words: KindWords<Watched>;
  readonly logger: Pick<Logger, 'info'>;
  readonly listeners: readonly TransitionListener[];
  readonly clock: Pick<Clock, 'now'>;
}

export class TransitionLog<Watched extends WatchedObject> {
  readonly #options: TransitionLogOptions<Watched>;

  constructor(options: TransitionLogOptions<Watched>) {
    this.#options = options;
  }

  phase(object: Watched, transition: PhaseTransition): void {
    const { words, logger, listeners, clock } = this.#options;
    for (const listener of listeners) listener.phase(words.resource, object, transition);
    if (words.phaseTransition === undefined) return;
    logger.info(words.phaseTransition, {
      ...words.fields(object),
      from_phase: transition.from,
      to_phase: transition.to,
      time_since_creation_ms: Math.max(0, Math.trunc(clock.now() - object.createdAt)),
      [words.nameField]: object.displayName,
    });
  }

  health(object: Watched, transition: HealthTransition): void {
    const { words, logger, listeners } = this.#options;
    for (const listener of listeners) listener.health(words.resource, object, transition);
    logger.info(words.healthTransition, {
      ...words.fields(object),
      from_state: transition.from,
      to_state: transition.to,
      duration_ms: transition.durationMs,
      [words.nameField]: object.displayName,
      message: transition.message,
    });
  }
}
