// One server of the sandbox's cloud, and the states that Nova gives it.

import { randomUUID } from 'node:crypto';

/** A fault as Nova keeps it for a server in error. */
interface ServerFault {
  readonly code: number;
  readonly message: string;
  /** Epoch milliseconds. */
  readonly createdMs: number;
}

/** Never changed in place: a change makes a new one. */
export interface CloudServer {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly userId: string;
  readonly status: string;
  readonly vmState: string;
  /** 0 no state, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
  readonly powerState: number;
  readonly taskState: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly flavorId: string;
  readonly imageId: string;
  /** Names of the networks that it is connected to. */
  readonly networks: readonly string[];
  readonly fault: ServerFault | null;
  /** Epoch milliseconds of the cloud's clock; Nova shows whole seconds. */
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly launchedMs: number | null;
  readonly terminatedMs: number | null;
  /** The cell that holds the server does not answer. */
  readonly cellDown: boolean;
  /** Number of the server in its cloud, from 1: its addresses and host follow from it. */
  readonly ordinal: number;
}

export interface NewServer {
  readonly id?: string;
  readonly name?: string;
  readonly userId?: string;
  /** ACTIVE unless given. Any text goes, known to Nova or not. */
  readonly status?: string;
  /** These two follow from the status unless given. */
  readonly vmState?: string;
  readonly powerState?: number;
  readonly taskState?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly flavorId?: string;
  readonly imageId?: string;
  /** ["private"] unless given. */
  readonly networks?: readonly string[];
  /** The message, or the whole fault. */
  readonly fault?: string | ServerFault | null;
  /** Epoch milliseconds; now unless given. */
  readonly createdMs?: number;
  /** Null: never booted. Follows from the status unless given. */
  readonly launchedMs?: number | null;
}

export type ServerChanges = Omit<NewServer, 'id' | 'createdMs'>;

interface States {
  readonly vmState: string;
  readonly powerState: number;
  readonly taskState: string | null;
}

// As Nova with libvirt shows them: a suspended or shelved server's domain is shut down.
const states: Readonly<Record<string, States>> = {
  ACTIVE: { vmState: 'active', powerState: 1, taskState: null },
  BUILD: { vmState: 'building', powerState: 0, taskState: 'spawning' },
  DELETED: { vmState: 'deleted', powerState: 0, taskState: null },
  ERROR: { vmState: 'error', powerState: 0, taskState: null },
  HARD_REBOOT: { vmState: 'active', powerState: 1, taskState: 'rebooting_hard' },
  MIGRATING: { vmState: 'active', powerState: 1, taskState: 'migrating' },
  PASSWORD: { vmState: 'active', powerState: 1, taskState: 'updating_password' },
  PAUSED: { vmState: 'paused', powerState: 3, taskState: null },
  REBOOT: { vmState: 'active', powerState: 1, taskState: 'rebooting' },
  REBUILD: { vmState: 'active', powerState: 1, taskState: 'rebuild_spawning' },
  RESCUE: { vmState: 'rescued', powerState: 1, taskState: null },
  RESIZE: { vmState: 'active', powerState: 1, taskState: 'resize_migrating' },
  REVERT_RESIZE: { vmState: 'resized', powerState: 1, taskState: 'resize_reverting' },
  SHELVED: { vmState: 'shelved', powerState: 4, taskState: null },
  SHELVED_OFFLOADED: { vmState: 'shelved_offloaded', powerState: 4, taskState: null },
  SHUTOFF: { vmState: 'stopped', powerState: 4, taskState: null },
  SOFT_DELETED: { vmState: 'soft-delete', powerState: 4, taskState: null },
  SUSPENDED: { vmState: 'suspended', powerState: 4, taskState: null },
  VERIFY_RESIZE: { vmState: 'resized', powerState: 1, taskState: null },
};

/** The statuses that Nova has a meaning for: others are a bad filter. */
export const knownStatuses: ReadonlySet<string> = new Set(Object.keys(states));

/** What goes with a status that Nova does not know (it shows those as UNKNOWN) is what goes with ACTIVE. */
function statesOf(status: string): States {
  return states[status] ?? { vmState: 'active', powerState: 1, taskState: null };
}

/** The server after `changes`: a new status brings its states along, unless those are given too. */
export function changed(server: CloudServer, changes: ServerChanges, nowMs: number): CloudServer {
  const { fault, status, ...rest } = changes;
  const booted = server.launchedMs !== null || status !== 'ACTIVE';
  return {
    ...server,
    ...(status === undefined ? {} : { status, ...statesOf(status) }),
    ...(booted ? {} : { launchedMs: nowMs }),
    ...rest,
    ...(fault === undefined ? {} : { fault: faultOf(fault, nowMs) }),
    updatedMs: nowMs,
  };
}

function faultOf(fault: string | ServerFault | null, nowMs: number): ServerFault | null {
  return typeof fault === 'string' ? { code: 500, message: fault, createdMs: nowMs } : fault;
}

/** A new server of a project, as `options` say. */
export function newServer(
  projectId: string,
  options: NewServer & { readonly flavorId: string },
  { ordinal, nowMs }: { readonly ordinal: number; readonly nowMs: number },
): CloudServer {
  const status = options.status ?? 'ACTIVE';
  const states = { ...statesOf(status), ...options };
  const createdMs = options.createdMs ?? nowMs;
  const booted = options.launchedMs === undefined && status !== 'BUILD' && status !== 'ERROR';
  return {
    id: options.id ?? randomUUID(),
    name: options.name ?? `server-${ordinal}`,
    projectId,
    userId: options.userId ?? projectId,
    status,
    vmState: states.vmState,
    powerState: states.powerState,
    taskState: states.taskState ?? null,
    metadata: options.metadata ?? {},
    flavorId: options.flavorId,
    imageId: options.imageId ?? '33333333-3333-4333-8333-333333333333',
    networks: options.networks ?? ['private'],
    fault: faultOf(options.fault ?? null, nowMs),
    createdMs,
    updatedMs: Math.max(createdMs, options.launchedMs ?? 0),
    launchedMs: booted ? createdMs : (options.launchedMs ?? null),
    terminatedMs: null,
    cellDown: false,
    ordinal,
  };
}
