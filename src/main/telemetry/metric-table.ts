// Every metric that the monitor gives: the source of its instruments, of docs/metrics.md and of what the tests expect.

import { kubernetesMetricTable } from './kubernetes-metric-table.ts';
import { type MetricDefinition, requestBounds } from './metric-definition.ts';
import { processMetricTable } from './process-metric-table.ts';

const region = ['region_id', 'region_name'] as const;
const flavor = [...region, 'flavor_id', 'flavor_name'] as const;

const pollBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300] as const;
const waitBounds = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

export const metricTable = {
  // The original's.
  serverState: {
    name: 'unikorn_region_server_state',
    kind: 'gauge',
    unit: 'servers',
    help: 'Number of servers currently in each lifecycle state, per region and flavor.',
    attributes: ['state', ...flavor],
  },
  provisionDuration: {
    name: 'unikorn_region_server_provision_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'From the creation of the Server object until the cloud booted the server, observed once. With the definitions of v1.16: duration of the Pending phase, observed on Pending to Running transition.',
    attributes: flavor,
    bounds: [5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
  },
  schedulingDuration: {
    name: 'unikorn_region_server_scheduling_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'From the creation of the Server object until the cloud created the server, observed once, when it has booted. Only with the definitions of v1.19.',
    attributes: flavor,
    bounds: [1, 5, 10, 30, 60, 120, 300],
  },

  loadBalancerState: {
    name: 'unikorn_region_load_balancer_state',
    kind: 'gauge',
    unit: 'load balancers',
    help: 'Number of load balancers by the reason of their Healthy condition, per region. Only with the check load-balancer-health.',
    attributes: ['state', ...region],
  },

  // Regions.
  regionUp: {
    name: 'unikorn_region_monitor_region_up',
    kind: 'gauge',
    unit: 'boolean',
    help: 'Whether at least one project of the region answered the last check (1) or none did (0).',
    attributes: region,
  },
  regionBreakerOpen: {
    name: 'unikorn_region_monitor_region_breaker_open',
    kind: 'gauge',
    unit: 'boolean',
    help: 'Whether the region failed so often in a row that one project is asked before the others (1) or not (0).',
    attributes: region,
  },
  regionObservationAge: {
    name: 'unikorn_region_monitor_region_observation_age_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Time since a project of the region last answered a check; absent until one has.',
    attributes: region,
  },
  regionServers: {
    name: 'unikorn_region_monitor_region_servers',
    kind: 'gauge',
    unit: 'servers',
    help: 'Number of Server objects that belong to the region.',
    attributes: region,
  },

  serviceUp: {
    name: 'unikorn_region_monitor_service_up',
    kind: 'gauge',
    unit: 'boolean',
    help: 'Whether a service of the region answered the last request for its version document (1) or not (0); absent for what could not be asked. Only with the check region-health.',
    attributes: [...region, 'service'],
  },
  serviceDuration: {
    name: 'unikorn_region_monitor_service_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time until a service of the region answered a request for its version document, or failed. Only with the check region-health.',
    attributes: [...region, 'service'],
    bounds: requestBounds,
  },
  regionTransitionAge: {
    name: 'unikorn_region_monitor_region_transition_age_seconds',
    kind: 'gauge',
    unit: 'seconds',
    help: 'Age of the oldest transition of a server of the region, by kind: build (it was never booted), failed (it could not be built), rebuild, task (any other); absent when there is none.',
    attributes: [...region, 'kind'],
  },

  // Polls.
  polls: {
    name: 'unikorn_region_monitor_polls_total',
    kind: 'counter',
    unit: 'polls',
    help: 'Polls started.',
    attributes: ['checker'],
  },
  pollsSkipped: {
    name: 'unikorn_region_monitor_polls_skipped_total',
    kind: 'counter',
    unit: 'polls',
    help: 'Polls that skipped a region because its earlier check was still in flight.',
    attributes: ['checker', 'region_id'],
  },
  regionPolls: {
    name: 'unikorn_region_monitor_region_polls_total',
    kind: 'counter',
    unit: 'polls',
    help: 'Polls of a region, by outcome: ok, partial, or the code of what failed.',
    attributes: [...region, 'outcome'],
  },
  pollDuration: {
    name: 'unikorn_region_monitor_poll_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Duration of a poll of one region, from planning until its last answer is projected; writes may still run.',
    attributes: region,
    bounds: pollBounds,
  },
  providerRequests: {
    name: 'unikorn_region_monitor_provider_requests_total',
    kind: 'counter',
    unit: 'requests',
    help: 'Requests sent to a region, by route and HTTP status (0: no answer).',
    attributes: ['region_id', 'route', 'status'],
  },
  serversSkipped: {
    name: 'unikorn_region_monitor_servers_skipped_total',
    kind: 'counter',
    unit: 'servers',
    help: 'Servers that a poll skipped, by reason.',
    attributes: ['region_id', 'reason'],
  },

  // Workers.
  workerJobs: {
    name: 'unikorn_region_monitor_worker_jobs_total',
    kind: 'counter',
    unit: 'jobs',
    help: 'Jobs done, by outcome: ok, or the code of what failed. Worker none: no worker answered.',
    attributes: ['worker', 'outcome'],
  },
  workerJobDuration: {
    name: 'unikorn_region_monitor_worker_job_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time that a job ran in its worker.',
    attributes: ['worker'],
    bounds: pollBounds,
  },
  workerQueueWait: {
    name: 'unikorn_region_monitor_worker_queue_wait_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time that a job waited for a worker.',
    attributes: ['worker'],
    bounds: waitBounds,
  },
  workerQueueLength: {
    name: 'unikorn_region_monitor_worker_queue_length',
    kind: 'gauge',
    unit: 'jobs',
    help: 'Jobs waiting for a worker.',
    attributes: [],
  },
  workerRestarts: {
    name: 'unikorn_region_monitor_worker_restarts_total',
    kind: 'counter',
    unit: 'restarts',
    help: 'Worker threads that ended and were replaced, by reason.',
    attributes: ['worker', 'reason'],
  },
  workerBusy: {
    name: 'unikorn_region_monitor_worker_busy_ratio',
    kind: 'gauge',
    unit: 'ratio',
    help: 'Share of the last seconds that the worker thread was busy, as a moving average, 0 to 1.',
    attributes: ['worker'],
  },
  workerHeap: {
    name: 'unikorn_region_monitor_worker_heap_used_bytes',
    kind: 'gauge',
    unit: 'bytes',
    help: 'Heap used by the worker thread.',
    attributes: ['worker'],
  },
  workerJobsInFlight: {
    name: 'unikorn_region_monitor_worker_jobs_in_flight',
    kind: 'gauge',
    unit: 'jobs',
    help: 'Jobs running in the worker.',
    attributes: ['worker'],
  },

  // Status.
  statusWrites: {
    name: 'unikorn_region_monitor_status_writes_total',
    kind: 'counter',
    unit: 'writes',
    help: 'Status writes, by outcome: applied, conflict (retried), gone (the Server was deleted), failed.',
    attributes: ['outcome'],
  },
  statusWriteDuration: {
    name: 'unikorn_region_monitor_status_write_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    help: 'Duration of a status write: applied and conflict: that attempt alone; failed: all attempts. None for gone.',
    attributes: ['outcome'],
    bounds: requestBounds,
  },
  shadowWrites: {
    name: 'unikorn_region_monitor_shadow_writes_total',
    kind: 'counter',
    unit: 'writes',
    help: 'Writes that a monitor in shadow mode did not do, by what they would have written: status or annotation.',
    attributes: ['kind'],
  },
  transitions: {
    name: 'unikorn_region_monitor_transitions_total',
    kind: 'counter',
    unit: 'transitions',
    help: 'Transitions of servers, counted once their new status is written, by kind: phase or health.',
    attributes: ['kind'],
  },
  events: {
    name: 'unikorn_region_monitor_events_total',
    kind: 'counter',
    unit: 'events',
    help: 'Events of transitions (--events), by outcome: created, repeated (counted in one that exists), dropped (too many at once), failed.',
    attributes: ['outcome'],
  },

  // Shards.
  shardHeld: {
    name: 'unikorn_region_monitor_shard_held',
    kind: 'gauge',
    unit: 'boolean',
    help: 'Whether this replica holds the Lease of the shard (1) or not (0). Only with --shards.',
    attributes: ['shard'],
  },
  shardsTaken: {
    name: 'unikorn_region_monitor_shards_taken_total',
    kind: 'counter',
    unit: 'moves',
    help: 'How often this replica has taken the shard. Only with --shards.',
    attributes: ['shard'],
  },
  leaseRenewals: {
    name: 'unikorn_region_monitor_lease_renewals_total',
    kind: 'counter',
    unit: 'renewals',
    help: 'Attempts to take or renew the Lease of a shard, by outcome: ok, conflict (another was quicker), failed.',
    attributes: ['outcome'],
  },

  ...kubernetesMetricTable,
  ...processMetricTable,
} as const satisfies Readonly<Record<string, MetricDefinition>>;
