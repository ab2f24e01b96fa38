// What becomes of an observation: a writer makes the Server object show it. StatusWriter does; ShadowWriter only logs
// what it would do. The composition root chooses.

import type { Span } from '@opentelemetry/api';
import type { Observation } from '../../shared/observation.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { FlavorAttributes } from '../telemetry/metrics.ts';

export type Written =
  /** The object shows what was observed: it counts. */
  | {
      readonly kind: 'stands';
      readonly server: ServerRecord;
      /** The annotation that times its provision could not be written; the next poll tries again. */
      readonly annotationError?: Error;
    }
  /** The object no longer exists. */
  | { readonly kind: 'gone' }
  /** Not written; the next poll tries again. */
  | { readonly kind: 'failed'; readonly error: Error };

export interface WriteRequest {
  readonly server: ServerRecord;
  readonly observation: Observation;
  readonly attributes: FlavorAttributes;
  readonly signal: AbortSignal;
  /** Parent of the write's span. */
  readonly span?: Span | undefined;
}

export interface ServerWriter {
  /** True when there is nothing to write: the object shows the observation. The case of most servers at most polls. */
  isIdle(server: ServerRecord, observation: Observation): boolean;
  /** Makes the object show the observation. Never rejects. One write at a time for each object. */
  write(request: WriteRequest): Promise<Written>;
}
