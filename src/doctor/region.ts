// The examination of one region, along the way that a poll takes: the Region object and its Secret, the network, the
// identity service, the compute service, and one project. Here main talks to a cloud itself: nothing else waits for it.

import pLimit from 'p-limit';
import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import { type AccessReader, wrongKind } from '../main/regions/access.ts';
import type { RegionAccess } from '../main/regions/region.ts';
import { BodyMemory } from '../shared/body-memory.ts';
import type { Clock } from '../shared/clock.ts';
import type { Network } from '../shared/network/network.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { Credentials, Session } from '../shared/session.ts';
import { endpointUrl } from '../workers/openstack/catalog.ts';
import type { ConnectionLease, Connections } from '../workers/openstack/connections.ts';
import { listFlavors } from '../workers/openstack/flavors.ts';
import {
  authenticate,
  blankEndsOf,
  identityUrl,
  type LoginTools,
  type OpenstackTarget,
  sessionOf,
} from '../workers/openstack/login.ts';
import { LoginPace } from '../workers/openstack/login-pace.ts';
import { loginTools } from '../workers/openstack/login-tools.ts';
import { RequestLog } from '../workers/openstack/request-log.ts';
import { readServerPage, readServiceTypes, readVersions } from '../workers/openstack/schema.ts';
import { ComputeSession } from '../workers/openstack/session.ts';
import { TokenSession } from '../workers/openstack/token-session.ts';
import { baremetalStep, examineBaremetal, needsBaremetal } from './baremetal.ts';
import type { DoctorObjects } from './objects.ts';
import { examineCertificate, examineWay } from './region-network.ts';
import { catalogRemedies, withoutNewline } from './remedies.ts';
import { type Examination, type Found, StepFailure } from './steps.ts';

export interface RegionExamination {
  readonly objects: DoctorObjects;
  readonly access: AccessReader;
  readonly connections: Connections;
  readonly network: Network;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly requestTimeoutMs: number;
}

const openstackSteps = [
  'endpoint',
  'Secret',
  'DNS',
  'TCP',
  'TLS',
  'Keystone',
  'login',
  'catalog',
  'microversions',
  'flavors',
  'project',
  'project login',
  'servers',
];

const requestsAtOnce = 4;
const loginsPerSecond = 4;
/** From this one on, lists show servers in cells that are down. */
const downCellMicroversion = 69;

export async function examineRegion(
  exam: Examination,
  region: RegionRecord,
  context: RegionExamination,
): Promise<void> {
  const kind = await exam.step('provider', () => providerOf(region));
  if (kind !== 'openstack') return;
  await examineOpenstack(exam, region, context);
  exam.skipRest(needsBaremetal(region) ? [...openstackSteps, baremetalStep] : openstackSteps);
}

function providerOf({ provider }: RegionRecord): Found<string> {
  if (provider === 'openstack') return { value: provider, detail: provider };
  if (provider === 'simulated') return { value: provider, detail: 'simulated: there is no cloud to reach' };
  if (provider === 'kubernetes')
    return {
      value: provider,
      detail: wrongKind,
      warning: 'a region of kind kubernetes has no servers to watch',
    };
  throw new StepFailure(
    `unknown provider ${JSON.stringify(provider)}`,
    'correct spec.provider of the Region',
  );
}

async function examineOpenstack(
  exam: Examination,
  region: RegionRecord,
  context: RegionExamination,
): Promise<void> {
  const url = await exam.step('endpoint', () => endpointOf(region));
  if (url === undefined) return;
  const access = await exam.step('Secret', async (signal) => readAccess(region, context, signal));
  if (!(await examineWay(exam, url, context)) || access === undefined) return;
  const { target, service } = access;
  if (target.provider !== 'openstack' || service === null) return;
  const tls = async (signal: AbortSignal) =>
    examineCertificate(url, target.caCertificate, { ...context, signal });
  if ((await exam.step('TLS', tls)) === undefined) return;

  const lease = context.connections.lease({
    caCertificate: target.caCertificate,
    requestTimeoutMs: context.requestTimeoutMs,
  });
  try {
    const tools = toolsFor(target, lease, context);
    if ((await exam.step('Keystone', async () => keystone(tools))) === undefined) return;
    await examineService(exam, region, { tools, credentials: service });
    await examineProject(exam, { region, access }, { ...context, tools });
  } finally {
    lease.release();
  }
}

function toolsFor(
  target: OpenstackTarget,
  lease: ConnectionLease,
  { clock, signal, requestTimeoutMs }: RegionExamination,
): LoginTools {
  return loginTools(target, lease, {
    memory: new BodyMemory().job(),
    clock,
    signal,
    limit: pLimit(requestsAtOnce),
    logins: new LoginPace({ perSecond: loginsPerSecond, clock, signal }),
    requestTimeoutMs,
    requests: new RequestLog({ traced: false }),
  });
}

function endpointOf({ openstack }: RegionRecord): Found<URL> {
  if (openstack === null) throw new StepFailure('spec.openstack is missing', 'add it to the Region');
  const value = new URL(identityUrl(openstack.endpoint));
  return { value, detail: value.href };
}

async function readAccess(
  region: RegionRecord,
  { access }: RegionExamination,
  signal: AbortSignal,
): Promise<Found<RegionAccess>> {
  const resolved = await access.read(region, signal);
  if (!resolved.ok)
    throw new StepFailure(
      resolved.error.message,
      'create the Secret that spec.openstack.serviceAccountSecret names, with domain-id, user-id, password and project-id',
    );
  const secret = region.openstack?.serviceAccountSecret;
  const { target, service } = resolved.result;
  const extras =
    target.provider === 'openstack'
      ? [
          ...(target.catalogRegion === null ? [] : [`region-name ${target.catalogRegion}`]),
          ...(target.caCertificate === null ? [] : ['ca.crt']),
        ]
      : [];
  const keys = ['domain-id, user-id, password, project-id', ...extras].join(', ');
  const found = { value: resolved.result, detail: `${secret?.namespace}/${secret?.name} has ${keys}` };
  const ends = service === null ? [] : blankEndsOf(service);
  return ends.length === 0 ? found : { ...found, warning: `${ends.join(', ')}: ${withoutNewline}` };
}

async function keystone({ client, target }: LoginTools): Promise<Found<true>> {
  const url = identityUrl(target.endpoint);
  const route = 'GET /v3 (identity version)';
  const { json } = await client.send({ method: 'GET', url, route, headers: {}, accept: [200, 300] });
  const version = readVersions(json).find(({ id }) => id.startsWith('v3'));
  if (version !== undefined) return { value: true, detail: `identity API ${version.id}` };
  throw new StepFailure(`${url} offers no identity API v3`, 'is the endpoint that of Keystone?');
}

/** As the region's service account: what the region offers. */
async function examineService(
  exam: Examination,
  { openstack }: RegionRecord,
  { tools, credentials }: { readonly tools: LoginTools; readonly credentials: Credentials },
): Promise<void> {
  const { discovery } = tools;
  const login = await exam.step(
    'login',
    async () => {
      const value = await authenticate(tools, credentials);
      return { value, detail: `as the region's service account, scoped to project ${credentials.projectId}` };
    },
    {
      unauthorized:
        "correct user-id, password and project-id in the region's Secret, or give the user a role on the project",
    },
  );
  if (login === undefined) return;
  const session = await exam.step('catalog', async () => {
    const found = sessionOf(tools, login);
    const url = endpointUrl(found.endpoints, 'compute', tools.target.catalogRegion);
    const compute = await discovery.service(url, found.token);
    const types = readServiceTypes(login.token.catalog ?? []);
    return { value: { ...found, compute }, detail: `compute at ${compute.url}, among ${types.join(', ')}` };
  });
  if (session === undefined) return;
  await exam.step(
    'microversions',
    async () => {
      const { version, min_version } = await discovery.version(session.compute.url, session.token);
      const detail = `${min_version || '?'} to ${version || '?'}`;
      const newest = Number(/^2\.(\d+)$/.exec(version ?? '')?.[1] ?? 0);
      if (newest >= downCellMicroversion) return { value: true, detail };
      const warning = `below 2.${downCellMicroversion} lists omit servers in cells that are down: they will count as not found`;
      return { value: true, detail: version ? detail : 'none', warning };
    },
    catalogRemedies,
  );
  await exam.step(
    'flavors',
    async () => {
      const flavors = await listFlavors(computeSession(tools, credentials, session));
      const detail = flavors.length === 1 ? '1 public flavor' : `${flavors.length} public flavors`;
      const ids = new Set(flavors.map(({ id }) => id));
      const unknown = (openstack?.flavorIds ?? []).filter((id) => !ids.has(id));
      if (unknown.length === 0) return { value: true, detail };
      const warning = `the Region selects flavors that are not among them: ${unknown.join(', ')}`;
      return { value: true, detail, warning };
    },
    catalogRemedies,
  );
}

function computeSession(tools: LoginTools, credentials: Credentials, session: Session): ComputeSession {
  return new ComputeSession(tools, new TokenSession(tools, { credentials, session }));
}

interface ExaminedRegion {
  readonly region: RegionRecord;
  readonly access: RegionAccess;
}

/** As one identity of the region: what a poll asks for. */
async function examineProject(
  exam: Examination,
  examined: ExaminedRegion,
  context: RegionExamination & { readonly tools: LoginTools },
): Promise<void> {
  const { tools, objects } = context;
  const project = await exam.step('project', async (signal) => {
    const [server] = await objects.sampleServers(examined.region, signal);
    if (server === undefined)
      return { value: { credentials: null }, detail: 'none: no server belongs to this region' };
    return sampleProject(server, examined, context, signal);
  });
  const credentials = project?.credentials;
  if (credentials === undefined || credentials === null) return;
  const login = await exam.step(
    'project login',
    async () => {
      const value = await authenticate(tools, credentials);
      return { value, detail: `scoped to project ${credentials.projectId}` };
    },
    {
      unauthorized:
        'correct userID, password and projectID of the OpenstackIdentity, or give the user a role on the project',
    },
  );
  if (login === undefined) return;
  await exam.step(
    'servers',
    async () => {
      const session = computeSession(tools, credentials, sessionOf(tools, login));
      const { json } = await session.get({
        path: '/servers/detail',
        route: 'GET /servers/detail',
      });
      const { servers, malformed, next } = readServerPage(json, 1);
      const count = servers.length + malformed.length;
      const detail = `${count} ${count === 1 ? 'server' : 'servers'}${next === null ? '' : ' on the first of several pages'}`;
      const [first] = malformed;
      if (first === undefined) return { value: true, detail };
      return { value: true, detail, warning: `${malformed.length} cannot be read: ${first.error.message}` };
    },
    catalogRemedies,
  );
  const { service } = examined.access;
  if (service === null || !needsBaremetal(examined.region)) return;
  await examineBaremetal(exam, { tools, credentials: { ...service, projectId: credentials.projectId } });
}

async function sampleProject(
  server: ServerRecord,
  { region, access }: ExaminedRegion,
  { objects, access: reader }: RegionExamination,
  signal: AbortSignal,
): Promise<Found<{ readonly credentials: Credentials | null }>> {
  const identityId = server.identityId ?? '';
  await objects.readIdentity(server.namespace, identityId, signal);
  const found = reader.credentials(region, access, identityId);
  if (!found.ok)
    throw new StepFailure(
      `identity ${identityId}, of server ${server.name}: ${found.error.message}`,
      "the region service's controllers write it: look at the status of the Identity, and at their logs",
    );
  return {
    value: { credentials: found.result ?? null },
    detail: `identity ${identityId}, of server ${server.displayName || server.name}`,
  };
}
