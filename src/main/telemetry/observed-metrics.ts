// The gauges, and the totals that others count: read from the sources when somebody collects, so that what is gone is gone
// from them, too.

import type { Meter } from '@opentelemetry/api';
import type { WorkerStatus } from '../../shared/monitor-status.ts';
import { gaugeOf, totalOf } from './instruments.ts';
import { metricTable } from './metric-table.ts';
import {
  beginRegionAtZero,
  beginWorkerAtZero,
  type FlavorAttributes,
  type RecordedMetrics,
} from './recorded-metrics.ts';

export interface StateCount extends FlavorAttributes {
  /** The phase in lower case. */
  readonly state: string;
  readonly count: number;
}

export interface RegionSnapshot {
  readonly regionId: string;
  /** Null where one namespace is watched: the id alone tells regions apart. */
  readonly namespace: string | null;
  readonly regionName: string;
  readonly up: boolean;
  readonly breakerOpen: boolean;
  /** Null until a project of the region was observed once. */
  readonly lastGoodAgeSeconds: number | null;
  readonly servers: number;
  /** Of the oldest transition of each kind that is running. */
  readonly transitionAges: readonly { readonly kind: string; readonly seconds: number }[];
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

/** Read at each collection: cheap, and without side effects but one. */
export interface MetricSources {
  serverStates(): Iterable<StateCount>;
  workers(): Iterable<WorkerStatus>;
  regions(): Iterable<RegionSnapshot>;
  caches(): Iterable<CacheSnapshot>;
  queueLength(): number;
  /** Each shard, and whether this process holds it; none without --shards. */
  shards(): Iterable<{ readonly shard: number; readonly held: boolean }>;
  /** The names of the checks that run. */
  checkers(): Iterable<string>;
  /** By how many milliseconds main came late at most, since it was last asked. */
  takeLateMs(): number;
}

export function observe(meter: Meter, sources: MetricSources, recorded: RecordedMetrics): void {
  observeServers(meter, sources);
  observeRegions(meter, sources, recorded);
  observeWorkers(meter, sources, recorded);
  observeCaches(meter, sources);
  gaugeOf(meter, metricTable.shardHeld).addCallback((result) => {
    for (const { shard, held } of sources.shards()) {
      const attributes = { shard: String(shard) };
      recorded.shardsTaken.add(0, attributes);
      result.observe(held ? 1 : 0, attributes);
    }
  });
}

function observeServers(meter: Meter, sources: MetricSources): void {
  gaugeOf(meter, metricTable.serverState).addCallback((result) => {
    for (const { count, ...attributes } of sources.serverStates()) result.observe(count, attributes);
  });
}

function observeRegions(meter: Meter, sources: MetricSources, recorded: RecordedMetrics): void {
  const up = gaugeOf(meter, metricTable.regionUp);
  const breaker = gaugeOf(meter, metricTable.regionBreakerOpen);
  const age = gaugeOf(meter, metricTable.regionObservationAge);
  const servers = gaugeOf(meter, metricTable.regionServers);
  meter.addBatchObservableCallback(
    (result) => {
      const checkers = [...sources.checkers()];
      for (const checker of checkers) recorded.polls.add(0, { checker });
      for (const region of sources.regions()) {
        const attributes = attributesOf(region);
        beginRegionAtZero(recorded, region, checkers);
        result.observe(up, region.up ? 1 : 0, attributes);
        result.observe(breaker, region.breakerOpen ? 1 : 0, attributes);
        result.observe(servers, region.servers, attributes);
        if (region.lastGoodAgeSeconds !== null) result.observe(age, region.lastGoodAgeSeconds, attributes);
      }
    },
    [up, breaker, age, servers],
  );
  gaugeOf(meter, metricTable.regionTransitionAge).addCallback((result) => {
    for (const region of sources.regions())
      for (const { kind, seconds } of region.transitionAges)
        result.observe(seconds, { ...attributesOf(region), kind });
  });
}

function attributesOf({ regionId, regionName, namespace }: RegionSnapshot) {
  return {
    region_id: regionId,
    region_name: regionName,
    ...(namespace === null ? {} : { region_namespace: namespace }),
  };
}

function observeWorkers(meter: Meter, sources: MetricSources, recorded: RecordedMetrics): void {
  const busy = gaugeOf(meter, metricTable.workerBusy);
  const heap = gaugeOf(meter, metricTable.workerHeap);
  const inFlight = gaugeOf(meter, metricTable.workerJobsInFlight);
  const queueLength = gaugeOf(meter, metricTable.workerQueueLength);
  meter.addBatchObservableCallback(
    (result) => {
      result.observe(queueLength, sources.queueLength());
      for (const { worker, busyShare, heapUsedBytes, jobsInFlight } of sources.workers()) {
        const attributes = { worker: String(worker) };
        beginWorkerAtZero(recorded, attributes.worker);
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
