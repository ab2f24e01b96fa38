// The metrics of what is asked of the Kubernetes API server: part of the table of all metrics.

import { type MetricDefinition, requestBounds } from './metric-definition.ts';

export const kubernetesMetricTable = {
  apiRequests: {
    name: 'unikorn_region_monitor_api_requests_total',
    kind: 'counter',
    unit: 'requests',
    help: 'Requests sent to the Kubernetes API server, by HTTP status (0: no answer).',
    attributes: ['verb', 'resource', 'status'],
  },
  apiRequestDuration: {
    name: 'unikorn_region_monitor_api_request_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Duration of requests to the Kubernetes API server.',
    attributes: ['verb', 'resource'],
    bounds: requestBounds,
  },
  cacheObjects: {
    name: 'unikorn_region_monitor_cache_objects',
    kind: 'gauge',
    unit: 'objects',
    help: 'Objects in the cache of a resource.',
    attributes: ['resource'],
  },
  cacheSynced: {
    name: 'unikorn_region_monitor_cache_synced',
    kind: 'gauge',
    unit: 'boolean',
    help: 'Whether the cache of a resource has been filled (1) or not (0).',
    attributes: ['resource'],
  },
  cacheContactAge: {
    name: 'unikorn_region_monitor_cache_contact_age_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since a list, or a watch that lasts, last brought anything of a resource; errors do not count.',
    attributes: ['resource'],
  },
  cacheLists: {
    name: 'unikorn_region_monitor_cache_lists_total',
    kind: 'counter',
    unit: 'lists',
    help: 'Complete lists of a resource.',
    attributes: ['resource'],
  },
  cacheWatches: {
    name: 'unikorn_region_monitor_cache_watches_total',
    kind: 'counter',
    unit: 'watches',
    help: 'Watches of a resource opened.',
    attributes: ['resource'],
  },
  cacheEvents: {
    name: 'unikorn_region_monitor_cache_events_total',
    kind: 'counter',
    unit: 'events',
    help: 'Watch events of a resource.',
    attributes: ['resource'],
  },
  cacheErrors: {
    name: 'unikorn_region_monitor_cache_errors_total',
    kind: 'counter',
    unit: 'errors',
    help: 'Failed lists and watches of a resource.',
    attributes: ['resource'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;
