// Every right that the monitor needs in Kubernetes, and no other: it follows from the checks that run. `doctor` asks for
// each, and tests compare deploy/rbac.yaml with it: a request to another resource, or with another verb, begins with a row
// here. What is listed and watched has a cache.

import { apiGroup } from '../../shared/labels.ts';
import { type CheckName, usualCheck } from '../options/check-names.ts';
import type { Options } from '../options/options.ts';

export type Verb = 'get' | 'list' | 'watch' | 'patch' | 'create' | 'update';

export interface RequiredRight {
  /** "" for the core group. */
  readonly group: string;
  /** With the subresource: "servers/status". */
  readonly resource: string;
  readonly verbs: readonly Verb[];
  /**
   * Where: in the namespace that is watched (all when --namespace is empty), in that of each Secret a Region names, or in
   * that of the Leases.
   */
  readonly scope: 'watched' | 'secrets' | 'leases';
  /** A monitor that only looks (`run --shadow`, `check --dry-run`) can do without those for writing. */
  readonly use: 'reading' | 'writing';
  /** The flag that it is needed with; always unless given. */
  readonly flag?: 'events' | 'shards';
  /** The checks that need it; absent where all do. */
  readonly checks?: readonly CheckName[];
  /** What it is needed for: what stays undone without it. */
  readonly purpose: string;
}

const rights: readonly RequiredRight[] = [
  {
    group: apiGroup,
    resource: 'regions',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to know which regions there are',
  },
  {
    group: apiGroup,
    resource: 'identities',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to know which cloud projects there are',
    checks: ['server-health', 'load-balancer-health'],
  },
  {
    group: apiGroup,
    resource: 'openstackidentities',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to log in to the cloud projects',
    checks: ['server-health', 'load-balancer-health'],
  },
  {
    group: apiGroup,
    resource: 'servers',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to know which servers to look for',
    checks: ['server-health'],
  },
  {
    group: '',
    resource: 'secrets',
    verbs: ['get'],
    scope: 'secrets',
    use: 'reading',
    purpose: 'to log in to the regions',
  },
  {
    group: apiGroup,
    resource: 'servers/status',
    verbs: ['patch'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to write phase and health',
    checks: ['server-health'],
  },
  {
    group: apiGroup,
    resource: 'servers',
    verbs: ['get', 'patch'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to read a server again after a conflict, and to note since when it has been pending',
    checks: ['server-health'],
  },
  {
    group: apiGroup,
    resource: 'regions/status',
    verbs: ['patch'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to write the health of regions',
    checks: ['region-health'],
  },
  {
    group: apiGroup,
    resource: 'regions',
    verbs: ['get'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to read a region again after a conflict',
    checks: ['region-health'],
  },
  {
    group: apiGroup,
    resource: 'loadbalancers',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to know which load balancers to look for',
    checks: ['load-balancer-health'],
  },
  {
    group: apiGroup,
    resource: 'loadbalancers/status',
    verbs: ['patch'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to write the health of load balancers',
    checks: ['load-balancer-health'],
  },
  {
    group: apiGroup,
    resource: 'loadbalancers',
    verbs: ['get'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to read a load balancer again after a conflict',
    checks: ['load-balancer-health'],
  },
];

/** Rights that only a flag needs. They are not in deploy/rbac.yaml, which says so in a comment. */
const flagRights: readonly RequiredRight[] = [
  {
    group: 'events.k8s.io',
    resource: 'events',
    verbs: ['create', 'patch'],
    scope: 'watched',
    use: 'writing',
    flag: 'events',
    purpose: 'to report transitions as Events (--events)',
  },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['list', 'watch', 'get', 'create', 'patch'],
    scope: 'leases',
    use: 'writing',
    flag: 'shards',
    purpose: 'to hold shards (--shards)',
  },
];

type RightOptions = Pick<Options, 'shadow' | 'events'> & Partial<Pick<Options, 'checkers' | 'shards'>>;

/** The rights that a monitor with these options needs. */
export function rightsFor({
  shadow,
  events,
  checkers = [usualCheck],
  shards = null,
}: RightOptions): readonly RequiredRight[] {
  const flags = { events, shards: shards !== null };
  return [...rights, ...flagRights].filter(
    ({ use, flag, checks }) =>
      (use === 'reading' || !shadow) &&
      (flag === undefined || flags[flag]) &&
      (checks === undefined || checks.some((check) => checkers.includes(check))),
  );
}

/** With the default flags. */
export const requiredRights = rightsFor({ shadow: false, events: false });

/** The resources of the region group that these checks list and watch. */
export function watchedResources(checkers: readonly CheckName[]): ReadonlySet<string> {
  const watched = rightsFor({ shadow: true, events: false, checkers }).filter(
    ({ group, verbs }) => group === apiGroup && verbs.includes('watch'),
  );
  return new Set(watched.map(({ resource }) => resource));
}

/** A right in few words: "list, watch regions.region.unikorn-cloud.org". */
export function rightText({ group, resource, verbs }: RequiredRight): string {
  return `${verbs.join(', ')} ${group === '' ? resource : `${resource}.${group}`}`;
}
