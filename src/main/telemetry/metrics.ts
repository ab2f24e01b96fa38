// Everything that the monitor measures, in one object that is handed to whoever measures. metric-table.ts says what
// each metric means.

import type { Meter } from '@opentelemetry/api';
import type { RequestCount } from '../../shared/checker.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { gaugeOf } from './instruments.ts';
import { metricTable } from './metric-table.ts';
import { type MetricSources, observe } from './observed-metrics.ts';
import { observeProcess } from './process-metrics.ts';
import {
  type EventOutcome,
  type FlavorAttributes,
  noWorker,
  type RecordedMetrics,
  recordedMetrics,
  type ShadowKind,
  type TransitionKind,
  type WriteOutcome,
} from './recorded-metrics.ts';

export type { CacheSnapshot, MetricSources, RegionSnapshot, StateCount } from './observed-metrics.ts';
export type { FlavorAttributes };

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
}

export interface PolledRegion {
  readonly regionId: string;
  readonly regionName: string;
  readonly outcome: 'ok' | 'partial' | ErrorCode;
  readonly seconds: number;
}

export interface DoneJob {
  /** Null when no worker answered. */
  readonly worker: number | null;
  readonly outcome: 'ok' | ErrorCode;
  readonly queueWaitSeconds: number;
  readonly runSeconds: number;
}

export class Metrics {
  readonly #record: RecordedMetrics;
  readonly #endProcess: () => void;

  constructor(meter: Meter, sources: MetricSources, build: BuildInfo = { version: 'unknown', revision: '' }) {
    this.#record = recordedMetrics(meter);
    observe(meter, sources, this.#record);
    gaugeOf(meter, metricTable.buildInfo).addCallback((result) => {
      result.observe(1, { ...build, node_version: process.version });
    });
    this.#endProcess = observeProcess(meter, () => sources.takeLateMs());
  }

  // The projection.

  recordProvision(seconds: number, attributes: FlavorAttributes): void {
    const { region_id, region_name, flavor_id, flavor_name } = attributes;
    this.#record.provisionDuration.record(seconds, { region_id, region_name, flavor_id, flavor_name });
  }

  recordScheduling(seconds: number, attributes: FlavorAttributes): void {
    const { region_id, region_name, flavor_id, flavor_name } = attributes;
    this.#record.schedulingDuration.record(seconds, { region_id, region_name, flavor_id, flavor_name });
  }

  transition(kind: TransitionKind): void {
    this.#record.transitions.add(1, { kind });
  }

  serversSkipped(reason: string, regionId: string, count: number): void {
    this.#record.serversSkipped.add(count, { region_id: regionId, reason });
  }

  // The poll cycle.

  pollStarted(checker: string): void {
    this.#record.polls.add(1, { checker });
  }

  pollSkipped(checker: string, regionId: string): void {
    this.#record.pollsSkipped.add(1, { checker, region_id: regionId });
  }

  regionPolled({ regionId, regionName, outcome, seconds }: PolledRegion): void {
    const region = { region_id: regionId, region_name: regionName };
    this.#record.regionPolls.add(1, { ...region, outcome });
    this.#record.pollDuration.record(seconds, region);
  }

  /** Requests that a check sent to its region. */
  requests(regionId: string, counts: readonly RequestCount[]): void {
    for (const { route, status, count } of counts)
      this.#record.providerRequests.add(count, { region_id: regionId, route, status: String(status) });
  }

  // The worker pool.

  jobDone({ worker, outcome, queueWaitSeconds, runSeconds }: DoneJob): void {
    const name = worker === null ? noWorker : String(worker);
    this.#record.workerJobs.add(1, { worker: name, outcome });
    this.#record.workerQueueWait.record(queueWaitSeconds, { worker: name });
    // A job that never began has no run time worth a bucket.
    if (worker !== null) this.#record.workerJobDuration.record(runSeconds, { worker: name });
  }

  workerRestarted(worker: number, reason: string): void {
    this.#record.workerRestarts.add(1, { worker: String(worker), reason });
  }

  // The status writer and the Kubernetes client.

  /** `seconds` is null where nothing was sent. */
  statusWrite(outcome: WriteOutcome, seconds: number | null): void {
    this.#record.statusWrites.add(1, { outcome });
    if (seconds !== null) this.#record.statusWriteDuration.record(seconds, { outcome });
  }

  /** A write that a monitor in shadow mode did not do. */
  shadowWrite(kind: ShadowKind): void {
    this.#record.shadowWrites.add(1, { kind });
  }

  /** Events of transitions (--events). */
  event(outcome: EventOutcome, count = 1): void {
    this.#record.events.add(count, { outcome });
  }

  shardTaken(shard: number): void {
    this.#record.shardsTaken.add(1, { shard: String(shard) });
  }

  leaseRenewal(outcome: 'ok' | 'conflict' | 'failed'): void {
    this.#record.leaseRenewals.add(1, { outcome });
  }

  /** `status` is the HTTP status, 0 when there was no answer. */
  apiRequest(verb: string, resource: string, status: number, seconds: number): void {
    this.#record.apiRequests.add(1, { verb, resource, status: String(status) });
    // Begins at 0 with the first request of its kind.
    if (status !== 0) this.#record.apiRequests.add(0, { verb, resource, status: '0' });
    this.#record.apiRequestDuration.record(seconds, { verb, resource });
  }

  /** Ends the measuring of the main loop. */
  close(): void {
    this.#endProcess();
  }
}
