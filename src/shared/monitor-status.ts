// What the monitor shows of itself: /statusz serves it as JSON, the status page draws it. It imports nothing, so that the
// page's script, which runs in browsers, can be checked against it.

/** Each key is a section that the page is sent again when it has changed: what changes at each look belongs into `time`. */
export type MonitorStatus = {
  /** Now, ISO 8601, as are all times. The page reckons ages from it, whatever its own clock shows. */
  readonly time: string;
  readonly monitor: ProcessStatus;
  readonly regions: readonly RegionStatus[];
  readonly problems: ProblemsStatus;
  /** Empty without --shards. */
  readonly shards: readonly ShardStatus[];
  readonly pool: PoolStatus;
  /** Newest first. */
  readonly transitions: readonly Transition[];
  readonly caches: readonly CacheStatus[];
};

export interface ProcessStatus {
  readonly version: string;
  readonly revision: string;
  readonly startedAt: string;
  readonly pollPeriodMs: number;
  /** Nothing is written: transitions are what would have been. */
  readonly shadow: boolean;
  /** As /healthz and /readyz report it. */
  readonly live: boolean;
  readonly ready: boolean;
  /** Why it is ready, or not yet. */
  readonly detail: string;
}

export interface ProblemsStatus {
  /** All that are open. */
  readonly open: number;
  /** Those that are alike together, with the latest first; so many at most. */
  readonly groups: readonly ProblemStatus[];
}

export interface ProblemStatus {
  /** As the log has it. */
  readonly message: string;
  /** "" where there is none. */
  readonly code: string;
  /** The error of the latest; "" where there is none. */
  readonly error: string;
  /** "" for what belongs to no region. */
  readonly regionId: string;
  /** Of the region; "" where there is none. */
  readonly namespace: string;
  /** How many there are of the same message, code and region. */
  readonly count: number;
  /** What the latest of them are of; empty for a region as a whole. */
  readonly objects: readonly ProblemObject[];
  /** When the first of them was logged. */
  readonly since: string;
  /** When the last of them was logged. */
  readonly latest: string;
}

export interface ProblemObject {
  /** A record is the cloud's of a server; a resource is one of Kubernetes that cannot be read. */
  readonly kind: 'server' | 'region' | 'load balancer' | 'record' | 'identity' | 'resource';
  readonly name: string;
  /** "" where it has none. */
  readonly displayName: string;
}

export interface RegionStatus {
  readonly regionId: string;
  readonly namespace: string;
  readonly regionName: string;
  readonly provider: string;
  /** Waiting for its first answer; up or down, as the last poll found it; or of a provider without servers to ask for. */
  readonly state: 'waiting' | 'up' | 'down' | 'unsupported';
  readonly up: boolean;
  /** While it is open, one project is asked before the others are. */
  readonly breakerOpen: boolean;
  /** Failed polls in a row. */
  readonly failures: number;
  /** Why the last poll got no answer. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** When the last poll ended that got an answer. */
  readonly lastGoodAt: string | null;
  /** Whether each of its services answers; empty without the check region-health. */
  readonly services: Readonly<Record<string, boolean>>;
  /** Servers that name the region. */
  readonly servers: number;
  /** Those of them whose state is known, by phase in lower case. */
  readonly phases: Readonly<Record<string, number>>;
  /** The last ones, oldest first. */
  readonly polls: readonly PollStatus[];
}

export interface PollStatus {
  readonly seconds: number;
  /** "ok", "partial", or the code of the error that it ended with. */
  readonly outcome: string;
}

export interface ShardStatus {
  readonly shard: number;
  /** How many regions belong to it. */
  readonly regions: number;
  /** The replica that holds it, as its Lease names it; "" for nobody. */
  readonly holder: string;
  /** Whether this replica works on it. */
  readonly held: boolean;
  /** When its holder took it, by the holder's clock; null where nobody holds it. */
  readonly since: string | null;
  /** When this replica last saw its holder renew it; null where nobody holds it. */
  readonly renewedAt: string | null;
  /** How often it has had another holder. */
  readonly moves: number;
}

interface PoolStatus {
  /** Jobs that wait for a thread. */
  readonly queueLength: number;
  readonly workers: readonly WorkerStatus[];
}

export interface WorkerStatus {
  readonly worker: number;
  /** Share of the last seconds that the thread was busy, 0 to 1. */
  readonly busyShare: number;
  readonly heapUsedBytes: number;
  readonly jobsInFlight: number;
  readonly restarts: number;
}

export interface Transition {
  /** Counts from 1 at the start of the monitor. */
  readonly sequence: number;
  readonly at: string;
  readonly kind: 'phase' | 'health';
  /** As Kubernetes calls the kind: "servers". */
  readonly resource: 'servers' | 'regions' | 'loadbalancers';
  /** Name of the object, and its display name. */
  readonly name: string;
  readonly displayName: string;
  readonly namespace: string;
  readonly regionId: string;
  /** "" when the object had none yet. */
  readonly from: string;
  readonly to: string;
  /** The condition's message; "" for a phase. */
  readonly message: string;
}

interface CacheStatus {
  readonly resource: string;
  readonly objects: number;
  readonly synced: boolean;
}
