// What a provider is given for one job.

import type { LimitFunction } from 'p-limit';
import type { BodyJob } from '../../shared/body-memory.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Connections } from './connections.ts';
import type { LoginPace } from './login-pace.ts';
import type { RequestLog } from './request-log.ts';

export interface JobContext {
  /** Of the worker: outlives the job. */
  readonly connections: Connections;
  /** For its answers. */
  readonly memory: BodyJob;
  readonly clock: Clock;
  /** Monotonic milliseconds: when the job's time is over. */
  readonly deadlineMs: number;
  /** Aborts then, or shortly before; its reason is a CheckFailure. */
  readonly signal: AbortSignal;
  /** Bounds the requests that the job has in flight. */
  readonly limit: LimitFunction;
  readonly logins: LoginPace;
  readonly requestTimeoutMs: number;
  readonly requests: RequestLog;
}
