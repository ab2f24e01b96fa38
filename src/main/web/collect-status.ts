// Collects what the monitor shows of itself, from the parts that know. Only looks: nothing here changes anything.

import type { Clock } from '../../shared/clock.ts';
import type {
  MonitorStatus,
  ProblemStatus,
  ProblemsStatus,
  ProcessStatus,
  RegionStatus,
} from '../../shared/monitor-status.ts';
import { regionName } from '../../shared/region-ref.ts';
import type { ResourceCaches } from '../kubernetes/objects/resource-caches.ts';
import { cutText } from '../log/fields.ts';
import type { CheckerPool } from '../polls/checker-pool.ts';
import type { ProblemLog } from '../problems/problem-log.ts';
import { namespaceOf, noRegion, regionKeyOf } from '../problems/problem-scope.ts';
import type { RecentTransitions } from '../projection/recent-transitions.ts';
import type { StateCounts } from '../projection/state-counts.ts';
import type { Region } from '../regions/region.ts';
import type { Regions } from '../regions/regions.ts';
import type { Shards } from '../shards/shards.ts';
import type { Health } from './health.ts';

export interface StatusSources {
  readonly about: Omit<ProcessStatus, 'live' | 'ready' | 'detail'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly regions: Pick<Regions, 'defined'>;
  readonly counts: StateCounts;
  readonly pool: Pick<CheckerPool, 'queueLength' | 'workers'>;
  readonly transitions: RecentTransitions;
  readonly problems: Pick<ProblemLog, 'open'>;
  readonly caches: Pick<ResourceCaches, 'snapshots' | 'outages'>;
  /** Null where this process watches all regions. */
  readonly shards: Pick<Shards, 'states'> | null;
}

/** Groups of problems that are shown. */
const mostProblems = 50;
/** Characters; clouds write long ones. The log has them whole. */
const errorLimit = 300;

export function monitorStatus(sources: StatusSources): MonitorStatus {
  const { about, clock, health, regions, counts, pool, transitions, caches, shards } = sources;
  const { ok: ready, detail } = health.ready();
  return {
    time: timeText(clock.now()),
    monitor: { ...about, live: health.live().ok, ready, detail },
    regions: [...regions.defined()]
      .map((region) => regionStatus(region, counts.states(region)))
      .toSorted(byName),
    problems: problemsStatus(sources),
    shards: shards?.states() ?? [],
    pool: {
      queueLength: pool.queueLength,
      workers: [...pool.workers()].map((worker) => ({ ...worker, busyShare: rounded(worker.busyShare) })),
    },
    transitions: transitions.newestFirst(),
    caches: [...caches.snapshots()].map(({ resource, objects, synced }) => ({ resource, objects, synced })),
  };
}

function problemsStatus({ problems, caches }: Pick<StatusSources, 'problems' | 'caches'>): ProblemsStatus {
  const groups = [...outageGroups(caches)];
  for (const [scope, ofScope] of problems.open())
    for (const { firstMs, latestMs, error, ...group } of ofScope) {
      // Such a region is shown as not monitored, which is how it was set up.
      if (group.code === 'unsupported') continue;
      groups.push({
        ...group,
        error: cutText(error, errorLimit),
        regionId: scope === noRegion ? '' : regionName(regionKeyOf(scope)),
        namespace: namespaceOf(scope),
        since: timeText(firstMs),
        latest: timeText(latestMs),
      });
    }
  return {
    open: groups.reduce((sum, { count }) => sum + count, 0),
    groups: groups.toSorted((a, b) => Date.parse(b.latest) - Date.parse(a.latest)).slice(0, mostProblems),
  };
}

function* outageGroups(caches: Pick<ResourceCaches, 'outages'>): Iterable<ProblemStatus> {
  for (const { resource, message, error, since } of caches.outages()) {
    const object = { kind: 'resource', name: resource, displayName: '' } as const;
    const at = timeText(since);
    const of = { code: '', regionId: '', namespace: '', count: 1, objects: [object], since: at, latest: at };
    yield { message, error: cutText(error, errorLimit), ...of };
  }
}

function regionStatus(
  { name, namespace, displayName, record, health, services, servers }: Region,
  phases: Readonly<Record<string, number>>,
): RegionStatus {
  const { failure, lastGoodAt } = health;
  return {
    regionId: name,
    namespace,
    regionName: displayName,
    provider: record?.provider ?? '',
    state: stateOf(health),
    up: health.up,
    breakerOpen: health.breakerOpen,
    failures: health.failures,
    error: failure === null ? null : { code: failure.code, message: failure.message },
    lastGoodAt: lastGoodAt === null ? null : timeText(lastGoodAt),
    services: Object.fromEntries(services),
    servers,
    phases,
    polls: health.polls.map(({ outcome, seconds }) => ({ outcome, seconds: rounded(seconds) })),
  };
}

function stateOf({ tried, failure, up }: Region['health']): RegionStatus['state'] {
  if (!tried) return 'waiting';
  if (failure?.code === 'unsupported') return 'unsupported';
  return up ? 'up' : 'down';
}

/** By what people call them; those without a name by their id. */
function byName(a: RegionStatus, b: RegionStatus): number {
  return (a.regionName || a.regionId).localeCompare(b.regionName || b.regionId);
}

/** Thousandths are enough for people, and change less often. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
