// Every right that the monitor needs in Kubernetes, and no other. `doctor` asks for each, and tests compare
// deploy/rbac.yaml with it: a request to another resource, or with another verb, begins with a row here.

import { apiGroup } from '../../shared/labels.ts';
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
  /** What it is needed for: what stays undone without it. */
  readonly purpose: string;
}

/** With the default flags. */
export const requiredRights: readonly RequiredRight[] = [
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
  },
  {
    group: apiGroup,
    resource: 'openstackidentities',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to log in to the cloud projects',
  },
  {
    group: apiGroup,
    resource: 'servers',
    verbs: ['list', 'watch'],
    scope: 'watched',
    use: 'reading',
    purpose: 'to know which servers to look for',
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
  },
  {
    group: apiGroup,
    resource: 'servers',
    verbs: ['get', 'patch'],
    scope: 'watched',
    use: 'writing',
    purpose: 'to read a server again after a conflict, and to note since when it has been pending',
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

/** The rights that a monitor with these options needs. */
export function rightsFor({
  shadow,
  events,
  shards = null,
}: Pick<Options, 'shadow' | 'events'> & Partial<Pick<Options, 'shards'>>): readonly RequiredRight[] {
  const flags = { events, shards: shards !== null };
  return [...requiredRights, ...flagRights].filter(
    ({ use, flag }) => (use === 'reading' || !shadow) && (flag === undefined || flags[flag]),
  );
}

/** A right in few words: "list, watch regions.region.unikorn-cloud.org". */
export function rightText({ group, resource, verbs }: RequiredRight): string {
  return `${verbs.join(', ')} ${group === '' ? resource : `${resource}.${group}`}`;
}
