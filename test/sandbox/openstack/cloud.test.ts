// What only the sandbox's cloud can be made to do: change, go down, come back, live by a scripted clock.

import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import {
  type CloudIdentity,
  SandboxCloud,
  type SandboxCloudOptions,
} from '../../../src/sandbox/openstack/cloud.ts';
import type { Clock } from '../../../src/shared/clock.ts';
import { monotonicMs } from '../../../src/shared/clock.ts';
import { eventually } from '../../fixtures/eventually.ts';
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

const client = new BareClient();
test.after.always(async () => {
  await client.close();
});

/** Stands still until it is moved. */
class ScriptedClock implements Clock {
  #now = Date.parse('2026-11-22T10:00:00.400Z');
  #sleepers: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return monotonicMs();
  }

  async sleep(ms: number): Promise<void> {
    const at = this.#now + ms;
    await new Promise<void>((wake) => {
      this.#sleepers.push({ at, wake });
    });
  }

  async advance(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.at <= this.#now);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.at > this.#now);
    for (const sleeper of due) sleeper.wake();
    await sleep(1);
  }
}

class Session {
  readonly #compute: string;
  readonly #token: string;

  private constructor(login: Received) {
    this.#compute = computeUrlOf(login);
    this.#token = tokenOf(login);
  }

  static async open(cloud: SandboxCloud, identity: CloudIdentity): Promise<Session> {
    return new Session(await client.login(cloud.endpoint, identity, { project: { id: identity.projectId } }));
  }

  async send(path: string, sent: Sent = {}, version = '2.90'): Promise<Received> {
    const headers = { 'x-auth-token': this.#token, 'x-openstack-nova-api-version': version, ...sent.headers };
    return client.send(`${this.#compute}${path}`, { ...sent, headers });
  }

  async list(query = '', version = '2.90'): Promise<ServerRecord[]> {
    return serverList(await this.send(`/servers/detail${query}`, {}, version)).servers;
  }

  async pages(query = ''): Promise<ServerRecord[][]> {
    const headers = { 'x-auth-token': this.#token, 'x-openstack-nova-api-version': '2.90' };
    return client.pages(`${this.#compute}/servers/detail${query}`, headers);
  }
}

async function open(
  t: ExecutionContext,
  options: SandboxCloudOptions = {},
): Promise<{ cloud: SandboxCloud; identity: CloudIdentity; session: Session; projectId: string }> {
  const cloud = await SandboxCloud.start(options);
  t.teardown(() => cloud.close());
  const identity = cloud.addIdentity();
  return { cloud, identity, session: await Session.open(cloud, identity), projectId: identity.projectId };
}

test('a list of changes has the whole second of a change, and deleted servers without addresses', async (t) => {
  const clock = new ScriptedClock();
  const { cloud, session, projectId } = await open(t, { clock });
  const stopped = cloud.createServer(projectId, { name: 'stopped' });
  const deleted = cloud.createServer(projectId, { name: 'deleted' });
  cloud.createServer(projectId, { name: 'quiet' });
  await clock.advance(60_000);
  cloud.stop(stopped.id);
  await clock.advance(500);
  cloud.deleteServer(deleted.id);
  t.deepEqual(namesOf(await session.list()).toSorted(), ['quiet', 'stopped']);
  const changes = await session.list('?changes-since=2026-11-22T10:01:00Z');
  t.deepEqual(namesOf(changes).toSorted(), ['deleted', 'stopped']);
  const record = changes.find((server) => server['name'] === 'deleted');
  t.like(record, { status: 'DELETED', addresses: {}, 'OS-EXT-STS:vm_state': 'deleted' });
  t.deepEqual(await session.list('?changes-since=2026-11-22T10:01:01Z'), []);
  t.deepEqual(await session.list('?changes-since=2026-11-22T10:01:00.1Z'), []);
  t.is((await session.send(`/servers/${deleted.id}`)).status, 404);
  // It still is a place to continue from: all were made in one second, so the ids give the order.
  const later = (await session.list()).filter((server) => String(server['id']) > deleted.id);
  t.deepEqual(await session.list(`?marker=${deleted.id}`), later);
});

test('gradual tasks show their task state until the cloud is done with them', async (t) => {
  const clock = new ScriptedClock();
  const { cloud, session, projectId } = await open(t, { clock, taskMs: 5000 });
  const { id } = cloud.build(projectId, { name: 'web', gradual: true });
  const states = async (): Promise<unknown[]> => {
    const [server] = await session.list();
    return [
      server?.['status'],
      server?.['OS-EXT-STS:task_state'],
      server?.['OS-EXT-STS:power_state'],
      server?.['OS-SRV-USG:launched_at'],
    ];
  };
  t.deepEqual(await states(), ['BUILD', 'spawning', 0, null]);
  await clock.advance(5000);
  const launched = '2026-11-22T10:00:05.000000';
  t.deepEqual(await states(), ['ACTIVE', null, 1, launched]);
  cloud.stop(id, { gradual: true });
  t.deepEqual(await states(), ['ACTIVE', 'powering-off', 1, launched]);
  // A change of something else does not end the task.
  cloud.rename(id, 'shop');
  await clock.advance(5000);
  t.deepEqual(await states(), ['SHUTOFF', null, 4, launched]);
  cloud.start(id, { gradual: true });
  t.deepEqual(await states(), ['SHUTOFF', 'powering-on', 4, launched]);
  // A failure does.
  cloud.fail(id, 'no power');
  await clock.advance(5000);
  t.deepEqual((await states())[0], 'ERROR');
  const { body } = await session.send(`/servers/${id}`);
  t.like(body, {
    server: { name: 'shop', fault: { code: 500, message: 'no power', created: '2026-11-22T10:00:10Z' } },
  });
});

test('actions over HTTP: refused in the wrong state, reset by an administrator only', async (t) => {
  const { cloud, session, projectId } = await open(t, { taskMs: 0 });
  const { id } = cloud.createServer(projectId);
  const act = async (as: Session, body: unknown): Promise<Received> =>
    as.send(`/servers/${id}/action`, { method: 'POST', body });
  const refused = await act(session, { 'os-start': null });
  t.is(refused.status, 409);
  t.deepEqual(refused.body, {
    conflictingRequest: {
      code: 409,
      message: `Cannot 'start' instance ${id} while it is in vm_state active`,
    },
  });
  t.is((await act(session, { 'os-stop': null })).status, 202);
  await eventually('the server stops', () => cloud.server(id)?.status === 'SHUTOFF');
  t.is((await act(session, { 'os-start': null })).status, 202);
  await eventually('the server starts', () => cloud.server(id)?.status === 'ACTIVE');
  t.is((await act(session, { 'os-resetState': { state: 'error' } })).status, 403);
  t.is((await act(session, { nonsense: null })).status, 400);
  t.is((await act(session, '{')).status, 400);
  const admin = await Session.open(cloud, cloud.serviceAccount());
  t.is((await act(admin, { 'os-resetState': { state: 'error' } })).status, 202);
  t.like(cloud.server(id), { status: 'ERROR', powerState: 1, fault: null });
  t.is((await session.send(`/servers/${id}`, { method: 'DELETE' })).status, 204);
  await eventually('the server goes', () => cloud.servers(projectId).length === 0);
});

test('a down cell: partial records in an unfiltered list only, before the others', async (t) => {
  const { cloud, session, projectId } = await open(t);
  const [lost] = ['lost', 'found', 'kept'].map((name) => cloud.createServer(projectId, { name }));
  t.truthy(lost);
  if (lost === undefined) return;
  cloud.setCellDown({ serverIds: [lost.id] }, true);
  const [partial, ...rest] = await session.list();
  t.deepEqual(Object.keys(partial ?? {}).toSorted(), [
    'created',
    'id',
    'links',
    'security_groups',
    'status',
    'tenant_id',
  ]);
  t.like(partial, { id: lost.id, status: 'UNKNOWN', tenant_id: projectId });
  t.deepEqual(namesOf(rest).toSorted(), ['found', 'kept']);
  for (const query of [
    '?limit=1000',
    '?changes-since=2020-01-01',
    '?name=.',
    '?sort_key=uuid',
    '?status=ACTIVE',
  ])
    t.deepEqual(namesOf(await session.list(query)).toSorted(), ['found', 'kept'], query);
  t.is((await session.list('', '2.68')).length, 2);
  t.like((await session.send(`/servers/${lost.id}`)).body, { server: { status: 'UNKNOWN', id: lost.id } });
  t.is((await session.send(`/servers/${lost.id}`, {}, '2.1')).status, 500);
  cloud.setCellDown({ projectId }, true);
  t.is((await session.list()).filter((server) => server['status'] === 'UNKNOWN').length, 3);
  cloud.setCellDown({ projectId }, false);
  t.deepEqual(namesOf(await session.list()).toSorted(), ['found', 'kept', 'lost']);
});

test('partial records fill what the page has left', async (t) => {
  const { cloud, session, projectId } = await open(t, { maxLimit: 5 });
  const servers = Array.from({ length: 7 }, () => cloud.createServer(projectId));
  cloud.setCellDown({ serverIds: servers.slice(0, 3).map((server) => server.id) }, true);
  const pages = await session.pages();
  t.deepEqual(
    pages.map((page) => page.filter((server) => server['status'] === 'UNKNOWN').length),
    [1, 0],
  );
  t.deepEqual(
    pages.map((page) => page.length),
    [5, 0],
  );
});

test('a full page carries a next link, even before an empty page', async (t) => {
  const { cloud, session, projectId } = await open(t, { maxLimit: 10 });
  for (let index = 0; index < 20; index++) cloud.createServer(projectId);
  const pages = await session.pages();
  t.deepEqual(
    pages.map((page) => page.length),
    [10, 10, 0],
  );
  t.is(new Set(pages.flat().map((server) => server['id'])).size, 20);
});

test('what changed is listed as changed, what did not is not written anew', async (t) => {
  const { cloud, session, projectId } = await open(t);
  const { id } = cloud.createServer(projectId, { name: 'before' });
  cloud.createServer(projectId, { name: 'other' });
  t.true(namesOf(await session.list()).includes('before'));
  cloud.rename(id, 'after');
  t.deepEqual(namesOf(await session.list()).toSorted(), ['after', 'other']);
  // Each version its own shape, in whatever order they are asked for.
  for (const version of ['2.1', '2.90', '2.1']) {
    const [server] = await session.list('', version);
    t.is('locked' in (server ?? {}), version === '2.90', version);
  }
});

test("tokens: expire by the cloud's clock, end with a revocation or a new password", async (t) => {
  const clock = new ScriptedClock();
  const { cloud, identity, session, projectId } = await open(t, { clock, tokenLifetimeMs: 60_000 });
  const status = async (as: Session): Promise<number> => (await as.send('/servers/detail')).status;
  t.is(await status(session), 200);
  const login = await client.login(cloud.endpoint, identity, { project: { id: projectId } });
  t.like(login.body, {
    token: { issued_at: '2026-11-22T10:00:00.000000Z', expires_at: '2026-11-22T10:01:00.000000Z' },
  });
  await clock.advance(60_000);
  t.is(await status(session), 401);

  const second = await Session.open(cloud, identity);
  cloud.revokeTokens(projectId, { wavering: true });
  t.deepEqual([await status(second), await status(second), await status(second)], [200, 401, 200]);
  cloud.revokeTokens(projectId);
  t.is(await status(second), 401);

  const third = await Session.open(cloud, identity);
  cloud.rotatePassword(identity.userId, 'another');
  t.is(await status(third), 401);
  t.is((await client.login(cloud.endpoint, identity, { project: { id: projectId } })).status, 401);
  t.is(await status(await Session.open(cloud, { ...identity, password: 'another' })), 200);
});

test("answers carry the cloud's own time", async (t) => {
  const { cloud, session } = await open(t, { clock: new ScriptedClock() });
  for (const received of [await client.send(cloud.endpoint), await session.send('/servers/detail')])
    t.is(received.headers['date'], 'Sun, 22 Nov 2026 10:00:00 GMT');
});

test('an older cloud refuses what it does not know', async (t) => {
  const { session } = await open(t, { microversionMax: '2.60' });
  t.is((await session.send('/servers/detail')).status, 406);
  t.is((await session.send('/servers/detail', {}, '2.60')).status, 200);
  t.like((await session.send('/', {}, 'latest')).body, { version: { version: '2.60' } });
  await t.throwsAsync(SandboxCloud.start({ microversionMax: 'new' }), { message: /microversion/ });
});

test('a catalogue of another region, with the project in the URL', async (t) => {
  const { cloud, identity, session, projectId } = await open(t, {
    catalogRegion: 'north',
    projectInComputeUrl: true,
    maxLimit: 1,
  });
  const login = await client.login(cloud.endpoint, identity, { project: { id: projectId } });
  t.true(login.text.includes('"region_id": "north"'));
  t.true(computeUrlOf(login).endsWith(`/v2.1/${projectId}`));
  cloud.createServer(projectId);
  t.is((await session.pages()).length, 2);
});

test('an administrator lists all projects', async (t) => {
  const { cloud, projectId } = await open(t);
  const other = cloud.addIdentity();
  cloud.createServer(projectId, { name: 'one', createdMs: Date.now() - 60_000 });
  cloud.createServer(other.projectId, { name: 'two' });
  const admin = await Session.open(cloud, cloud.serviceAccount());
  t.deepEqual(await admin.list(), []);
  t.deepEqual(namesOf(await admin.list('?all_tenants=1')), ['two', 'one']);
  t.deepEqual(namesOf(await admin.list(`?all_tenants=1&project_id=${projectId}`)), ['one']);
});

test('private flavors are for administrators', async (t) => {
  const { cloud, session } = await open(t);
  cloud.addFlavor({ id: 'p', name: 'private', public: false });
  const count = async (as: Session, query: string): Promise<number> => {
    const { text } = await as.send(`/flavors/detail${query}`);
    return text.match(/"rxtx_factor"/g)?.length ?? 0;
  };
  const admin = await Session.open(cloud, cloud.serviceAccount());
  t.deepEqual([await count(session, ''), await count(session, '?is_public=None')], [2, 2]);
  t.deepEqual(
    [await count(admin, ''), await count(admin, '?is_public=None'), await count(admin, '?is_public=false')],
    [2, 3, 1],
  );
});

test('a paused cloud refuses connections and comes back on the same port', async (t) => {
  const { cloud, session } = await open(t);
  await session.list();
  t.true(cloud.connections() > 0);
  await cloud.pause();
  t.is(cloud.connections(), 0);
  // A connection of its own: one that was open ends in another way.
  const stranger = new BareClient();
  t.teardown(() => stranger.close());
  await t.throwsAsync(stranger.send(cloud.endpoint), { code: 'ECONNREFUSED' });
  await cloud.resume();
  t.deepEqual(await session.list(), []);
});

test('the request log counts by route, status and project, and keeps what was asked', async (t) => {
  const { cloud, identity, session, projectId } = await open(t);
  await session.list('?changes-since=2026-01-01T00:00:00Z');
  await session.send('/servers/nothing');
  await client.login(cloud.endpoint, { ...identity, password: 'wrong' }, { project: { id: projectId } });
  t.is(cloud.requests.logins, 1);
  t.is(cloud.requests.count({ route: 'POST /v3/auth/tokens' }), 2);
  t.is(cloud.requests.count({ projectId }), 4);
  t.deepEqual(cloud.requests.counts(), [
    { route: 'POST /v3/auth/tokens', status: 201, count: 1 },
    { route: 'GET /servers/detail', status: 200, count: 1 },
    { route: 'GET /servers/{id}', status: 404, count: 1 },
    { route: 'POST /v3/auth/tokens', status: 401, count: 1 },
  ]);
  t.like(cloud.requests.latest({ route: 'GET /servers/detail' })[0], {
    query: 'changes-since=2026-01-01T00%3A00%3A00Z',
    microversion: '2.90',
    projectId,
    status: 200,
  });
  cloud.requests.clear();
  t.deepEqual([cloud.requests.logins, cloud.requests.count(), cloud.requests.latest().length], [0, 0, 0]);
});

test('the records of deleted servers do not pile up for ever', async (t) => {
  const clock = new ScriptedClock();
  const { cloud, session, projectId } = await open(t, { clock });
  for (let index = 0; index < 6000; index++) cloud.deleteServer(cloud.createServer(projectId).id);
  cloud.createServer(projectId, { name: 'alive' });
  const changes = (await session.pages('?changes-since=2020-01-01')).flat();
  t.true(changes.length <= 5001 && changes.length >= 2500, String(changes.length));
  t.true(namesOf(changes).includes('alive'));
  t.is(cloud.size, 1);
});
