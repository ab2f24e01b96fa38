// What one run of the benchmark measures, and how.

import type { Profile } from '../src/main/kubernetes/objects/profile.ts';
import type { FleetSize } from './fleet.ts';
import type { Build } from './monitor.ts';

export interface Settings {
  readonly build: Build;
  readonly workers: number;
  /** Of each replica; null for as many. */
  readonly replicaWorkers: number | null;
  /** Samples of each figure. */
  readonly repeat: number;
  /** Null takes one that fits the fleet. */
  readonly periodMs: number | null;
  readonly real: boolean;
  /** Which custom resource definitions are installed. */
  readonly definitions: Profile;
  /** Command of another monitor; null for none. */
  readonly peer: string | null;
  /** Arguments for the monitor's Node. */
  readonly nodeArgs: readonly string[];
  /** Further flags of the monitor. */
  readonly flags: readonly string[];
  /** Says what is being done. */
  readonly progress: (text: string) => void;
}

/** Long enough that a pass, a pass of the floor and the changes in between fit on a busy machine. */
export function periodFor(size: FleetSize, { periodMs, real }: Settings): number {
  if (periodMs !== null) return periodMs;
  const servers = size.servers + (size.servers / size.regions) * size.hung;
  return Math.ceil(2 + (servers / 1_000) * (real ? 1.2 : 0.35)) * 1_000;
}
