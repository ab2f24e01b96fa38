// Who is measured: something that polls the regions of a cluster, in a process of its own, seen from outside only.

import type { CpuTime } from './process-stats.ts';
import type { Column } from './report.ts';

export interface Pass {
  /** Null for one that does not tell: what the clouds and the API server saw says it then. */
  readonly seconds: number | null;
  readonly cpu: CpuTime;
  /** Of the main event loop, 99th percentile; null for one that does not tell. */
  readonly loopDelaySeconds: number | null;
}

export interface Subject {
  readonly column: Exclude<Column, 'floor'>;
  /** Processes that belong to it. */
  pids(): readonly number[];
  /** Waits for the end of a pass over these regions that begins after this call. */
  pass(regions: readonly string[]): Promise<Pass>;
  stop(): Promise<void>;
}
