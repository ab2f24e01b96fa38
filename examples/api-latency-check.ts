// The half that runs in worker threads: how long a region's API takes to answer. It keeps nothing between jobs. It
// imports region-monitor/worker, not region-monitor, because each worker thread loads what this file imports.

import { type Check, CheckFailure, type CheckJob } from 'region-monitor/worker';

export interface ApiLatencyJob extends CheckJob {
  readonly endpoint: string;
}

export interface ApiLatencyResult {
  readonly seconds: number;
  /** HTTP status; any answer counts. */
  readonly status: number;
}

const check: Check<ApiLatencyJob, ApiLatencyResult> = async ({ endpoint }, signal) => {
  const startMs = performance.now();
  try {
    // The signal aborts at the job's deadline.
    const response = await fetch(endpoint, { signal });
    await response.arrayBuffer();
    return { seconds: (performance.now() - startMs) / 1000, status: response.status };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // Errors cross threads as data, with a code of a closed set.
    throw new CheckFailure({ code: 'unreachable', message: `GET ${endpoint}: ${reason}` }, { cause });
  }
};

export default check;
