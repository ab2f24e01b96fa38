// dashboards/region-monitor.json: what is on it. Queries are made from the table of metrics, so that a metric or an
// attribute that is not there does not compile.

import type { MetricDefinition } from '../src/main/telemetry/metric-definition.ts';
import { metricTable as metrics } from '../src/main/telemetry/metric-table.ts';
import { grafanaJson, type Query, type Row } from './grafana.ts';

type Matchers<Definition extends MetricDefinition> = {
  readonly [Attribute in Definition['attributes'][number]]?: string;
};
type Histogram = MetricDefinition & { readonly kind: 'histogram' };
type Counter = MetricDefinition & { readonly kind: 'counter' };

/** The series of the chosen jobs, and of the chosen regions where a metric tells them apart. */
function series<const Definition extends MetricDefinition>(
  { name, attributes }: Definition,
  matchers: Matchers<Definition> = {},
  suffix = '',
): string {
  const chosen = attributes.includes('region_id') ? ['region_id=~"$region"'] : [];
  const given = Object.entries(matchers).map(([attribute, value]) => `${attribute}=${JSON.stringify(value)}`);
  return `${name}${suffix}{${['job=~"$job"', ...chosen, ...given].join(', ')}}`;
}

/** Per second, added up by these attributes. */
function rate<const Definition extends Counter>(
  metric: Definition,
  by: readonly Definition['attributes'][number][],
): string {
  return `sum by (${by.join(', ')}) (rate(${series(metric)}[$__rate_interval]))`;
}

/** How many in each interval of the graph. */
function increase<const Definition extends Counter>(
  metric: Definition,
  by: readonly Definition['attributes'][number][],
): string {
  return `sum by (${by.join(', ')}) (increase(${series(metric)}[$__rate_interval]))`;
}

function quantile<const Definition extends Histogram>(
  share: number,
  metric: Definition,
  by: readonly Definition['attributes'][number][] = [],
): string {
  const buckets = `rate(${series(metric, {}, '_bucket')}[$__rate_interval])`;
  return `histogram_quantile(${share}, sum by (${['le', ...by].join(', ')}) (${buckets}))`;
}

/** Median and 95th percentile of all. */
function spread(metric: Histogram): readonly Query[] {
  return [
    { expr: quantile(0.5, metric), legend: 'median' },
    { expr: quantile(0.95, metric), legend: '95th percentile' },
  ];
}

const eachRegion = 'by (region_id, region_name)';

const regions: Row = {
  title: 'Regions and servers',
  panels: [
    {
      title: 'Regions that answer',
      description: 'Regions whose last check got an answer.',
      kind: 'stat',
      unit: 'short',
      queries: [{ expr: `sum(max by (region_id) (${series(metrics.regionUp)}))`, legend: 'up' }],
    },
    {
      title: 'Regions that do not',
      description: 'Their servers are missing from the counts until they answer again. The log says why.',
      kind: 'stat',
      unit: 'short',
      alarm: 1,
      queries: [{ expr: `sum(1 - max by (region_id) (${series(metrics.regionUp)}))`, legend: 'down' }],
    },
    {
      title: 'Servers observed',
      description: 'Servers of the regions that answered, in all states.',
      kind: 'stat',
      unit: 'short',
      queries: [{ expr: `sum(${series(metrics.serverState)})`, legend: 'servers' }],
    },
    {
      title: 'Oldest observation',
      description: 'Of the region that was not observed for the longest time.',
      kind: 'stat',
      unit: 's',
      alarm: 600,
      queries: [
        { expr: `max(min by (region_id) (${series(metrics.regionObservationAge)}))`, legend: 'oldest' },
      ],
    },
    {
      title: 'Regions, up and down',
      description: 'Down: the last check of the region got no answer at all.',
      kind: 'timeline',
      unit: 'short',
      texts: { 0: ['down', 'red'], 1: ['up', 'green'] },
      queries: [{ expr: `max ${eachRegion} (${series(metrics.regionUp)})`, legend: '{{region_name}}' }],
    },
    {
      title: 'Services, up and down',
      description: 'Whether each service of each region answers; only with the check region-health.',
      kind: 'timeline',
      unit: 'short',
      texts: { 0: ['down', 'red'], 1: ['up', 'green'] },
      queries: [
        {
          expr: `max by (region_id, region_name, service) (${series(metrics.serviceUp)})`,
          legend: '{{region_name}} {{service}}',
        },
      ],
    },
    {
      title: 'Time that services take, 95th percentile',
      description: 'Until they answer with their version document; only with the check region-health.',
      kind: 'lines',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, metrics.serviceDuration, ['region_name', 'service']),
          legend: '{{region_name}} {{service}}',
        },
      ],
    },
    {
      title: 'Regions held back',
      description:
        'After failures in a row, one project of the region is asked before the others: a failing cloud gets less load.',
      kind: 'timeline',
      unit: 'short',
      texts: { 0: ['asked as usual', 'green'], 1: ['held back', 'orange'] },
      queries: [
        { expr: `max ${eachRegion} (${series(metrics.regionBreakerOpen)})`, legend: '{{region_name}}' },
      ],
    },
    {
      title: 'Servers by state',
      description: 'Servers that could not be observed are in none of the states.',
      kind: 'stacked',
      unit: 'short',
      queries: [{ expr: `sum by (state) (${series(metrics.serverState)})`, legend: '{{state}}' }],
    },
    {
      title: 'Servers by region',
      description: 'Server objects that belong to each region, observed or not.',
      kind: 'stacked',
      unit: 'short',
      queries: [{ expr: `max ${eachRegion} (${series(metrics.regionServers)})`, legend: '{{region_name}}' }],
    },
    {
      title: 'Age of the last observation',
      description: 'A saw-tooth of one poll period when all is well; a slope where a region is not observed.',
      kind: 'lines',
      unit: 's',
      alarm: 600,
      queries: [
        { expr: `min ${eachRegion} (${series(metrics.regionObservationAge)})`, legend: '{{region_name}}' },
      ],
    },
    {
      title: 'Oldest transition',
      description:
        'How long the oldest build, rebuild or task of a server has been running. A slope that does not end: one hangs.',
      kind: 'lines',
      unit: 's',
      alarm: 3600,
      queries: [
        {
          expr: `max by (region_id, region_name, kind) (${series(metrics.regionTransitionAge)})`,
          legend: '{{region_name}} {{kind}}',
        },
      ],
    },
    {
      title: 'Transitions',
      description: 'Changes of phase and of health that were written and logged.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: increase(metrics.transitions, ['kind']), legend: '{{kind}}' }],
    },
    {
      title: 'Time to provision',
      description:
        'From the creation of the Server object until it booted; on v1.16, from the beginning of Pending until it runs.',
      kind: 'lines',
      unit: 's',
      queries: spread(metrics.provisionDuration),
    },
    {
      title: 'Time to schedule',
      description:
        'From the creation of the Server object until the cloud created the server. Only on v1.19.',
      kind: 'lines',
      unit: 's',
      queries: spread(metrics.schedulingDuration),
    },
  ],
};

const polls: Row = {
  title: 'Polls',
  panels: [
    {
      title: 'Duration of a poll, 95th percentile',
      description: 'From planning to the last status written. It must stay below the poll period.',
      kind: 'lines',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, metrics.pollDuration, ['region_id', 'region_name']),
          legend: '{{region_name}}',
        },
      ],
    },
    {
      title: 'Polls by outcome',
      description:
        'partial: some projects or servers were left out. docs/metrics.md says what each code means.',
      kind: 'stacked',
      unit: 'ops',
      queries: [{ expr: rate(metrics.regionPolls, ['outcome']), legend: '{{outcome}}' }],
    },
    {
      title: 'Polls skipped',
      description:
        'The region was still busy with its earlier check: it is slow, or the poll period too short.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: increase(metrics.pollsSkipped, ['region_id']), legend: '{{region_id}}' }],
    },
    {
      title: 'Requests to regions',
      description: 'Status 0: no answer.',
      kind: 'lines',
      unit: 'reqps',
      queries: [
        { expr: rate(metrics.providerRequests, ['route', 'status']), legend: '{{route}} {{status}}' },
      ],
    },
    {
      title: 'Servers left out of a poll',
      description: 'By reason; the log names each when it begins and when it ends.',
      kind: 'lines',
      unit: 'short',
      queries: [
        {
          expr: `${rate(metrics.serversSkipped, ['reason'])} / scalar(${rate(metrics.polls, [])})`,
          legend: '{{reason}}',
        },
      ],
    },
  ],
};

const workers: Row = {
  title: 'Workers',
  panels: [
    {
      title: 'Busy share',
      description: 'Near 1 for long: raise --workers, if there are CPUs for them.',
      kind: 'lines',
      unit: 'percentunit',
      alarm: 0.9,
      queries: [{ expr: `max by (worker) (${series(metrics.workerBusy)})`, legend: 'worker {{worker}}' }],
    },
    {
      title: 'Jobs that wait',
      description: 'Above 0 for long: the workers cannot keep up.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: `sum(${series(metrics.workerQueueLength)})`, legend: 'waiting' }],
    },
    {
      title: 'Wait for a worker',
      description: 'How long jobs waited before a worker took them.',
      kind: 'lines',
      unit: 's',
      queries: spread(metrics.workerQueueWait),
    },
    {
      title: 'Heap',
      description: 'A slope that never falls is a leak: please report it.',
      kind: 'lines',
      unit: 'bytes',
      queries: [{ expr: `max by (worker) (${series(metrics.workerHeap)})`, legend: 'worker {{worker}}' }],
    },
    {
      title: 'Jobs in flight',
      description:
        'A job checks a region, or a slice of a large one; a worker runs many at once, for they mostly wait.',
      kind: 'stacked',
      unit: 'short',
      queries: [
        { expr: `sum by (worker) (${series(metrics.workerJobsInFlight)})`, legend: 'worker {{worker}}' },
      ],
    },
    {
      title: 'Restarts',
      description: 'Threads that crashed, stood still or ran out of memory, and were replaced.',
      kind: 'lines',
      unit: 'short',
      queries: [
        {
          expr: increase(metrics.workerRestarts, ['worker', 'reason']),
          legend: 'worker {{worker}} {{reason}}',
        },
      ],
    },
    {
      title: 'Jobs by outcome',
      description: 'ok, or the code of what failed in the worker.',
      kind: 'stacked',
      unit: 'ops',
      queries: [{ expr: rate(metrics.workerJobs, ['outcome']), legend: '{{outcome}}' }],
    },
    {
      title: 'Duration of a job, 95th percentile',
      description: 'The time that a check ran in its worker; most of it is waiting for the region.',
      kind: 'lines',
      unit: 's',
      queries: [{ expr: quantile(0.95, metrics.workerJobDuration, ['worker']), legend: 'worker {{worker}}' }],
    },
  ],
};

const kubernetes: Row = {
  title: 'Kubernetes',
  panels: [
    {
      title: 'Status writes',
      description: 'conflict is tried again at once; failed is tried again at the next poll.',
      kind: 'stacked',
      unit: 'ops',
      queries: [{ expr: rate(metrics.statusWrites, ['outcome']), legend: '{{outcome}}' }],
    },
    {
      title: 'Writes of a shadow',
      description: 'What a monitor with --shadow would have written; nothing otherwise.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: increase(metrics.shadowWrites, ['kind']), legend: '{{kind}}' }],
    },
    {
      title: 'Load balancers',
      description: 'By the reason of their health; only with the check load-balancer-health.',
      kind: 'stacked',
      unit: 'short',
      queries: [{ expr: `sum by (state) (${series(metrics.loadBalancerState)})`, legend: '{{state}}' }],
    },
    {
      title: 'Events',
      description: 'Of transitions, with --events. dropped: too many at once.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: increase(metrics.events, ['outcome']), legend: '{{outcome}}' }],
    },
    {
      title: 'Duration of a status write',
      description: 'Retries included.',
      kind: 'lines',
      unit: 's',
      queries: spread(metrics.statusWriteDuration),
    },
    {
      title: 'Requests to the API server',
      description: 'Status 0: no answer.',
      kind: 'lines',
      unit: 'reqps',
      queries: [
        {
          expr: rate(metrics.apiRequests, ['verb', 'resource', 'status']),
          legend: '{{verb}} {{resource}} {{status}}',
        },
      ],
    },
    {
      title: 'Duration of API requests, 95th percentile',
      description: 'Without watches, which last for minutes.',
      kind: 'lines',
      unit: 's',
      queries: [
        {
          expr: quantile(0.95, metrics.apiRequestDuration, ['verb', 'resource']),
          legend: '{{verb}} {{resource}}',
        },
      ],
    },
    {
      title: 'Caches: last word of the API server',
      description: 'Bookmarks come about once a minute when nothing happens.',
      kind: 'lines',
      unit: 's',
      alarm: 300,
      queries: [{ expr: `max by (resource) (${series(metrics.cacheContactAge)})`, legend: '{{resource}}' }],
    },
    {
      title: 'Caches: objects',
      description: 'Objects of each resource that the monitor knows.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: `max by (resource) (${series(metrics.cacheObjects)})`, legend: '{{resource}}' }],
    },
    {
      title: 'Caches: lists and watches that failed',
      description: 'They are tried again, with growing pauses.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: increase(metrics.cacheErrors, ['resource']), legend: '{{resource}}' }],
    },
  ],
};

const shards: Row = {
  title: 'Shards',
  panels: [
    {
      title: 'Shards held',
      description: 'Only with --shards. Not held: nothing observes the regions of that shard.',
      kind: 'timeline',
      unit: 'short',
      texts: { 0: ['not held', 'red'], 1: ['held', 'green'], 2: ['held twice', 'orange'] },
      queries: [{ expr: `sum by (shard) (${series(metrics.shardHeld)})`, legend: 'shard {{shard}}' }],
    },
    {
      title: 'Shards by replica',
      description: 'How many shards each replica holds. A standby holds none.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: `sum by (instance) (${series(metrics.shardHeld)})`, legend: '{{instance}}' }],
    },
    {
      title: 'Shards taken',
      description: 'Each move costs a list of the servers and a poll of the regions.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: increase(metrics.shardsTaken, ['shard']), legend: 'shard {{shard}}' }],
    },
    {
      title: 'Renewals of Leases',
      description: 'conflict: another replica was quicker. failed: refused, or no answer in time.',
      kind: 'lines',
      unit: 'ops',
      queries: [{ expr: rate(metrics.leaseRenewals, ['outcome']), legend: '{{outcome}}' }],
    },
  ],
};

const processRow: Row = {
  title: 'The process',
  panels: [
    {
      title: 'Delay of the main event loop, 99th percentile',
      description: 'Above 0.1 s for long: the CPU limit is too low, or main has too much to do.',
      kind: 'lines',
      unit: 's',
      alarm: 0.1,
      queries: [{ expr: series(metrics.eventLoopDelay), legend: '{{instance}}' }],
    },
    {
      title: 'CPU',
      description: 'CPUs in use, by all threads together.',
      kind: 'lines',
      unit: 'short',
      queries: [{ expr: `rate(${series(metrics.processCpu)}[$__rate_interval])`, legend: '{{instance}}' }],
    },
    {
      title: 'Memory',
      description: 'Resident memory of the process, and the heap of its main thread.',
      kind: 'lines',
      unit: 'bytes',
      queries: [
        { expr: series(metrics.processMemory), legend: 'resident {{instance}}' },
        { expr: series(metrics.heapUsed), legend: 'heap {{instance}}' },
      ],
    },
  ],
};

const information: Row = {
  title: 'What runs',
  panels: [
    {
      title: 'Versions',
      description: 'Processes by version and commit.',
      kind: 'stat',
      unit: 'short',
      queries: [
        {
          expr: `sum by (version, revision) (${series(metrics.buildInfo)})`,
          legend: '{{version}} {{revision}}',
        },
      ],
    },
  ],
};

export function dashboardJson(): string {
  return grafanaJson({
    uid: 'region-monitor',
    title: 'Region monitor',
    description: 'What the region monitor sees of its regions, and how it does itself.',
    variables: [
      { name: 'job', label: 'Job', query: `label_values(${metrics.buildInfo.name}, job)` },
      {
        name: 'region',
        label: 'Region',
        query: `label_values(${metrics.regionUp.name}{job=~"$job"}, region_id)`,
      },
    ],
    events: { expr: `${series(metrics.processStart)} * 1000`, legend: 'Starts' },
    rows: [regions, polls, workers, kubernetes, shards, processRow, information],
  });
}
