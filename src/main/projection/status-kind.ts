// What the writers need to know of a kind of object. Everything else that becomes of an observation is the same for all
// kinds: a write queue, a status writer, one announcement for each transition.

import type { WatchedObject, WatchedResource } from '../../shared/watched-object.ts';
import type { Projection } from './projection.ts';

/** Values of annotations to set; null removes one. */
export type Annotations = Readonly<Record<string, string | null>>;

/** How logs and traces speak of a kind. */
export interface KindWords<Watched> {
  readonly resource: WatchedResource;
  /** In messages: "Server". */
  readonly title: string;
  /** In traces: "server". */
  readonly singular: string;
  /** Messages of the log lines. A kind without phases has no line for them. */
  readonly phaseTransition?: string;
  readonly healthTransition: string;
  /** The keys that every line about an object of the kind carries. */
  readonly fields: (object: Watched) => Readonly<Record<string, unknown>>;
  /** The key of its display name. */
  readonly nameField: string;
}

export interface StatusKind<
  Watched extends WatchedObject,
  Observation,
  Projected extends Projection<Watched> = Projection<Watched>,
> {
  readonly words: KindWords<Watched>;
  project(object: Watched, observation: Observation): Projected;
  /** True when the object shows what a change wanted to write: the change stands, whoever was told so. */
  shows(object: Watched, change: NonNullable<Projected['change']>): boolean;
  /** Reports what a write that stands means. `before` is the object as it was. */
  announce(before: Watched, projected: Projected): void;
  /** Annotations that are still to be written of an object whose status is as it should be; null when there are none. */
  annotations?(object: Watched): Annotations | null;
  /** The object as it is with annotations. */
  annotated?(object: Watched, annotations: Annotations): Watched;
  /** What tells one status from another, besides health. */
  shown?(object: Watched): readonly unknown[];
}
