// What becomes of an observation: a writer makes the object show it. StatusWriter does; ShadowWriter only logs what it
// would do. The composition root chooses.

import type { Span } from '@opentelemetry/api';

export type Written<Watched> =
  /** The object shows what was observed: it counts. */
  | {
      readonly kind: 'stands';
      readonly object: Watched;
      /** Its annotations could not be written; the next poll tries again. */
      readonly annotationError?: Error;
    }
  /** The object no longer exists. */
  | { readonly kind: 'gone' }
  /** Not written; the next poll tries again. */
  | { readonly kind: 'failed'; readonly error: Error };

export interface WriteRequest<Watched, Observation> {
  readonly object: Watched;
  readonly observation: Observation;
  readonly signal: AbortSignal;
  /** Parent of the write's span. */
  readonly span?: Span | undefined;
}

export interface ObjectWriter<Watched, Observation> {
  /** True when there is nothing to write: the object shows the observation. The case of most objects at most polls. */
  isIdle(object: Watched, observation: Observation): boolean;
  /** Makes the object show the observation. Never rejects. One write at a time for each object. */
  write(request: WriteRequest<Watched, Observation>): Promise<Written<Watched>>;
}
