// What became of a job that was given to a pool.

import type { CheckError } from '../../shared/errors.ts';
import type { Answer } from '../../shared/worker-protocol.ts';

/** `worker` is null when no thread ever began it. */
export type Ran =
  | { readonly ok: true; readonly worker: number; readonly answer: Answer }
  | {
      readonly ok: false;
      readonly worker: number | null;
      readonly startedMs: number | null;
      readonly error: CheckError;
    };

export function notBegun(error: CheckError): Ran {
  return { ok: false, worker: null, startedMs: null, error };
}
