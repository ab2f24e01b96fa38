// What the jobs and results of all checks that ask a region have in common.

import type { CheckJob, ProviderCall, RequestCount } from './checker.ts';
import type { RegionTarget } from './session.ts';

/** How much a job may ask. */
export interface RegionLimits {
  readonly requestTimeoutMs: number;
  /** Requests in flight at once, at most. */
  readonly concurrency: number;
  /** Logins a second, at most; public clouds count them. */
  readonly loginsPerSecond: number;
}

export interface RegionJob extends CheckJob, RegionLimits {
  readonly target: RegionTarget;
  /** Report each provider call, not only their counts. */
  readonly traced: boolean;
}

export interface SentRequests {
  readonly requests: readonly RequestCount[];
  /** Empty unless the job was traced. */
  readonly calls: readonly ProviderCall[];
}
