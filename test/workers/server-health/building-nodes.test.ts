import test from 'ava';
import { monotonicMs } from '../../../src/shared/clock.ts';
import type { BaremetalTask, ProjectResult, ProjectTask } from '../../../src/shared/server-health.ts';
import { patienceMs } from '../../../src/workers/server-health/building-nodes.ts';
import { healthJob, listed, runJob, runProject, task } from '../../fixtures/clouds/health-job.ts';
import {
  credentials,
  endpoint,
  hang,
  novaServer,
  projectId,
  type Received,
  ScriptedCloud,
} from '../../fixtures/clouds/scripted-cloud.ts';

const login = 'POST /v3/auth/tokens';
const servers = 'GET /v2.1/servers/detail';
const nodes = 'GET /v1/nodes';
const service = { userId: 'region-user', password: 'region-secret', projectId };

const baremetal: BaremetalTask = {
  credentials: service,
  servers: [
    { name: 'metal-1', displayName: 'name-of-a' },
    { name: 'metal-2', displayName: 'name-of-b' },
  ],
  building: [],
};

/** A cloud with a bare-metal service, at a URL that does not name its version unless given. */
async function metalCloud(options: { path?: string; catalog?: boolean } = {}): Promise<ScriptedCloud> {
  const { path = '', catalog = true } = options;
  const cloud = await ScriptedCloud.start();
  const services = [
    { type: 'compute', endpoints: [endpoint(`${cloud.url}/v2.1`)] },
    ...(catalog ? [{ type: 'baremetal', endpoints: [endpoint(cloud.url + path)] }] : []),
  ];
  cloud.on(login, (request) => cloud.token(request, { token: { catalog: services } }));
  return cloud;
}

const building = (id: string, fields: object = {}) => novaServer(id, { status: 'BUILD', ...fields });
const owned = (name: string) => ({ metadata: { 'region:server_id': name } });
const node = (id: string, state: string | null) => ({ instance_uuid: id, provision_state: state });

async function check(cloud: ScriptedCloud, changes: Partial<ProjectTask> = {}): Promise<ProjectResult> {
  return runProject(cloud, { baremetal, ...changes });
}

function userOf(request: Received | undefined): unknown {
  const body: unknown = JSON.parse(request?.body ?? '{}');
  return body;
}

test('a server that is building: its node is asked for with the credentials of the region, scoped to the project', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a', owned('metal-1'))] } });
  cloud.on(nodes, { body: { nodes: [node('a', 'available')] } });
  const result = await check(cloud);
  t.is(listed(result).observations.length, 1);
  t.deepEqual(result.nodes?.outcome, { ok: true, states: { a: 'available' }, ambiguous: [] });
  const [first, second] = cloud.to(login).map(userOf);
  const bodies = [credentials, service].map(({ userId, password }) => ({
    auth: {
      identity: { methods: ['password'], password: { user: { id: userId, password } } },
      scope: { project: { id: projectId } },
    },
  }));
  t.deepEqual([first, second], bodies);
  const [asked] = cloud.to(nodes);
  t.is(asked?.query, '?instance_uuid=a&fields=instance_uuid,provision_state');
  t.like(asked?.headers, {
    'x-auth-token': 'token-2',
    'openstack-api-version': 'baremetal 1.11',
    'x-openstack-ironic-api-version': '1.11',
  });
  t.like(result.nodes?.session, { token: 'token-2', endpoints: { baremetal: { url: cloud.url } } });
});

for (const path of ['/', '/v1', '/v1/', '/baremetal']) {
  test(`a bare-metal service at ${path}`, async (t) => {
    await using cloud = await metalCloud({ path });
    cloud.on(servers, { body: { servers: [building('a')] } });
    const route = path === '/baremetal' ? 'GET /baremetal/v1/nodes' : nodes;
    cloud.on(route, { body: { nodes: [] } });
    const { nodes: found } = await check(cloud);
    t.true(found?.outcome.ok);
    t.is(cloud.to(route).length, 1);
  });
}

test('any number of servers takes one request; one without a node has null', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a'), building('b')] } });
  cloud.on(nodes, { body: { nodes: [node('other', 'active'), node('b', 'wait call-back')] } });
  const { nodes: found } = await check(cloud);
  t.deepEqual(found?.outcome, { ok: true, states: { a: null, b: 'wait call-back' }, ambiguous: [] });
  const queries = cloud.to(nodes).map(({ query }) => query);
  t.deepEqual(queries, ['?associated=true&fields=instance_uuid,provision_state']);
});

test('pages of nodes are read until each server was seen', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a'), building('b')] } });
  cloud.on(
    nodes,
    {
      body: { nodes: [node('x', 'active'), node('a', 'deploying')], next: 'http://inside/v1/nodes?marker=1' },
    },
    { body: { nodes: [node('b', 'deploying')], next: 'http://inside/v1/nodes?marker=2' } },
  );
  const { nodes: found } = await check(cloud);
  t.deepEqual(found?.outcome, { ok: true, states: { a: 'deploying', b: 'deploying' }, ambiguous: [] });
  t.deepEqual(
    cloud.to(nodes).map(({ query }) => query),
    ['?associated=true&fields=instance_uuid,provision_state', '?marker=1'],
  );
});

test('the session is used again, and a refused token renewed', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a')] } });
  cloud.on(nodes, { body: { nodes: [] } });
  const first = await check(cloud);
  const sessions = {
    ...(first.session === null ? {} : { session: first.session }),
    baremetal: { ...baremetal, ...(first.nodes?.session ? { session: first.nodes.session } : {}) },
  };
  await check(cloud, sessions);
  t.is(cloud.to(login).length, 2);
  cloud.on(nodes, { status: 401 }, { body: { nodes: [] } });
  const renewed = await check(cloud, sessions);
  t.true(renewed.nodes?.outcome.ok);
  t.is(cloud.to(login).length, 3);
});

test('servers that are building are asked for although the list has no change of them', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [] } });
  cloud.on(nodes, { body: { nodes: [node('a', 'deploying')] } });
  const { nodes: found } = await check(cloud, {
    changesSince: '2026-01-01T00:00:00Z',
    baremetal: { ...baremetal, building: ['a', 'b'] },
  });
  t.deepEqual(found?.outcome, { ok: true, states: { a: 'deploying', b: null }, ambiguous: [] });
});

test('and although a complete list is as it was', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a')] } });
  cloud.on(
    nodes,
    { body: { nodes: [node('a', 'available')] } },
    { body: { nodes: [node('a', 'deploying')] } },
  );
  const { pages } = listed(await check(cloud));
  const again = await check(cloud, {
    knownPages: pages,
    baremetal: { ...baremetal, building: ['a'] },
  });
  t.true(listed(again).pages[0]?.unchanged);
  t.deepEqual(again.nodes?.outcome, { ok: true, states: { a: 'deploying' }, ambiguous: [] });
});

test('lists of changes and of everything in one poll take one request, unless there are more servers', async (t) => {
  await using cloud = await metalCloud();
  const a = building('a');
  cloud.on(servers, { body: { servers: [a] } });
  cloud.on(nodes, { body: { nodes: [node('a', 'deploying')] } });
  const both = { changesSince: '2026-01-01T00:00:00Z', alsoComplete: true };
  const once = await check(cloud, both);
  t.true(listed(once).complete);
  t.deepEqual(once.nodes?.outcome, { ok: true, states: { a: 'deploying' }, ambiguous: [] });
  t.is(cloud.to(nodes).length, 1);

  cloud.on(servers, { body: { servers: [a] } }, { body: { servers: [a, building('b')] } });
  const more = await check(cloud, both);
  t.deepEqual(more.nodes?.outcome, { ok: true, states: { a: 'deploying', b: null }, ambiguous: [] });
  t.is(cloud.to(nodes).length, 3);
  t.is(cloud.to(login).length, 4, 'the second request has the session of the first');

  cloud.on(servers, { body: { servers: [a] } }, { body: { servers: [novaServer('a')] } });
  t.truthy((await check(cloud, both)).nodes?.session, 'its session is kept');
  cloud.on(servers, { body: { servers: [a] } }, { body: { servers: [a, building('b')] } });
  cloud.on(nodes, { status: 500 });
  const before = cloud.to(nodes).length;
  t.false((await check(cloud, both)).nodes?.outcome.ok);
  t.is(cloud.to(nodes).length, before + 1, 'a service that fails is not asked again at once');
});

test('a node that cannot be read costs nothing but its own server', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a'), building('b')] } });
  const odd = [null, 7, [], {}, { instance_uuid: 5, provision_state: 'active' }, { instance_uuid: null }];
  const strange = { instance_uuid: 'c', provision_state: { name: 'active' } };
  const free = { instance_uuid: 'd', provision_state: null };
  cloud.on(nodes, { body: { nodes: [...odd, node('a', 'deploying'), strange, free] } });
  const { nodes: found } = await check(cloud, { baremetal: { ...baremetal, building: ['c', 'd'] } });
  t.deepEqual(found?.outcome, { ok: true, states: { a: 'deploying', b: null, d: '' }, ambiguous: [] });
});

test('a server that is built by now is no longer asked for', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [novaServer('a'), novaServer('b', { status: 'DELETED' })] } });
  const { nodes: found } = await check(cloud, { baremetal: { ...baremetal, building: ['a', 'b'] } });
  t.is(found, undefined);
  t.is(cloud.to(login).length, 1);
});

test('nothing is asked for servers of other flavors', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('c', owned('virtual-1'))] } });
  t.is((await check(cloud)).nodes, undefined);
  t.is(cloud.to(nodes).length, 0);
});

test('of a server with two nodes, neither is believed', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a')] } });
  cloud.on(nodes, { body: { nodes: [node('a', 'available'), node('a', 'deploying')] } });
  t.deepEqual((await check(cloud)).nodes?.outcome, { ok: true, states: {}, ambiguous: ['a'] });
});

test('a failure costs nothing but the nodes, and says where it came to', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a')] } });
  cloud.on(nodes, { status: 500 });
  const failed = await check(cloud);
  t.is(listed(failed).observations.length, 1);
  t.like(failed.nodes?.outcome, { ok: false, step: 'list', asked: ['a'], error: { code: 'server-error' } });
  t.truthy(failed.nodes?.session);
  await using none = await metalCloud({ catalog: false });
  none.on(servers, { body: { servers: [building('a')] } });
  const without = await check(none);
  t.is(listed(without).observations.length, 1);
  t.like(without.nodes?.outcome, { ok: false, step: 'session', error: { code: 'no-endpoint' } });
  t.is(without.nodes?.session, null);
});

for (const [name, reply, code] of [
  [
    'a page of HTML',
    { headers: { 'content-type': 'text/html' }, body: '<html>wait</html>' },
    'invalid-response',
  ],
  ['another microversion', { status: 406, body: { error_message: 'not supported' } }, 'unexpected-status'],
  ['no list', { body: { nodes: {} } }, 'invalid-response'],
  ['the wrong service', { body: { versions: [] } }, 'invalid-response'],
  [
    'a link without a query',
    { body: { nodes: [node('x', 'active')], next: '/v1/nodes' } },
    'invalid-response',
  ],
] as const) {
  test(`${name} costs nothing but the nodes`, async (t) => {
    await using cloud = await metalCloud();
    cloud.on(servers, { body: { servers: [building('a')] } });
    cloud.on(nodes, reply);
    const result = await check(cloud);
    t.is(listed(result).observations.length, 1);
    t.like(result.nodes?.outcome, { ok: false, step: 'list', error: { code } });
  });
}

test('a refused login of the region is not tried twice', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a')] } });
  cloud.on(login, (request) => cloud.token(request), { status: 401 });
  const { nodes: found } = await check(cloud);
  t.like(found?.outcome, { ok: false, step: 'session', error: { code: 'unauthorized' } });
  t.is(cloud.to(login).length, 2);
});

test('a service that hangs costs a part of the time, once a job, and nothing of the servers', async (t) => {
  await using cloud = await metalCloud();
  cloud.on(servers, { body: { servers: [building('a')] } });
  cloud.on(nodes, hang);
  const startedMs = monotonicMs();
  const projects = ['identity-1', 'identity-2'].map((identityId) => ({
    ...task,
    identityId,
    baremetal: { ...baremetal, building: ['a', 'b'] },
  }));
  const leftMs = 8_000;
  const result = await runJob(healthJob(cloud, { projects, deadlineMs: startedMs + leftMs, concurrency: 1 }));
  t.true(monotonicMs() - startedMs < leftMs);
  for (const project of result.projects) {
    t.is(listed(project).observations.length, 1);
    t.like(project.nodes?.outcome, {
      ok: false,
      step: 'list',
      asked: ['b', 'a'],
      error: { code: 'timeout' },
    });
  }
  t.is(cloud.to(nodes).length, 1, 'the second project does not wait for it again');
});

for (const [leftMs, waitMs] of [
  [100_000, 25_000],
  [20_000, 5_000],
  [12_000, 5_000],
  [10_000, 5_000],
  [8_000, 4_000],
  [0, 0],
  [-1_000, 0],
] as const)
  test(`of ${leftMs} ms, the bare-metal service has ${waitMs} ms`, (t) => {
    t.is(patienceMs(leftMs), waitMs);
  });
