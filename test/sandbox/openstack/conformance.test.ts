// The same requests to the sandbox's cloud and, when the lab runs, to a real Keystone and Nova. One table says what
// both must answer; what differs from cloud to cloud (ids, times, addresses) is left out of what is compared.

import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { SandboxCloud } from '../../../src/sandbox/openstack/cloud.ts';
import {
  BareClient,
  computeUrlOf,
  namesOf,
  type Received,
  type Sent,
  type ServerRecord,
  serverList,
  tokenOf,
} from './client.ts';
import { findLab, type LabUser, labIsNamed } from './lab.ts';

interface Subject {
  readonly keystone: string;
  /** As in the catalogue, /v2.1 included. */
  readonly compute: string;
  readonly domainId: string;
  readonly user: LabUser;
  readonly tokens: Readonly<Record<'project' | 'domain' | 'unscoped', string>>;
  readonly strangerProjectId: string;
  readonly strangerServerId: string;
  /** The unfiltered list at 2.90. */
  readonly all: readonly ServerRecord[];
  /** A server that runs, one that is stopped, and one whose build failed. */
  readonly active: ServerRecord;
  readonly stopped: ServerRecord;
  readonly failed: ServerRecord;
}

interface Case {
  readonly name: string;
  /** Against Keystone's root or the compute URL. */
  readonly at: 'keystone' | 'compute';
  readonly path: string | ((subject: Subject) => string);
  readonly sent?: (subject: Subject) => Sent;
  /** Null sends none; 'project' unless given. */
  readonly token?: keyof Subject['tokens'] | 'garbage' | null;
  /** 2.90 unless given; null sends no header. */
  readonly version?: string | null;
  readonly status: number;
  /** What is compared, besides the status. */
  readonly seen?: (received: Received, subject: Subject) => unknown;
  readonly expected?: unknown;
}

// Before anything is declared: ava takes no declaration after a wait.
const lab = labIsNamed() ? await findLab() : null;
const client = new BareClient();
test.after.always(async () => {
  await client.close();
});

const record = v.record(v.string(), v.unknown());
const member = (value: unknown, ...path: (string | number)[]): unknown => {
  let at = value;
  for (const key of path) at = Array.isArray(at) ? at[Number(key)] : v.parse(record, at)[key];
  return at;
};
const keys = (value: unknown): string[] => Object.keys(v.parse(record, value));
const body = (received: Received): unknown => received.body;
const names = (received: Received): string[] => namesOf(serverList(received).servers);
type ScopeOf = (subject: Subject) => unknown;
const login =
  (user: Record<string, unknown> | null, scope?: ScopeOf) =>
  (subject: Subject): Sent => ({
    method: 'POST',
    body: {
      auth: {
        identity: {
          methods: ['password'],
          ...(user === null
            ? {}
            : { password: { user: { id: subject.user.userId, password: subject.user.password, ...user } } }),
        },
        ...(scope === undefined ? {} : { scope: scope(subject) }),
      },
    },
  });
const ownProject: ScopeOf = ({ user }) => ({ project: { id: user.projectId } });
const unauthorized = {
  error: { code: 401, message: 'The request you have made requires authentication.', title: 'Unauthorized' },
};
const malformed = (what: string): unknown => ({
  error: {
    code: 400,
    message: `${what} The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`,
    title: 'Bad Request',
  },
});
const badRequest = (message: string): unknown => ({ badRequest: { code: 400, message } });
const forbidden = (message: string): unknown => ({ forbidden: { code: 403, message } });

const keystoneCases: Case[] = [
  {
    name: 'version list',
    at: 'keystone',
    path: '/',
    status: 300,
    seen: ({ body }) => [
      keys(member(body, 'versions', 'values', 0)),
      member(body, 'versions', 'values', 0, 'status'),
    ],
    expected: [['id', 'status', 'updated', 'links', 'media-types'], 'stable'],
  },
  {
    name: 'version document',
    at: 'keystone',
    path: '/v3',
    status: 200,
    seen: ({ body }, { keystone }) => [
      keys(member(body, 'version')),
      member(body, 'version', 'links', 0, 'href') === `${keystone}/v3/`,
    ],
    expected: [['id', 'status', 'updated', 'links', 'media-types'], true],
  },
  {
    name: 'login, scoped to a project',
    at: 'keystone',
    path: '/v3/auth/tokens',
    sent: login({}, ownProject),
    status: 201,
    seen: ({ body, headers }, { user }) => ({
      token: /^gAAAAAB[\w-]{176}/.test(String(headers['x-subject-token'])),
      keys: keys(member(body, 'token')),
      user: keys(member(body, 'token', 'user')),
      project: member(body, 'token', 'project', 'id') === user.projectId,
      roles: JSON.stringify(member(body, 'token', 'roles'))
        .match(/(?<="name":")[^"]+/g)
        // A lab with Octavia has roles of that, too.
        ?.filter((role) => !role.startsWith('load-balancer'))
        .toSorted(),
      times: [member(body, 'token', 'issued_at'), member(body, 'token', 'expires_at')].map((time) =>
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z$/.test(String(time)),
      ),
      service: keys(member(body, 'token', 'catalog', 0)),
      endpoint: keys(member(body, 'token', 'catalog', 0, 'endpoints', 0)),
    }),
    expected: {
      token: true,
      keys: [
        'methods',
        'user',
        'audit_ids',
        'expires_at',
        'issued_at',
        'project',
        'is_domain',
        'roles',
        'catalog',
      ],
      user: ['domain', 'id', 'name', 'password_expires_at'],
      project: true,
      roles: ['member', 'reader'],
      times: [true, true],
      service: ['endpoints', 'id', 'type', 'name'],
      endpoint: ['id', 'interface', 'region_id', 'url', 'region'],
    },
  },
  {
    name: 'login without a scope has no catalogue',
    at: 'keystone',
    path: '/v3/auth/tokens',
    sent: login({}, () => 'unscoped'),
    status: 201,
    seen: ({ body }) => keys(member(body, 'token')),
    expected: ['methods', 'user', 'audit_ids', 'expires_at', 'issued_at'],
  },
  {
    name: 'login, scoped to a domain',
    at: 'keystone',
    path: '/v3/auth/tokens',
    sent: login({}, ({ domainId }) => ({ domain: { id: domainId } })),
    status: 201,
    seen: ({ body }) => keys(member(body, 'token')),
    expected: ['methods', 'user', 'audit_ids', 'expires_at', 'issued_at', 'domain', 'roles', 'catalog'],
  },
  ...[
    { name: 'wrong password', sent: login({ password: 'wrong' }, ownProject) },
    { name: 'unknown user', sent: login({ id: 'nobody' }, ownProject) },
    { name: 'no password', sent: login({ password: undefined }, ownProject) },
    { name: 'unknown project', sent: login({}, () => ({ project: { id: 'nothing' } })) },
    {
      name: 'project without a role',
      sent: login({}, ({ strangerProjectId }) => ({ project: { id: strangerProjectId } })),
    },
    { name: 'system without a role', sent: login({}, () => ({ system: { all: true } })) },
  ].map(
    ({ name, sent }): Case => ({
      name: `login: ${name}`,
      at: 'keystone',
      path: '/v3/auth/tokens',
      sent,
      status: 401,
      seen: ({ body, headers }) => [
        body,
        String(headers['www-authenticate']).startsWith('Keystone uri="http'),
      ],
      expected: [unauthorized, true],
    }),
  ),
  ...[
    { name: 'empty body', body: '', expected: malformed('Expecting to find auth in request body.') },
    { name: 'no JSON', body: '{', expected: malformed('Expecting to find valid JSON in request body.') },
    { name: 'no auth', body: '{}', expected: malformed('Expecting to find auth in request body.') },
  ].map(
    ({ name, body: text, expected }): Case => ({
      name: `login: ${name}`,
      at: 'keystone',
      path: '/v3/auth/tokens',
      sent: () => ({ method: 'POST', body: text }),
      status: 400,
      seen: body,
      expected,
    }),
  ),
  {
    name: 'login: no password method',
    at: 'keystone',
    path: '/v3/auth/tokens',
    sent: login(null, ownProject),
    status: 400,
    seen: body,
    expected: malformed('Expecting to find password in identity.'),
  },
  {
    name: 'login: user name without a domain',
    at: 'keystone',
    path: '/v3/auth/tokens',
    sent: login({ id: undefined, name: 'alice' }, ownProject),
    status: 400,
    seen: body,
    expected: malformed('Expecting to find domain in user.'),
  },
  { name: 'unknown path', at: 'keystone', path: '/v3/nothing', status: 404 },
];

const versionHeaders = ({ headers }: Received): unknown => [
  headers['openstack-api-version'],
  headers['x-openstack-nova-api-version'],
];

const find = (servers: readonly ServerRecord[], wanted: ServerRecord): ServerRecord =>
  servers.find((server) => server['id'] === wanted['id']) ?? {};

const novaCases: Case[] = [
  {
    name: 'version document',
    at: 'compute',
    path: '/',
    token: null,
    version: null,
    status: 200,
    seen: ({ body }) => [
      keys(member(body, 'version')),
      member(body, 'version', 'min_version'),
      member(body, 'version', 'version'),
    ],
    expected: [['id', 'status', 'version', 'min_version', 'updated', 'links', 'media-types'], '2.1', '2.93'],
  },
  {
    name: 'version list',
    at: 'compute',
    path: '/../',
    token: null,
    version: null,
    status: 200,
    seen: ({ body }) => [
      member(body, 'versions', 0, 'id'),
      member(body, 'versions', 1, 'id'),
      member(body, 'versions', 1, 'version'),
    ],
    expected: ['v2.0', 'v2.1', '2.93'],
  },
  ...([null, 'garbage'] as const).map(
    (token): Case => ({
      name: `token: ${token ?? 'none'}`,
      at: 'compute',
      path: '/servers/detail',
      token,
      status: 401,
      seen: ({ body, headers }) => [
        body,
        String(headers['www-authenticate']).startsWith('Keystone uri="http'),
      ],
      expected: [unauthorized, true],
    }),
  ),
  ...(['domain', 'unscoped'] as const).flatMap((token): Case[] => [
    ...['?limit=1000', '?changes-since=2020-01-01', '?name=.'].map(
      (query): Case => ({
        name: `a ${token} token sees no servers and is not told why: ${query}`,
        at: 'compute',
        path: `/servers/detail${query}`,
        token,
        status: 200,
        seen: body,
        expected: { servers: [] },
      }),
    ),
    {
      name: `a ${token} token sees no servers at 2.68`,
      at: 'compute',
      path: '/servers/detail',
      token,
      version: '2.68',
      status: 200,
      seen: body,
      expected: { servers: [] },
    },
    {
      name: `a ${token} token sees partial records of all projects in an unfiltered list from 2.69 on`,
      at: 'compute',
      path: '/servers/detail',
      token,
      version: '2.69',
      status: 200,
      seen: (received, { strangerServerId, strangerProjectId, active }) => {
        const { servers } = serverList(received);
        const stranger = servers.find((server) => server['id'] === strangerServerId) ?? {};
        return [
          servers.every((server) => server['status'] === 'UNKNOWN' && server['name'] === undefined),
          stranger['tenant_id'] === strangerProjectId,
          keys(find(servers, active)),
        ];
      },
      expected: [true, true, ['id', 'status', 'tenant_id', 'created', 'links', 'security_groups']],
    },
  ]),
  ...[
    { asked: null, got: '2.1' },
    { asked: '2.1', got: '2.1' },
    { asked: '2.90', got: '2.90' },
    { asked: 'latest', got: '2.93' },
  ].map(
    ({ asked, got }): Case => ({
      name: `microversion ${asked ?? 'not asked for'}`,
      at: 'compute',
      path: '/servers/detail?limit=1',
      version: asked,
      status: 200,
      seen: versionHeaders,
      expected: [`compute ${got}`, got],
    }),
  ),
  ...['2.94', '2.0', '3.0'].map(
    (version): Case => ({
      name: `microversion ${version}`,
      at: 'compute',
      path: '/servers/detail',
      version,
      status: 406,
      seen: (received) => [received.body, versionHeaders(received)],
      expected: [
        {
          computeFault: {
            code: 406,
            message: `Version ${version} is not supported by the API. Minimum is 2.1 and maximum is 2.93.`,
          },
        },
        [`compute ${version}`, version],
      ],
    }),
  ),
  ...['2', 'nonsense', '2.01'].map(
    (version): Case => ({
      name: `microversion ${version}`,
      at: 'compute',
      path: '/servers/detail',
      version,
      status: 400,
      seen: body,
      expected: badRequest(
        `API Version String ${version} is of invalid format. Must be of format MajorNum.MinorNum.`,
      ),
    }),
  ),
  ...[
    { header: 'compute 2.90', got: '2.90' },
    { header: 'volume 3.1', got: '2.26' },
  ].map(
    ({ header, got }): Case => ({
      name: `OpenStack-API-Version: ${header}, beside the older header`,
      at: 'compute',
      path: '/servers/detail?limit=1',
      version: '2.26',
      sent: () => ({ headers: { 'openstack-api-version': header } }),
      status: 200,
      seen: versionHeaders,
      expected: [`compute ${got}`, got],
    }),
  ),
];

const everywhere =
  `id name status tenant_id user_id metadata hostId image flavor created updated addresses accessIPv4
  accessIPv6 links OS-DCF:diskConfig progress OS-EXT-AZ:availability_zone config_drive key_name
  OS-SRV-USG:launched_at OS-SRV-USG:terminated_at OS-EXT-STS:task_state OS-EXT-STS:vm_state OS-EXT-STS:power_state
  os-extended-volumes:volumes_attached`.split(/\s+/);
const listKeys: Readonly<Record<string, string[]>> = {
  '2.1': [...everywhere, 'security_groups'],
  '2.26': [...everywhere, 'locked', 'description', 'tags', 'security_groups'],
  '2.90': [
    ...everywhere,
    ...'locked locked_reason description tags trusted_image_certificates'.split(' '),
    'OS-EXT-SRV-ATTR:hostname',
    'security_groups',
  ],
};
const recordCases: Case[] = [
  ...Object.entries(listKeys).map(
    ([version, expected]): Case => ({
      name: `list at ${version}: the fields of a server that runs`,
      at: 'compute',
      path: '/servers/detail',
      version,
      status: 200,
      seen: (received, { active }) => keys(find(serverList(received).servers, active)),
      expected,
    }),
  ),
  {
    name: 'list at 2.90: fields of a server that runs, inside',
    at: 'compute',
    path: '/servers/detail',
    status: 200,
    seen: (received, { active }) => {
      const server = find(serverList(received).servers, active);
      const network = Object.keys(v.parse(record, server['addresses']))[0] ?? '';
      return {
        flavor: keys(server['flavor']),
        address: keys(member(server['addresses'], network, 0)).toSorted(),
        states: [server['status'], server['OS-EXT-STS:vm_state'], server['OS-EXT-STS:power_state']],
        times: [server['created'], server['updated'], server['OS-SRV-USG:launched_at']].map((time) =>
          String(time).replaceAll(/\d/g, '0'),
        ),
        hostId: String(server['hostId']).length,
        links: JSON.stringify(server['links']).match(/(?<="rel":")\w+/g),
      };
    },
    expected: {
      flavor: ['vcpus', 'ram', 'disk', 'ephemeral', 'swap', 'original_name', 'extra_specs'],
      address: ['OS-EXT-IPS-MAC:mac_addr', 'OS-EXT-IPS:type', 'addr', 'version'],
      states: ['ACTIVE', 'active', 1],
      times: ['0000-00-00T00:00:00Z', '0000-00-00T00:00:00Z', '0000-00-00T00:00:00.000000'],
      hostId: 56,
      links: ['self', 'bookmark'],
    },
  },
  {
    name: 'list at 2.1: the flavor is an id',
    at: 'compute',
    path: '/servers/detail',
    version: null,
    status: 200,
    seen: (received, { active }) => keys(find(serverList(received).servers, active)['flavor']),
    expected: ['id', 'links'],
  },
  {
    name: 'list: a stopped server has no progress',
    at: 'compute',
    path: '/servers/detail',
    status: 200,
    seen: (received, { stopped }) => {
      const server = find(serverList(received).servers, stopped);
      return ['progress' in server, server['OS-EXT-STS:vm_state'], server['OS-EXT-STS:power_state']];
    },
    expected: [false, 'stopped', 4],
  },
  {
    name: 'list: a failed build has neither fault, host, address nor time of boot',
    at: 'compute',
    path: '/servers/detail',
    status: 200,
    seen: (received, { failed }) => {
      const server = find(serverList(received).servers, failed);
      return [
        'fault' in server,
        'progress' in server,
        server['hostId'],
        server['addresses'],
        server['OS-SRV-USG:launched_at'],
        server['OS-EXT-AZ:availability_zone'],
        server['OS-EXT-STS:power_state'],
      ];
    },
    expected: [false, false, '', {}, null, '', 0],
  },
  {
    name: 'one server: the fields of a failed build, the fault among them',
    at: 'compute',
    path: ({ failed }) => `/servers/${String(failed['id'])}`,
    status: 200,
    seen: ({ body }) => [keys(member(body, 'server')), keys(member(body, 'server', 'fault'))],
    expected: [
      [
        ...everywhere.slice(0, 16),
        'fault',
        ...everywhere.slice(17),
        ...'locked locked_reason description tags trusted_image_certificates'.split(' '),
        'OS-EXT-SRV-ATTR:hostname',
        'server_groups',
      ],
      ['code', 'created', 'message'],
    ],
  },
  {
    name: 'one server: security groups stand elsewhere than in a list',
    at: 'compute',
    path: ({ active }) => `/servers/${String(active['id'])}`,
    version: '2.1',
    status: 200,
    seen: ({ body }) => keys(member(body, 'server')),
    expected: everywhere.toSpliced(everywhere.indexOf('OS-SRV-USG:terminated_at') + 1, 0, 'security_groups'),
  },
  {
    name: 'one server: what the list says',
    at: 'compute',
    path: ({ active }) => `/servers/${String(active['id'])}`,
    status: 200,
    seen: ({ body }, { active }) =>
      isDeepStrictEqual(member(body, 'server'), { ...active, server_groups: [] }),
    expected: true,
  },
  ...['00000000-0000-0000-0000-000000000000', 'nothing'].map(
    (id): Case => ({
      name: `one server: ${id}`,
      at: 'compute',
      path: `/servers/${id}`,
      status: 404,
      seen: body,
      expected: { itemNotFound: { code: 404, message: `Instance ${id} could not be found.` } },
    }),
  ),
  {
    name: "one server: another project's",
    at: 'compute',
    path: ({ strangerServerId }) => `/servers/${strangerServerId}`,
    status: 404,
  },
];

const list = (query: string, rest: Omit<Case, 'name' | 'at' | 'path'>): Case => ({
  name: `list ?${query}${rest.version === undefined ? '' : ` at ${rest.version}`}`,
  at: 'compute',
  path: `/servers/detail?${query}`,
  ...rest,
});
const sameAsAll = (received: Received, { all }: Subject): boolean =>
  names(received).join() === namesOf(all).join();
const notMatching = (value: string): string =>
  `Invalid input for query parameters limit. Value: ${value}. '${value}' does not match '^[0-9]*$'`;
const notTime = (value: string): string =>
  `Invalid input for query parameters changes-since. Value: ${value}. '${value}' is not a 'date-time'`;

const listCases: Case[] = [
  list('limit=0', { status: 200, seen: body, expected: { servers: [] } }),
  list('limit=5000', { status: 200, seen: sameAsAll, expected: true }),
  list('limit=1&limit=2', { status: 200, seen: (received) => names(received).length, expected: 2 }),
  ...['-1', 'x'].map((value) =>
    list(`limit=${value}`, { status: 400, seen: body, expected: badRequest(notMatching(value)) }),
  ),
  list('limit=', {
    status: 400,
    seen: body,
    expected: badRequest("Invalid input for query parameters limit. Value: . '' is too short"),
  }),
  list('name=[:a-z]&limit=2&deleted=false', {
    status: 200,
    seen: (received, { compute, all }) =>
      serverList(received).servers_links?.[0]?.href ===
      `${compute}/servers/detail?deleted=false&limit=2&name=%5B%3Aa-z%5D&marker=${String(all[1]?.['id'])}`,
    expected: true,
  }),
  {
    ...list('limit=1&marker=<first>&name=.: the next marker takes the place of this one', {
      status: 200,
      seen: (received, { compute, all }) =>
        serverList(received).servers_links?.[0]?.href ===
        `${compute}/servers/detail?limit=1&marker=${String(all[1]?.['id'])}&name=.`,
      expected: true,
    }),
    path: ({ all }) => `/servers/detail?name=.&limit=1&marker=${String(all[0]?.['id'])}`,
  },
  {
    ...list('marker=<last>', { status: 200, seen: body, expected: { servers: [] } }),
    path: ({ all }) => `/servers/detail?marker=${String(all.at(-1)?.['id'])}`,
  },
  ...['nothing', '00000000-0000-0000-0000-000000000000'].map((marker) =>
    list(`marker=${marker}`, {
      status: 400,
      seen: body,
      expected: badRequest(`marker [${marker}] not found`),
    }),
  ),
  list('bogus=1', {
    status: 400,
    seen: body,
    expected: badRequest("'bogus' does not match any of the regexes: '^_'"),
  }),
  list('bogus=1', { version: '2.1', status: 200, seen: sameAsAll, expected: true }),
  ...['uuid=x', 'host=x', 'project_id=x', 'deleted=true', '_x=1'].map((query) =>
    list(query, { status: 200, seen: sameAsAll, expected: true }),
  ),
  list('vm_state=stopped', {
    status: 200,
    seen: (received) =>
      serverList(received).servers.every((server) => server['OS-EXT-STS:vm_state'] === 'stopped'),
    expected: true,
  }),
  list('vm_state=stopped', { version: '2.1', status: 200, seen: sameAsAll, expected: true }),
  list('tags=x', { status: 200, seen: body, expected: { servers: [] } }),
  list('status=error', {
    status: 200,
    seen: (received, { all }) =>
      names(received).join() === namesOf(all.filter((server) => server['status'] === 'ERROR')).join(),
    expected: true,
  }),
  list('status=bogus', { status: 400, seen: body, expected: badRequest('Invalid status value') }),
  list('status=bogus', { version: '2.1', status: 200, seen: body, expected: { servers: [] } }),
  list('status=DELETED', {
    status: 403,
    seen: body,
    expected: forbidden('Only administrators may list deleted instances'),
  }),
  list('all_tenants=1', {
    status: 403,
    seen: body,
    expected: forbidden(
      "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.",
    ),
  }),
  {
    ...list('name=<the end of a name, upper case>', {
      status: 200,
      seen: (received, { active }) => names(received).includes(String(active['name'])),
      expected: true,
    }),
    path: ({ active }) => `/servers/detail?name=${String(active['name']).slice(-5).toUpperCase()}$`,
  },
  {
    ...list('name=^<whole name>$', {
      status: 200,
      seen: (received, { active }) => names(received).join() === String(active['name']),
      expected: true,
    }),
    path: ({ active }) => `/servers/detail?name=^${String(active['name'])}$`,
  },
  {
    ...list('name=<name>|<name>: the bar is no alternative', {
      status: 200,
      seen: body,
      expected: { servers: [] },
    }),
    path: ({ active }) => `/servers/detail?name=${String(active['name'])}|${String(active['name'])}`,
  },
  list('name=(', {
    status: 400,
    seen: body,
    expected: badRequest("Invalid input for query parameters name. Value: (. '(' is not a 'regex'"),
  }),
  list('sort_key=display_name&sort_dir=asc', {
    status: 200,
    seen: (received) => names(received).join() === names(received).toSorted().join(),
    expected: true,
  }),
  ...['2020-01-01T00:00:00Z', '2020-01-01T00:00:00', '2020-01-01', '2020-01-01T00:00:00%2B00:00'].map(
    (time) =>
      list(`changes-since=${time}`, {
        status: 200,
        // Deleted servers, too, are in a list of changes.
        seen: (received, { all }) => namesOf(all).every((name) => names(received).includes(name)),
        expected: true,
      }),
  ),
  list('changes-since=2099-01-01T00:00:00Z', { status: 200, seen: body, expected: { servers: [] } }),
  list('changes-since=2020-01-01T00:00:00+00:00', {
    status: 400,
    seen: body,
    expected: badRequest(notTime('2020-01-01T00:00:00 00:00')),
  }),
  list('changes-since=yesterday', { status: 400, seen: body, expected: badRequest(notTime('yesterday')) }),
  {
    ...list('changes-since=<the second of its last change>', {
      status: 200,
      seen: (received, { active }) => names(received).includes(String(active['name'])),
      expected: true,
    }),
    path: ({ active }) => `/servers/detail?changes-since=${String(active['updated'])}`,
  },
  {
    ...list('changes-since=<a fraction after it>', {
      status: 200,
      seen: (received, { active }) => names(received).includes(String(active['name'])),
      expected: false,
    }),
    path: ({ active }) => `/servers/detail?changes-since=${String(active['updated']).replace('Z', '.5Z')}`,
  },
];

const flavorKeys = `id name ram disk swap OS-FLV-EXT-DATA:ephemeral OS-FLV-DISABLED:disabled vcpus
  os-flavor-access:is_public rxtx_factor links`.split(/\s+/);
const flavorCases: Case[] = [
  ...[
    { version: '2.1', expected: [flavorKeys, ''] },
    { version: '2.90', expected: [[...flavorKeys, 'description', 'extra_specs'], 0] },
  ].map(
    ({ version, expected }): Case => ({
      name: `flavors at ${version}`,
      at: 'compute',
      path: '/flavors/detail',
      version,
      status: 200,
      seen: ({ body }) => [keys(member(body, 'flavors', 0)), member(body, 'flavors', 0, 'swap')],
      expected,
    }),
  ),
  {
    name: 'flavors, one a page',
    at: 'compute',
    path: '/flavors/detail?limit=1',
    status: 200,
    seen: ({ body }, { compute }) =>
      member(body, 'flavors_links', 0, 'href') ===
      `${compute}/flavors/detail?limit=1&marker=${String(member(body, 'flavors', 0, 'id'))}`,
    expected: true,
  },
  {
    name: 'flavors, unknown marker',
    at: 'compute',
    path: '/flavors/detail?marker=zz',
    status: 400,
    seen: body,
    expected: badRequest('marker [zz] not found'),
  },
  {
    name: 'flavors, unknown parameter',
    at: 'compute',
    path: '/flavors/detail?bogus=1',
    status: 400,
    seen: body,
    expected: badRequest("Additional properties are not allowed ('bogus' was unexpected)"),
  },
];

const cases = [...keystoneCases, ...novaCases, ...recordCases, ...listCases, ...flavorCases];

async function runCase(t: ExecutionContext, subject: Subject, each: Case): Promise<void> {
  const { token = 'project', version = '2.90' } = each;
  const path = typeof each.path === 'string' ? each.path : each.path(subject);
  const sent = each.sent?.(subject) ?? {};
  const headers: Record<string, string> = { ...sent.headers };
  if (each.at === 'compute' && version !== null) headers['x-openstack-nova-api-version'] = version;
  if (each.at === 'compute' && token !== null)
    headers['x-auth-token'] = token === 'garbage' ? token : subject.tokens[token];
  const url = new URL(`${each.at === 'keystone' ? subject.keystone : subject.compute}${path}`);
  const received = await client.send(url.href, { ...sent, headers });
  t.is(received.status, each.status, `${each.name}: ${received.text.slice(0, 500)}`);
  if (each.seen !== undefined) t.deepEqual(each.seen(received, subject), each.expected, each.name);
}

async function paging(t: ExecutionContext, subject: Subject): Promise<void> {
  const headers = { 'x-auth-token': subject.tokens.project, 'x-openstack-nova-api-version': '2.90' };
  const wanted = namesOf(subject.all);
  for (const limit of [1, 2, wanted.length]) {
    const pages = await client.pages(`${subject.compute}/servers/detail?limit=${limit}`, headers);
    t.deepEqual(namesOf(pages.flat()), wanted, `limit ${limit}`);
    // A full page always says that there is a next one, even when it is empty.
    t.is(pages.length, Math.floor(wanted.length / limit) + 1, `limit ${limit}`);
  }
}

async function open(options: {
  keystone: string;
  domainId: string;
  user: LabUser;
  stranger: LabUser;
}): Promise<Subject> {
  const { keystone, domainId, user, stranger } = options;
  const scoped = await client.login(keystone, user, { project: { id: user.projectId } });
  const strange = await client.login(keystone, stranger, { project: { id: stranger.projectId } });
  const tokens = {
    project: tokenOf(scoped),
    domain: tokenOf(await client.login(keystone, user, { domain: { id: domainId } })),
    unscoped: tokenOf(await client.login(keystone, user, 'unscoped')),
  };
  const compute = computeUrlOf(scoped);
  const listAs = async (token: string): Promise<ServerRecord[]> => {
    const headers = { 'x-auth-token': token, 'x-openstack-nova-api-version': '2.90' };
    return serverList(await client.send(`${compute}/servers/detail`, { headers })).servers;
  };
  const all = await listAs(tokens.project);
  const pick = (what: string, matches: (server: ServerRecord) => boolean): ServerRecord => {
    const found = all.find(matches);
    if (found === undefined) throw new Error(`there is no ${what} server to look at`);
    return found;
  };
  const strangers = await listAs(tokenOf(strange));
  return {
    keystone,
    compute,
    domainId,
    user,
    tokens,
    strangerProjectId: stranger.projectId,
    strangerServerId: String(strangers[0]?.['id']),
    all,
    active: pick(
      'running',
      (server) =>
        server['status'] === 'ACTIVE' &&
        server['security_groups'] !== undefined &&
        server['OS-EXT-STS:task_state'] === null,
    ),
    stopped: pick('stopped', (server) => server['status'] === 'SHUTOFF'),
    failed: pick('failed', (server) => server['status'] === 'ERROR' && server['hostId'] === ''),
  };
}

test('the sandbox answers as Keystone and Nova do', async (t) => {
  const cloud = await SandboxCloud.start();
  t.teardown(() => cloud.close());
  const domain = cloud.addDomain({ name: 'lab' });
  const alpha = cloud.addProject({ name: 'alpha', domainId: domain.id });
  const alice = cloud.addUser({
    name: 'alice',
    domainId: domain.id,
    projects: [{ id: alpha.id }],
    domainRoles: ['reader'],
  });
  const bob = cloud.addIdentity();
  cloud.createServer(bob.projectId);
  const long = Date.now() - 100_000;
  for (let index = 0; index < 7; index++)
    cloud.createServer(alpha.id, { name: `alpha-web-${index}`, createdMs: long + index * 700 });
  for (const status of ['SHUTOFF', 'PAUSED', 'SUSPENDED', 'RESCUE', 'SHELVED_OFFLOADED'])
    cloud.createServer(alpha.id, { name: `alpha-${status.toLowerCase()}-1`, status, createdMs: long });
  cloud.createServer(alpha.id, {
    name: 'alpha-nohost-1',
    status: 'ERROR',
    fault: 'No valid host was found. ',
  });
  const subject = await open({
    keystone: cloud.endpoint,
    domainId: domain.id,
    user: { userId: alice.id, password: alice.password, projectId: alpha.id },
    stranger: bob,
  });
  for (const each of cases) await runCase(t, subject, each);
  await paging(t, subject);
});

(lab === null ? test.skip : test)(
  'the real Keystone and Nova answer so, too (needs the OpenStack lab)',
  async (t) => {
    t.timeout(240_000);
    if (lab === null) throw new Error('the OpenStack lab does not answer');
    const run = async (t: ExecutionContext): Promise<void> => {
      const { keystone, domainId, alice, bob } = lab;
      const subject = await open({ keystone, domainId, user: alice, stranger: bob });
      for (const each of cases) await runCase(t, subject, each);
      await paging(t, subject);
    };
    // Others may change servers of the lab in between: what differs then does not differ twice.
    const first = await t.try(run);
    if (first.passed) first.commit();
    else {
      first.discard();
      await run(t);
    }
  },
);
