// What the worker half of a check needs: small, because every worker thread loads it.

export type { Check, CheckJob } from './shared/checker.ts';
export { monotonicMs } from './shared/clock.ts';
export { type CheckError, CheckFailure, type ErrorCode } from './shared/errors.ts';
