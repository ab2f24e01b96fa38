// The contract of a check: one half on main, which plans jobs and applies results, one half in a worker, which runs them.

import type { Span } from '@opentelemetry/api';
import type { CheckError } from './errors.ts';
import type { RegionRef } from './region-ref.ts';
import type { WorkerTools } from './worker-tools.ts';

/** What every job carries. It holds credentials: never log it. */
export interface CheckJob {
  /** The region that the job is for: the unit of isolation and of reporting. */
  readonly region: RegionRef;
  /** Monotonic milliseconds (shared/clock): the job answers by then, whatever the region does. */
  readonly deadlineMs: number;
}

/** What the worker measured of one request to a provider. */
export interface ProviderCall {
  /** Low-cardinality name, for example "GET /servers/detail". */
  readonly route: string;
  /** HTTP status, or 0 when there was no answer. */
  readonly status: number;
  /** Wall time in epoch milliseconds, with a fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly error?: CheckError;
}

/** Requests of one kind that the check sent. */
export interface RequestCount {
  readonly route: string;
  /** HTTP status, or 0 when there was no answer. */
  readonly status: number;
  readonly count: number;
}

/** The half of a check that runs in a worker thread. A module exports one as its default. */
export type Check<Job extends CheckJob, Result> = (
  job: Job,
  signal: AbortSignal,
  tools?: WorkerTools,
) => Promise<Result>;

/** What became of a job: its result, or an error as data. */
export type Outcome<Result> =
  | { readonly ok: true; readonly result: Result }
  | { readonly ok: false; readonly error: CheckError };

/** What comes back from the pool for each job. */
export interface JobReport<Result> {
  readonly outcome: Outcome<Result>;
  /** Stable number of the worker that answered; null when none did. */
  readonly worker: number | null;
  /** Monotonic milliseconds: handed to the pool, begun in a worker, answered. */
  readonly queuedMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** What a poll hands to a checker. */
export interface Cycle {
  /** All regions, or between two polls only what is in transition and will soon be different. */
  readonly scope: 'all' | 'unsettled';
  /** Number of the poll, from 1. */
  readonly number: number;
  readonly signal: AbortSignal;
  /** Monotonic milliseconds by which jobs of this poll must have answered. */
  readonly deadlineMs: number;
  /** The poll's span, parent of what the checker records. */
  readonly span: Span;
}

/**
 * The half of a check that runs on main. A poll of a region is `plan`, then `apply` for each job as it is answered, then
 * `finish`; regions do not wait for each other, and a region whose poll has not finished is skipped in the next cycle.
 * No method may throw for what a region or the API server did.
 */
export interface Checker<Job extends CheckJob, Result> {
  /** For logs and metrics, for example "server-health". */
  readonly name: string;
  /** The module whose default export is the worker half, a `Check<Job, Result>`. */
  readonly worker: URL;
  /** The regions of this cycle, those too whose earlier poll is still under way. */
  regions(cycle: Cycle): Iterable<RegionRef> | Promise<Iterable<RegionRef>>;
  /** The jobs of one region; none when there is nothing to ask. */
  plan(region: RegionRef, cycle: Cycle): Promise<readonly Job[]>;
  /** Projects one report. */
  apply(job: Job, report: JobReport<Result>, cycle: Cycle): Promise<void>;
  /** Ends the poll of a region: its jobs, if it had any, were applied. */
  finish?(region: RegionRef, cycle: Cycle): void;
}
