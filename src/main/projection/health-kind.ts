// A kind of object whose status the monitor writes nothing of but the Healthy condition: the rest is its controller's.

import type { Clock } from '../../shared/clock.ts';
import type { Health } from '../../shared/conditions.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import { type AnnouncementTargets, announce } from './announcement.ts';
import { type ConditionsChange, type Projection, projectHealth, showsHealth } from './projection.ts';
import type { KindWords, StatusKind } from './status-kind.ts';

export interface HealthKindOptions<Watched extends WatchedObject> extends AnnouncementTargets<Watched> {
  readonly words: KindWords<Watched>;
  readonly clock: Pick<Clock, 'now'>;
}

export class HealthKind<Watched extends WatchedObject>
  implements StatusKind<Watched, Health, Projection<Watched, ConditionsChange>>
{
  readonly #options: HealthKindOptions<Watched>;

  constructor(options: HealthKindOptions<Watched>) {
    this.#options = options;
  }

  get words(): KindWords<Watched> {
    return this.#options.words;
  }

  project(object: Watched, health: Health): Projection<Watched, ConditionsChange> {
    return projectHealth(object, health, this.#options.clock.now());
  }

  shows({ conditions }: Watched, change: ConditionsChange): boolean {
    return showsHealth(conditions, change.conditions);
  }

  announce(before: Watched, projection: Projection<Watched>): void {
    announce(before, projection, this.#options);
  }
}
