// The counters and histograms, which are recorded as things happen. What they count by begins at 0 as soon as it is known:
// a rate or an increase does not see the first step of a series that appears with it, nor does an alert.

import type { Meter } from '@opentelemetry/api';
import type { ErrorCode } from '../../shared/errors.ts';
import { counterOf, histogramOf } from './instruments.ts';
import { metricTable } from './metric-table.ts';

export interface FlavorAttributes {
  readonly region_id: string;
  readonly region_name: string;
  readonly flavor_id: string;
  readonly flavor_name: string;
}

const writeOutcomes = ['applied', 'conflict', 'gone', 'failed'] as const;
export type WriteOutcome = (typeof writeOutcomes)[number];

const transitionKinds = ['phase', 'health'] as const;
export type TransitionKind = (typeof transitionKinds)[number];

const shadowKinds = ['status', 'annotation'] as const;
export type ShadowKind = (typeof shadowKinds)[number];

const eventOutcomes = ['created', 'repeated', 'dropped', 'failed'] as const;
export type EventOutcome = (typeof eventOutcomes)[number];

/** Why a worker thread ends. */
const threadDeaths = [
  'worker-crashed',
  'worker-stuck',
  'worker-out-of-memory',
] as const satisfies ErrorCode[];

/** Stands for the worker of a job that none answered. */
export const noWorker = 'none';

export type RecordedMetrics = ReturnType<typeof recordedMetrics>;

/** The counters without attributes that come and go begin at 0. */
export function recordedMetrics(meter: Meter) {
  const recorded = {
    provisionDuration: histogramOf(meter, metricTable.provisionDuration),
    schedulingDuration: histogramOf(meter, metricTable.schedulingDuration),
    polls: counterOf(meter, metricTable.polls),
    pollsSkipped: counterOf(meter, metricTable.pollsSkipped),
    regionPolls: counterOf(meter, metricTable.regionPolls),
    pollDuration: histogramOf(meter, metricTable.pollDuration),
    providerRequests: counterOf(meter, metricTable.providerRequests),
    serversSkipped: counterOf(meter, metricTable.serversSkipped),
    workerJobs: counterOf(meter, metricTable.workerJobs),
    workerJobDuration: histogramOf(meter, metricTable.workerJobDuration),
    workerQueueWait: histogramOf(meter, metricTable.workerQueueWait),
    workerRestarts: counterOf(meter, metricTable.workerRestarts),
    statusWrites: counterOf(meter, metricTable.statusWrites),
    shadowWrites: counterOf(meter, metricTable.shadowWrites),
    statusWriteDuration: histogramOf(meter, metricTable.statusWriteDuration),
    transitions: counterOf(meter, metricTable.transitions),
    events: counterOf(meter, metricTable.events),
    shardsTaken: counterOf(meter, metricTable.shardsTaken),
    leaseRenewals: counterOf(meter, metricTable.leaseRenewals),
    apiRequests: counterOf(meter, metricTable.apiRequests),
    apiRequestDuration: histogramOf(meter, metricTable.apiRequestDuration),
  };
  for (const outcome of writeOutcomes) recorded.statusWrites.add(0, { outcome });
  for (const kind of transitionKinds) recorded.transitions.add(0, { kind });
  for (const outcome of eventOutcomes) recorded.events.add(0, { outcome });
  for (const kind of shadowKinds) recorded.shadowWrites.add(0, { kind });
  recorded.serversSkipped.add(0, { region_id: '', reason: 'missing-region-label' });
  recorded.workerJobs.add(0, { worker: noWorker, outcome: 'queue-full' });
  return recorded;
}

interface CountedRegion {
  readonly regionId: string;
  readonly regionName: string;
}

/**
 * As soon as the region is known. Of the outcomes, only those of every region: all codes of all regions would be most of
 * /metrics.
 */
export function beginRegionAtZero(
  { regionPolls, pollsSkipped, serversSkipped }: RecordedMetrics,
  { regionId, regionName }: CountedRegion,
  checkers: Iterable<string>,
): void {
  for (const outcome of ['ok', 'partial'])
    regionPolls.add(0, { region_id: regionId, region_name: regionName, outcome });
  for (const checker of checkers) pollsSkipped.add(0, { checker, region_id: regionId });
  for (const reason of ['not-found', 'region-unresolved'])
    serversSkipped.add(0, { region_id: regionId, reason });
}

/** As soon as the worker is there. */
export function beginWorkerAtZero({ workerJobs, workerRestarts }: RecordedMetrics, worker: string): void {
  workerJobs.add(0, { worker, outcome: 'ok' });
  for (const reason of threadDeaths) {
    workerJobs.add(0, { worker, outcome: reason });
    workerRestarts.add(0, { worker, reason });
  }
}
