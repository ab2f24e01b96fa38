// What every check of our own is made from, and what the composition root gets.

import type { Meter, Tracer } from '@opentelemetry/api';
import type { Checker, CheckJob } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import type { RegionLimits } from '../../shared/region-job.ts';
import type { RegionRef } from '../../shared/region-ref.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { Definitions } from '../kubernetes/objects/profile.ts';
import type { ResourceCaches } from '../kubernetes/objects/resource-caches.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { Logger } from '../log/logger.ts';
import type { Options } from '../options/options.ts';
import type { EndedPolls } from '../polls/ended-polls.ts';
import type { EventLoopTurns } from '../polls/event-loop-turns.ts';
import type { Pollable } from '../polls/poll-cycle.ts';
import type { ProblemLog } from '../problems/problem-log.ts';
import { scopeOf } from '../problems/problem-scope.ts';
import type { StateCounts } from '../projection/state-counts.ts';
import type { WriteProblems } from '../projection/write-problems.ts';
import type { Onlooker, Writing } from '../projection/writing.ts';
import type { AccessReader } from '../regions/access.ts';
import type { Region } from '../regions/region.ts';
import type { Regions } from '../regions/regions.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** The objects that are looked after: all, or those of the regions that a command names. */
export interface ObjectViews {
  readonly regions: ObjectView<RegionRecord>;
  readonly servers: ObjectView<ServerRecord>;
  readonly loadbalancers: ObjectView<LoadBalancerRecord>;
}

/** Those who look on at the writes of each kind. */
export interface Onlookers {
  readonly regions?: Onlooker<RegionRecord>;
  readonly servers?: Onlooker<ServerRecord>;
  readonly loadbalancers?: Onlooker<LoadBalancerRecord>;
}

export interface CheckParts {
  readonly options: Options;
  /** How much a job may ask its region. */
  readonly limits: RegionLimits;
  readonly clock: Clock;
  readonly turns: EventLoopTurns;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly metrics: Metrics;
  readonly definitions: Definitions;
  readonly caches: ResourceCaches;
  readonly views: ObjectViews;
  readonly regions: Regions;
  readonly access: AccessReader;
  readonly endedPolls: EndedPolls;
  readonly problems: Pick<ProblemLog, 'report' | 'add'>;
  readonly writing: Writing;
  readonly onlookers: Onlookers;
  /** Servers by state, for the gauge and the status page. */
  readonly counts: StateCounts;
}

export interface OwnCheck {
  readonly name: string;
  /** The module of its worker half. */
  readonly worker: URL;
  /** Puts it into the cycles: only the check itself knows the types of its jobs and results. */
  cycle(of: CycleOf): Pollable;
  /** No write of a region is left. */
  regionIdle(region: RegionRef): void;
  /** Drops what is remembered of a region that is gone. */
  forget(region: Region): void;
}

type CycleOf = <Job extends CheckJob, Result>(checker: Checker<Job, Result>) => Pollable;

/** A check as the composition root sees it. `writeProblems` are those of its writes. */
export function ownCheckOf<Job extends CheckJob, Result, Watched extends WatchedObject>(
  checker: Checker<Job, Result> & Pick<OwnCheck, 'forget'>,
  {
    problems,
    writeProblems,
  }: {
    readonly problems: Pick<ProblemLog, 'add'>;
    readonly writeProblems: Pick<WriteProblems<Watched>, 'of'>;
  },
): OwnCheck {
  const { name, worker } = checker;
  return {
    name,
    worker,
    cycle: (of) => of(checker),
    regionIdle: (region) => problems.add(scopeOf(region, name), writeProblems.of(region)),
    forget: (region) => checker.forget(region),
  };
}
