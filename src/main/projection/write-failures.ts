// What the failure of a write says of it: whether it may have been done, and whether to try again.

import type { ApiError } from '../kubernetes/errors.ts';

/** The answer is the object as it was. */
export const unchangedReason = 'Unchanged';

/** This process may not write the object any more: it was not sent. */
export function isWithheld({ reason }: ApiError): boolean {
  return reason === 'Withheld';
}

/** No answer, half of one, or that of something between us and the API server: the write may have been done. */
export function maybeApplied(error: ApiError): boolean {
  return (error.status < 300 || error.status >= 500) && !isWithheld(error);
}

/** A value that was refused, or a field that was dropped: the definitions may have been replaced. */
export function mayBeOfOtherDefinitions({ status, reason }: ApiError): boolean {
  return status === 422 || reason === unchangedReason;
}

export function mayRetry(error: ApiError): boolean {
  return error.status === 409 || error.status === 429 || maybeApplied(error);
}
