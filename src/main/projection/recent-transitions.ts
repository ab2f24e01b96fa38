// The latest transitions, for people who look at the status page: fed where transitions are logged.

import type { Clock } from '../../shared/clock.ts';
import type { Transition } from '../../shared/monitor-status.ts';
import type { WatchedObject, WatchedResource } from '../../shared/watched-object.ts';
import { cutText } from '../log/fields.ts';
import type { HealthTransition, PhaseTransition } from './projection.ts';

const limit = 50;
/** Characters; clouds write long ones. The log has them whole. */
const messageLimit = 300;

export class RecentTransitions {
  readonly #clock: Pick<Clock, 'now'>;
  /** Oldest first. */
  readonly #transitions: Transition[] = [];
  #sequence = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  phase(resource: WatchedResource, object: WatchedObject, { from, to }: PhaseTransition): void {
    this.#add(resource, object, { kind: 'phase', from, to, message: '' });
  }

  health(resource: WatchedResource, object: WatchedObject, { from, to, message }: HealthTransition): void {
    this.#add(resource, object, { kind: 'health', from, to, message: cutText(message, messageLimit) });
  }

  newestFirst(): readonly Transition[] {
    return this.#transitions.toReversed();
  }

  #add(
    resource: WatchedResource,
    { name, namespace, displayName, regionId = '' }: WatchedObject,
    change: Pick<Transition, 'kind' | 'from' | 'to' | 'message'>,
  ): void {
    if (this.#transitions.length === limit) this.#transitions.shift();
    this.#transitions.push({
      sequence: ++this.#sequence,
      at: new Date(this.#clock.now()).toISOString(),
      resource,
      name,
      displayName,
      namespace,
      regionId,
      ...change,
    });
  }
}
