// The messages between the pool on main and the entry of a worker thread.

import type { CheckJob } from './checker.ts';
import type { PackedJson } from './packed-json.ts';

/** Handed to each thread when it starts. */
export interface WorkerSettings {
  readonly slots: SharedArrayBuffer;
  /** URLs of the modules of checks to load before the first job. */
  readonly checks: readonly string[];
}

/** How often a thread records in its slot that its event loop turns. */
export const beatEveryMs = 250;

/** Main to worker: run this job with the check that `module` exports. */
export interface Assignment {
  readonly ticket: number;
  /** URL of the module whose default export is a Check. */
  readonly module: string;
  readonly job: CheckJob;
}

/** Worker to main, when a job begins: should the thread die, main knows which jobs it held. */
export interface Started {
  readonly ticket: number;
  /** The thread's row in WorkerSlots. */
  readonly slot: number;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
}

/** Worker to main, when Node warns. */
export interface Warned {
  readonly warning: string;
}

/** Worker to main, when a job ends. */
export interface Answer {
  readonly slot: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** An `Outcome` as JSON: a string of 5 MB crosses in 9 ms, the same as objects in 142 ms. */
  readonly outcome: PackedJson;
}
