// The query of `GET /servers/detail`: what Nova accepts, what it ignores, what it refuses.

import { type Answer, novaFault } from './answer.ts';
import { type CloudServer, knownStatuses } from './server.ts';

export interface ListQuery {
  /** Records on the page, at most. */
  readonly limit: number;
  readonly marker: string | null;
  readonly allTenants: boolean;
  /** With `allTenants` only. */
  readonly projectId: string | null;
  /** Deleted servers come in lists of changes only. */
  readonly withDeleted: boolean;
  /** A server is listed if all of these hold. */
  readonly filters: readonly ((server: CloudServer) => boolean)[];
  readonly order: ((a: CloudServer, b: CloudServer) => number) | null;
  /** Whether records of servers in a down cell come too: with any filter, limit or marker they are withheld. */
  readonly withPartial: boolean;
}

export interface Asker {
  /** Microversion 2.`minor`. */
  readonly minor: number;
  readonly admin: boolean;
  readonly maxLimit: number;
}

const paging = new Set(['limit', 'marker', 'sort_key', 'sort_dir']);

const filterNames: ReadonlySet<string> = new Set(
  `access_ip_v4 access_ip_v6 all_tenants auto_disk_config availability_zone block_device_mapping changes-since
  config_drive created_at deleted description display_description display_name flavor host hostname image image_ref
  info_cache ip ip6 kernel_id key_name launch_index launched_at locked_by metadata name node pci_devices power_state
  progress project_id ramdisk_id reservation_id root_device_name security_groups services soft_deleted status
  system_metadata task_state tenant_id terminated_at user_id uuid vm_state`.split(/\s+/),
);
const laterFilterNames: readonly (readonly [minor: number, names: readonly string[]])[] = [
  [26, ['tags', 'tags-any', 'not-tags', 'not-tags-any']],
  [66, ['changes-before']],
  [73, ['locked']],
];

/** Filters that who is no administrator may use; the others are dropped without a word. */
const memberFilters: readonly (readonly [minor: number, names: readonly string[]])[] = [
  [1, ['name', 'status', 'flavor', 'image', 'ip', 'changes-since', 'all_tenants', 'reservation_id']],
  [5, ['ip6']],
  [26, ['tags', 'tags-any', 'not-tags', 'not-tags-any']],
  [66, ['changes-before']],
  [73, ['locked']],
  [83, ['power_state', 'task_state', 'vm_state', 'user_id']],
];

const matchers: Readonly<Record<string, (server: CloudServer, value: string) => boolean>> = {
  flavor: (server, value) => server.flavorId === value,
  image: (server, value) => server.imageId === value,
  power_state: (server, value) => String(server.powerState) === value,
  task_state: (server, value) => server.taskState === value,
  vm_state: (server, value) => server.vmState === value,
  user_id: (server, value) => server.userId === value,
  uuid: (server, value) => server.id === value,
  // Nothing here has tags, so nothing has the one that is asked for.
  tags: () => false,
  'tags-any': () => false,
};

const sortValues: Readonly<Record<string, (server: CloudServer) => string | number>> = {
  created_at: (server) => seconds(server.createdMs),
  display_name: (server) => server.name,
  launched_at: (server) => seconds(server.launchedMs ?? 0),
  power_state: (server) => server.powerState,
  updated_at: (server) => seconds(server.updatedMs),
  uuid: (server) => server.id,
  vm_state: (server) => server.vmState,
};

export function parseListQuery(query: URLSearchParams, asker: Asker): ListQuery | Answer {
  const { minor } = asker;
  const limit = parseLimit(query, asker.maxLimit);
  if (typeof limit !== 'number') return limit;
  for (const name of query.keys()) {
    const known = paging.has(name) || filterNames.has(name) || name.startsWith('_');
    if (!known && !named(laterFilterNames, minor, name) && minor >= 75)
      return novaFault(400, `'${name}' does not match any of the regexes: '^_'`);
  }
  const marker = last(query, 'marker');
  const active = new Map<string, string>();
  for (const [name, value] of query)
    if ((asker.admin && filterNames.has(name)) || named(memberFilters, minor, name)) active.set(name, value);

  const filters: ((server: CloudServer) => boolean)[] = [];
  for (const [name, value] of active) {
    const filter = name === 'status' ? statusFilter(query.getAll(name), minor) : parseFilter(name, value);
    if (filter === null) continue;
    if (typeof filter !== 'function') return filter;
    filters.push(filter);
  }
  const allTenants = isTrue(active.get('all_tenants'));
  if (allTenants && !asker.admin)
    return novaFault(
      403,
      "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.",
    );
  const order = parseOrder(query);
  if (order !== null && typeof order !== 'function') return order;
  return {
    limit,
    marker,
    allTenants,
    projectId: allTenants ? (active.get('project_id') ?? active.get('tenant_id') ?? null) : null,
    withDeleted: active.has('changes-since') || active.has('changes-before'),
    filters,
    order,
    withPartial:
      minor >= 69 &&
      ![...query.keys()].some((name) => paging.has(name)) &&
      [...active.keys()].every((name) => name === 'all_tenants'),
  };
}

/** As in the query, at most `maximum`; the last one counts when there are several. */
export function parseLimit(query: URLSearchParams, maximum: number): number | Answer {
  for (const value of query.getAll('limit')) {
    if (value === '')
      return novaFault(400, "Invalid input for query parameters limit. Value: . '' is too short");
    if (!/^\d*$/.test(value))
      return novaFault(
        400,
        `Invalid input for query parameters limit. Value: ${value}. '${value}' does not match '^[0-9]*$'`,
      );
  }
  return Math.min(Number(last(query, 'limit') ?? maximum), maximum);
}

function parseFilter(name: string, value: string): ((server: CloudServer) => boolean) | Answer | null {
  switch (name) {
    case 'name':
    case 'display_name':
      return nameFilter(value);
    case 'changes-since':
    case 'changes-before': {
      const time = parseTime(value);
      if (time === null)
        return novaFault(
          400,
          `Invalid input for query parameters ${name}. Value: ${value}. '${value}' is not a 'date-time'`,
        );
      // Whole seconds are kept, inclusive: a fraction asks for later than the second's own changes.
      return name === 'changes-since'
        ? (server) => seconds(server.updatedMs) * 1000 >= time
        : (server) => seconds(server.updatedMs) * 1000 <= time;
    }
    default: {
      const matches = matchers[name];
      return matches === undefined ? null : (server) => matches(server, value);
    }
  }
}

function nameFilter(pattern: string): ((server: CloudServer) => boolean) | Answer {
  try {
    // Nova's database layer takes the bar for itself, not for an alternative.
    const expression = new RegExp(pattern.replaceAll('|', '\\|'), 'i');
    return (server) => expression.test(server.name);
  } catch {
    return novaFault(
      400,
      `Invalid input for query parameters name. Value: ${pattern}. '${pattern}' is not a 'regex'`,
    );
  }
}

function statusFilter(values: readonly string[], minor: number): ((server: CloudServer) => boolean) | Answer {
  const statuses = new Set(
    values.map((value) => value.toUpperCase()).filter((value) => knownStatuses.has(value)),
  );
  if (statuses.size === 0) return minor >= 38 ? novaFault(400, 'Invalid status value') : () => false;
  if (statuses.size === 1 && statuses.has('DELETED'))
    return novaFault(403, 'Only administrators may list deleted instances');
  return (server) => statuses.has(server.status);
}

function parseOrder(query: URLSearchParams): ((a: CloudServer, b: CloudServer) => number) | Answer | null {
  const key = query.get('sort_key');
  if (key === null) return null;
  const value = sortValues[key];
  if (value === undefined)
    return novaFault(
      400,
      `Invalid input for query parameters sort_key. Value: ${key}. '${key}' is not one of the sort keys`,
    );
  const sign = query.get('sort_dir') === 'asc' ? 1 : -1;
  return (a, b) => sign * compare(value(a), value(b)) || compare(a.id, b.id);
}

/** Epoch milliseconds. No zone means UTC, as for Nova. */
function parseTime(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d:\d\d(?:\.\d+)?)([Zz]|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (match === null) return null;
  const time = Date.parse(`${match[1]}T${match[2] ?? '00:00:00'}${match[3] ?? 'Z'}`);
  return Number.isNaN(time) ? null : time;
}

export function compare<T extends string | number>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function seconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}

function named(
  table: readonly (readonly [minor: number, names: readonly string[]])[],
  minor: number,
  name: string,
): boolean {
  return table.some(([since, names]) => minor >= since && names.includes(name));
}

function last(query: URLSearchParams, name: string): string | null {
  return query.getAll(name).at(-1) ?? null;
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ['', '1', 'true', 't', 'yes', 'on'].includes(value.toLowerCase());
}
