// What lives as long as one job: its time, its requests, and the bounds that it keeps.

import pLimit, { type LimitFunction } from 'p-limit';
import type { BodyJob } from '../../shared/body-memory.ts';
import type { Clock } from '../../shared/clock.ts';
import type { RegionJob, SentRequests } from '../../shared/region-job.ts';
import type { WorkerTools } from '../../shared/worker-tools.ts';
import type { Connections } from './connections.ts';
import type { JobContext } from './job-context.ts';
import { JobTime } from './job-time.ts';
import { LoginPace } from './login-pace.ts';
import { RequestLog } from './request-log.ts';

export interface JobSurroundings {
  readonly connections: Connections;
  readonly clock: Clock;
  readonly tools: WorkerTools;
  /** Of the caller. */
  readonly signal: AbortSignal;
}

/** `close` it when the job is done. */
export class JobScope implements JobContext {
  readonly connections: Connections;
  readonly memory: BodyJob;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly limit: LimitFunction;
  readonly logins: LoginPace;
  readonly requestTimeoutMs: number;
  readonly requests: RequestLog;
  readonly #time: JobTime;

  constructor(job: RegionJob, { connections, clock, tools, signal }: JobSurroundings) {
    const { deadlineMs, requestTimeoutMs, concurrency, loginsPerSecond, traced } = job;
    this.#time = new JobTime({ deadlineMs, signal, clock });
    this.connections = connections;
    this.memory = tools.memory.job();
    this.clock = clock;
    this.deadlineMs = deadlineMs;
    this.limit = pLimit(concurrency);
    this.logins = new LoginPace({ perSecond: loginsPerSecond, clock, signal: this.signal });
    this.requestTimeoutMs = requestTimeoutMs;
    this.requests = new RequestLog({ traced });
  }

  get signal(): AbortSignal {
    return this.#time.signal;
  }

  /** What was sent so far. */
  get sent(): SentRequests {
    return { requests: this.requests.counts, calls: this.requests.calls };
  }

  close(): void {
    this.#time.close();
  }
}
