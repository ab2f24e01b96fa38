// How Nova shows a server: which fields, in which order, at which microversion.

import { createHash } from 'node:crypto';
import { type CloudFlavor, embeddedFlavor } from './flavors.ts';
import type { Json } from './json.ts';
import type { CloudServer } from './server.ts';

export interface RecordOptions {
  /** Microversion 2.`minor`. */
  readonly minor: number;
  /** Base of the links, for example http://127.0.0.1:8774. */
  readonly computeRoot: string;
  readonly flavor: CloudFlavor;
  /** `GET /servers/{id}` has more than a list: the fault and the server groups. */
  readonly view: 'list' | 'show';
  /** Whether the fault stands in lists too: on a real cloud that depends on which database holds it. */
  readonly faultInList: boolean;
}

/** Minor versions at which a server record of a list changes. */
const listChanges = [9, 19, 26, 47, 63, 73, 90];

/** Records of two microversions with the same shape are the same. */
export function listShape(minor: number): number {
  return listChanges.filter((change) => minor >= change).length;
}

export function serverRecord(server: CloudServer, options: RecordOptions): Json {
  const { minor, view } = options;
  const placed = hasHost(server);
  const securityGroups = securityGroupsOf(server);
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: placed ? hostId(server) : '',
    image: image(server, options),
    flavor: embeddedFlavor(options.flavor, minor, options.computeRoot),
    created: isoSeconds(server.createdMs),
    updated: isoSeconds(server.updatedMs),
    addresses: isConnected(server) ? addresses(server) : {},
    accessIPv4: '',
    accessIPv6: '',
    links: links(server, options.computeRoot),
    'OS-DCF:diskConfig': 'MANUAL',
    fault: fault(server, view === 'show' || options.faultInList),
    progress: withProgress.has(server.status) ? 0 : undefined,
    'OS-EXT-AZ:availability_zone': placed ? 'nova' : '',
    config_drive: '',
    key_name: null,
    'OS-SRV-USG:launched_at': isoMicroseconds(server.launchedMs),
    'OS-SRV-USG:terminated_at': isoMicroseconds(server.terminatedMs),
    ...(view === 'show' ? { security_groups: securityGroups } : {}),
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:vm_state': server.vmState,
    'OS-EXT-STS:power_state': server.powerState,
    'os-extended-volumes:volumes_attached': [],
    locked: minor >= 9 ? false : undefined,
    locked_reason: minor >= 73 ? null : undefined,
    description: minor >= 19 ? null : undefined,
    tags: minor >= 26 ? [] : undefined,
    trusted_image_certificates: minor >= 63 ? null : undefined,
    'OS-EXT-SRV-ATTR:hostname': minor >= 90 ? hostname(server.name) : undefined,
    ...(view === 'list' ? { security_groups: securityGroups } : {}),
    server_groups: view === 'show' && minor >= 71 ? [] : undefined,
  };
}

/** What Nova still knows of a server in a cell that does not answer. It has no name. */
export function partialRecord(server: CloudServer, options: RecordOptions): Json {
  const record = {
    id: server.id,
    status: 'UNKNOWN',
    tenant_id: server.projectId,
    created: isoSeconds(server.createdMs),
    links: links(server, options.computeRoot),
  };
  if (options.view === 'list') return { ...record, security_groups: securityGroupsOf(server) };
  return {
    ...record,
    image: image(server, options),
    flavor: embeddedFlavor(options.flavor, options.minor, options.computeRoot),
    'OS-EXT-AZ:availability_zone': 'UNKNOWN',
    'OS-EXT-STS:power_state': 0,
    user_id: server.userId,
    server_groups: options.minor >= 71 ? [] : undefined,
  };
}

function isoSeconds(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}

// The database keeps whole seconds, so the fraction is always zero.
function isoMicroseconds(epochMs: number | null): string | null {
  return epochMs === null ? null : `${new Date(epochMs).toISOString().slice(0, 19)}.000000`;
}

const withProgress = new Set(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING']);

function hasHost(server: CloudServer): boolean {
  return server.launchedMs !== null && server.status !== 'SHELVED_OFFLOADED';
}

function isConnected(server: CloudServer): boolean {
  return server.launchedMs !== null && server.status !== 'DELETED';
}

// These come from the network service, which knows nothing of cells.
function securityGroupsOf(server: CloudServer): Json | undefined {
  return isConnected(server) ? [{ name: 'default' }] : undefined;
}

function hostId(server: CloudServer): string {
  return createHash('sha224')
    .update(`${server.projectId}compute-${server.ordinal % 40}`)
    .digest('hex');
}

function addresses(server: CloudServer): Json {
  const bytes = [server.ordinal >> 16, server.ordinal >> 8, server.ordinal].map((part) => part & 0xff);
  const mac = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  const entries = server.networks.map((name, index): [string, Json] => [
    name,
    [
      {
        version: 4,
        addr: `${10 + index}.${bytes.join('.')}`,
        'OS-EXT-IPS:type': 'fixed',
        'OS-EXT-IPS-MAC:mac_addr': index === 0 ? `fa:16:3e:${mac}` : `fa:16:${index}:${mac}`,
      },
    ],
  ]);
  return Object.fromEntries<Json>(entries);
}

/** Of a server that was booted from a volume, Nova writes an empty text. */
function image(server: CloudServer, options: RecordOptions): Json {
  if (server.imageId === '') return '';
  const href = `${options.computeRoot}/images/${server.imageId}`;
  return { id: server.imageId, links: [{ rel: 'bookmark', href }] };
}

function links(server: CloudServer, computeRoot: string): Json {
  return [
    { rel: 'self', href: `${computeRoot}/v2.1/servers/${server.id}` },
    { rel: 'bookmark', href: `${computeRoot}/servers/${server.id}` },
  ];
}

function fault(server: CloudServer, shown: boolean): Json | undefined {
  if (!shown || server.fault === null || server.status !== 'ERROR') return undefined;
  return {
    code: server.fault.code,
    created: isoSeconds(server.fault.createdMs),
    message: server.fault.message,
  };
}

function hostname(name: string): string {
  return name
    .toLowerCase()
    .replace(/[ _]/g, '-')
    .replace(/[^\w.-]/g, '')
    .slice(0, 63);
}
