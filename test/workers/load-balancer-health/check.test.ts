// The worker half against the simulated cloud: whose load balancers are listed, page by page, and what goes wrong.

import test, { type ExecutionContext } from 'ava';
import { SandboxCloud, type SandboxCloudOptions } from '../../../src/sandbox/openstack/cloud.ts';
import { monotonicMs } from '../../../src/shared/clock.ts';
import { lacksService } from '../../../src/shared/load-balancer-health.ts';
import { LoadBalancerHealthCheck } from '../../../src/workers/load-balancer-health/check.ts';
import { Connections } from '../../../src/workers/openstack/connections.ts';
import {
  failure,
  listed,
  listProject,
  listProjects,
  loadBalancerJob,
  loadBalancerTask,
} from '../../fixtures/clouds/load-balancer-job.ts';
import { eventually } from '../../fixtures/eventually.ts';

const listRoute = 'GET /lbaas/loadbalancers' as const;
const statusRoute = 'GET /lbaas/loadbalancers/{id}/status' as const;

async function start(t: ExecutionContext, options: SandboxCloudOptions = {}) {
  const cloud = await SandboxCloud.start(options);
  t.teardown(async () => cloud.close());
  const identity = cloud.addIdentity();
  const asked = (route: typeof listRoute | typeof statusRoute) =>
    cloud.requests.latest().filter((request) => request.route === route).length;
  return { cloud, identity, task: loadBalancerTask(identity), asked };
}

test('a list says each name and both statuses, with one login and one request', async (t) => {
  const { cloud, identity, task } = await start(t);
  const { id } = cloud.loadBalancers.add(identity.projectId, {
    name: 'lb-a',
    provisioningStatus: 'PENDING_UPDATE',
    operatingStatus: 'NO_MONITOR',
  });
  const result = await listProject(cloud.endpoint, task);
  t.deepEqual(listed(result).observations, [
    { providerId: id, name: 'lb-a', provisioningStatus: 'PENDING_UPDATE', operatingStatus: 'NO_MONITOR' },
  ]);
  t.deepEqual(
    cloud.requests
      .counts()
      .map(({ route, count }) => `${route} ${count}`)
      .toSorted(),
    ['GET /lbaas/loadbalancers 1', 'POST /v3/auth/tokens 1'],
  );
});

test('an unchanged list is known by its bytes, also when its load balancers report again', async (t) => {
  const { cloud, identity, task } = await start(t);
  const { id } = cloud.loadBalancers.add(identity.projectId, { name: 'lb-a' });
  const first = await listProject(cloud.endpoint, task);
  const { digest } = listed(first);
  const again = { ...task, ...(first.session === null ? {} : { session: first.session }) };
  const known = { ...again, ...(digest === null ? {} : { knownDigest: digest }) };
  cloud.loadBalancers.update(id, { operatingStatus: 'ONLINE' });
  const second = await listProject(cloud.endpoint, known);
  t.like(listed(second), { unchanged: true, digest, observations: [] });
  cloud.loadBalancers.update(id, { operatingStatus: 'OFFLINE' });
  const third = listed(await listProject(cloud.endpoint, known));
  t.is(third.unchanged, false);
  t.is(third.observations[0]?.operatingStatus, 'OFFLINE');
  t.is(cloud.requests.logins, 1);
});

test('pages are asked for by our own query: an administrator gets no other project', async (t) => {
  const { cloud, asked } = await start(t, { maxLimit: 3 });
  const admin = cloud.serviceAccount();
  const other = cloud.addIdentity();
  for (let index = 0; index < 7; index++) {
    cloud.loadBalancers.add(admin.projectId, { name: `lb-${index}` });
    cloud.loadBalancers.add(other.projectId, { name: `lb-other-${index}` });
  }
  const list = listed(await listProject(cloud.endpoint, loadBalancerTask(admin)));
  t.deepEqual(
    list.observations.map(({ name }) => name),
    Array.from({ length: 7 }, (_, index) => `lb-${index}`),
  );
  t.is(list.digest, null);
  t.is(asked(listRoute), 3);
});

test('a last page that is full is followed by an empty one', async (t) => {
  const { cloud, identity, task, asked } = await start(t, { maxLimit: 2 });
  for (let index = 0; index < 4; index++)
    cloud.loadBalancers.add(identity.projectId, { name: `lb-${index}` });
  t.is(listed(await listProject(cloud.endpoint, task)).observations.length, 4);
  t.is(asked(listRoute), 3);
});

test('how many members of a degraded one fail is asked for, of a few, and only when the list has changed', async (t) => {
  const { cloud, identity, task, asked } = await start(t);
  const members = ['ERROR', 'ONLINE', 'ERROR', 'OFFLINE'];
  for (let index = 0; index < 15; index++)
    cloud.loadBalancers.add(identity.projectId, {
      name: `lb-${index}`,
      operatingStatus: 'DEGRADED',
      members,
    });
  cloud.loadBalancers.add(identity.projectId, { name: 'lb-well', members });
  const list = listed(await listProject(cloud.endpoint, task));
  t.deepEqual(list.observations[0]?.members, { failing: 2, all: 4 });
  t.is(list.observations.filter((each) => each.members !== undefined).length, 10);
  t.is(asked(statusRoute), 10);
  await listProject(cloud.endpoint, { ...task, knownDigest: list.digest ?? '' });
  t.is(asked(statusRoute), 10);
});

test('a number of members that cannot be read is left out', async (t) => {
  const { cloud, identity, task } = await start(t);
  cloud.loadBalancers.add(identity.projectId, { name: 'lb-a', operatingStatus: 'DEGRADED' });
  cloud.faults.add({ kind: 'status', status: 403 }, { route: statusRoute });
  const [observation] = listed(await listProject(cloud.endpoint, task)).observations;
  t.is(observation?.operatingStatus, 'DEGRADED');
  t.is(observation?.members, undefined);
});

test('a project whose user may not read fails alone, with what Octavia says', async (t) => {
  const { cloud, identity, task } = await start(t);
  cloud.loadBalancers.add(identity.projectId, { name: 'lb-a' });
  const barred = loadBalancerTask(cloud.addIdentity({ roles: ['member', 'reader'] }));
  const { projects } = await listProjects(cloud.endpoint, [barred, task]);
  const [refused, allowed] = projects;
  if (refused === undefined || allowed === undefined) throw new Error('two projects were asked for');
  t.is(failure(refused).code, 'forbidden');
  t.regex(failure(refused).message, /answered 403 \(Policy does not allow this request to be performed\.\)$/);
  t.is(listed(allowed).observations.length, 1);
});

test('a region without such a service says so, and the login is kept for the others', async (t) => {
  const { cloud, task } = await start(t, { loadBalancers: false });
  const result = await listProject(cloud.endpoint, task);
  t.deepEqual(failure(result), {
    code: 'no-endpoint',
    message: "the token's catalog has no public endpoint of type load-balancer",
  });
  t.not(result.session, null);
  t.true(!result.outcome.ok && lacksService(result.outcome.error));
});

test('a page of HTML is an invalid answer, and 404 no such service', async (t) => {
  const { cloud, task } = await start(t);
  cloud.faults.add({ kind: 'html' }, { route: listRoute, times: 1 });
  t.is(failure(await listProject(cloud.endpoint, task)).code, 'invalid-response');
  cloud.faults.add({ kind: 'status', status: 404 }, { route: listRoute, times: 1 });
  const { outcome } = await listProject(cloud.endpoint, task);
  t.true(!outcome.ok && lacksService(outcome.error));
});

test('a token that is refused is renewed once', async (t) => {
  const { cloud, identity, task } = await start(t);
  cloud.loadBalancers.add(identity.projectId, { name: 'lb-a' });
  const { session } = await listProject(cloud.endpoint, task);
  cloud.revokeTokens();
  const again = await listProject(cloud.endpoint, { ...task, ...(session === null ? {} : { session }) });
  t.is(listed(again).observations.length, 1);
  t.is(cloud.requests.logins, 2);
});

test('a project whose turn does not come says so, and keeps its login', async (t) => {
  const { cloud, task } = await start(t);
  // Both have a session: those that must log in wait among themselves.
  const { session: own } = await listProject(cloud.endpoint, task);
  const first = { ...task, ...(own === null ? {} : { session: own }) };
  cloud.faults.add({ kind: 'hang' }, { route: listRoute });
  const session = { token: 'kept', renewAtMs: Number.POSITIVE_INFINITY, endpoints: {}, compute: null };
  const late = loadBalancerTask(cloud.addIdentity(), { session });
  const limits = { deadlineMs: monotonicMs() + 2_000, concurrency: 1 };
  const { projects } = await listProjects(cloud.endpoint, [first, late], limits);
  t.like(projects[0]?.outcome, { ok: false, unasked: undefined });
  t.like(projects[1], { outcome: { ok: false, unasked: true, error: { code: 'timeout' } }, session });
  t.regex(JSON.stringify(projects[1]?.outcome), /before it could ask this project/);
});

test('a job that comes too late asks for nothing, and has no login to keep', async (t) => {
  const { cloud, task } = await start(t);
  const { projects, requests } = await listProjects(cloud.endpoint, [task], {
    deadlineMs: monotonicMs() - 1,
  });
  t.like(projects, [{ outcome: { ok: false, unasked: true }, session: null }]);
  t.deepEqual(requests, []);
});

test('a region without OpenStack has no load balancers to ask for', async (t) => {
  const { cloud, task } = await start(t);
  const target = { provider: 'simulated' } as const;
  const { projects, requests } = await listProjects(cloud.endpoint, [task], { target });
  t.like(projects, [{ identityId: task.identityId, outcome: { ok: false, error: { code: 'unsupported' } } }]);
  t.is(projects[0]?.session, null);
  t.deepEqual(requests, []);
});

test('a job gives its connections back, and a check that is closed has none', async (t) => {
  const { cloud, task } = await start(t);
  const run = async (idleMs: number) => {
    const connections = new Connections({ idleMs });
    const check = new LoadBalancerHealthCheck({ connections });
    const { projects } = await check.run(
      loadBalancerJob(cloud.endpoint, [task]),
      new AbortController().signal,
    );
    t.true(projects[0]?.outcome.ok);
    return { connections, check };
  };
  const idle = await run(1);
  t.teardown(async () => idle.check.close());
  await eventually('no pool is open', () => idle.connections.size === 0);
  const { check, connections } = await run(60_000);
  t.is(connections.size, 1);
  await check.close();
  t.is(connections.size, 0);
});
