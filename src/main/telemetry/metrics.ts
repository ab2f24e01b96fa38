// Everything that the monitor measures, in one object that is handed to whoever measures. metric-table.ts says what
// each metric means. Counters and histograms are recorded as things happen; gauges are read from the sources when
// somebody collects, so that what is gone is gone from them too.

import type { Meter } from '@opentelemetry/api';
import type { ErrorCode } from '../../shared/errors.ts';
import type { RequestCount } from '../../shared/server-health.ts';
import { counterOf, gaugeOf, histogramOf, totalOf } from './instruments.ts';
import { metricTable } from './metric-table.ts';
import { observeProcess } from './process-metrics.ts';

export interface FlavorAttributes {
  readonly region_id: string;
  readonly region_name: string;
  readonly flavor_id: string;
  readonly flavor_name: string;
}

export interface StateCount extends FlavorAttributes {
  /** The phase in lower case. */
  readonly state: string;
  readonly count: number;
}

export interface WorkerSnapshot {
  readonly worker: number;
  /** Event-loop utilisation since the last snapshot, 0 to 1. */
  readonly busyShare: number;
  readonly heapUsedBytes: number;
  readonly jobsInFlight: number;
  readonly restarts: number;
}

export interface RegionSnapshot {
  readonly regionId: string;
  /** Null where one namespace is watched: the id alone tells regions apart. */
  readonly namespace: string | null;
  readonly regionName: string;
  readonly up: boolean;
  readonly breakerOpen: boolean;
  /** Null until the region was observed completely once. */
  readonly lastGoodAgeSeconds: number | null;
  readonly servers: number;
}

export interface CacheSnapshot {
  readonly resource: string;
  readonly objects: number;
  readonly synced: boolean;
  readonly contactAgeSeconds: number;
  /** Totals since the start. */
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  readonly errors: number;
}

/** Read at each collection: cheap, and without side effects but the worker's busy share. */
export interface MetricSources {
  serverStates(): Iterable<StateCount>;
  workers(): Iterable<WorkerSnapshot>;
  regions(): Iterable<RegionSnapshot>;
  caches(): Iterable<CacheSnapshot>;
  queueLength(): number;
}

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
}

export interface RegionPoll {
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

export type WriteOutcome = 'applied' | 'conflict' | 'gone' | 'failed';

export class Metrics {
  readonly #record: ReturnType<typeof recordedInstruments>;
  readonly #endProcess: () => void;

  constructor(meter: Meter, sources: MetricSources, build: BuildInfo = { version: 'unknown', revision: '' }) {
    this.#record = recordedInstruments(meter);
    observeServers(meter, sources);
    observeRegions(meter, sources);
    observeWorkers(meter, sources);
    observeCaches(meter, sources);
    gaugeOf(meter, metricTable.buildInfo).addCallback((result) => {
      result.observe(1, { ...build, node_version: process.version });
    });
    this.#endProcess = observeProcess(meter);
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

  transition(kind: 'phase' | 'health'): void {
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

  regionPolled({ regionId, regionName, outcome, seconds }: RegionPoll): void {
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
    const name = worker === null ? 'none' : String(worker);
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

  /** A write that a monitor in shadow mode left undone. */
  shadowWrite(kind: 'status' | 'annotation'): void {
    this.#record.shadowWrites.add(1, { kind });
  }

  /** `status` is the HTTP status, 0 when there was no answer. */
  apiRequest(verb: string, resource: string, status: number, seconds: number): void {
    this.#record.apiRequests.add(1, { verb, resource, status: String(status) });
    this.#record.apiRequestDuration.record(seconds, { verb, resource });
  }

  /** Ends the measuring of the main loop. */
  close(): void {
    this.#endProcess();
  }
}

function recordedInstruments(meter: Meter) {
  return {
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
    apiRequests: counterOf(meter, metricTable.apiRequests),
    apiRequestDuration: histogramOf(meter, metricTable.apiRequestDuration),
  };
}

function observeServers(meter: Meter, sources: MetricSources): void {
  gaugeOf(meter, metricTable.serverState).addCallback((result) => {
    for (const { count, ...attributes } of sources.serverStates()) result.observe(count, attributes);
  });
}

function observeRegions(meter: Meter, sources: MetricSources): void {
  const up = gaugeOf(meter, metricTable.regionUp);
  const breaker = gaugeOf(meter, metricTable.regionBreakerOpen);
  const age = gaugeOf(meter, metricTable.regionObservationAge);
  const servers = gaugeOf(meter, metricTable.regionServers);
  meter.addBatchObservableCallback(
    (result) => {
      for (const region of sources.regions()) {
        const attributes = {
          region_id: region.regionId,
          region_name: region.regionName,
          ...(region.namespace === null ? {} : { region_namespace: region.namespace }),
        };
        result.observe(up, region.up ? 1 : 0, attributes);
        result.observe(breaker, region.breakerOpen ? 1 : 0, attributes);
        result.observe(servers, region.servers, attributes);
        if (region.lastGoodAgeSeconds !== null) result.observe(age, region.lastGoodAgeSeconds, attributes);
      }
    },
    [up, breaker, age, servers],
  );
}

function observeWorkers(meter: Meter, sources: MetricSources): void {
  const busy = gaugeOf(meter, metricTable.workerBusy);
  const heap = gaugeOf(meter, metricTable.workerHeap);
  const inFlight = gaugeOf(meter, metricTable.workerJobsInFlight);
  const queueLength = gaugeOf(meter, metricTable.workerQueueLength);
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(queueLength, sources.queueLength());
      for (const { worker, busyShare, heapUsedBytes, jobsInFlight } of sources.workers()) {
        const attributes = { worker: String(worker) };
        result.observe(busy, busyShare, attributes);
        result.observe(heap, heapUsedBytes, attributes);
        result.observe(inFlight, jobsInFlight, attributes);
      }
    },
    [busy, heap, inFlight, queueLength],
  );
}

function observeCaches(meter: Meter, sources: MetricSources): void {
  const objects = gaugeOf(meter, metricTable.cacheObjects);
  const synced = gaugeOf(meter, metricTable.cacheSynced);
  const contactAge = gaugeOf(meter, metricTable.cacheContactAge);
  const lists = totalOf(meter, metricTable.cacheLists);
  const watches = totalOf(meter, metricTable.cacheWatches);
  const events = totalOf(meter, metricTable.cacheEvents);
  const errors = totalOf(meter, metricTable.cacheErrors);
  meter.addBatchObservableCallback(
    (result) => {
      for (const cache of sources.caches()) {
        const attributes = { resource: cache.resource };
        result.observe(objects, cache.objects, attributes);
        result.observe(synced, cache.synced ? 1 : 0, attributes);
        result.observe(contactAge, cache.contactAgeSeconds, attributes);
        result.observe(lists, cache.lists, attributes);
        result.observe(watches, cache.watches, attributes);
        result.observe(events, cache.events, attributes);
        result.observe(errors, cache.errors, attributes);
      }
    },
    [objects, synced, contactAge, lists, watches, events, errors],
  );
}
