// The load-balancer-health check, end to end: from Octavia to the Healthy condition, the log, the gauge and the problems.

import test from 'ava';
import { asFields } from '../../src/main/kubernetes/objects/object-fields.ts';
import type { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { findCondition } from '../../src/shared/conditions.ts';
import { askedFor, namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import {
  bothChecks as both,
  listRoute,
  shownOnline as online,
  setUpLoadBalancers as setUp,
} from '../fixtures/monitor/load-balancers.ts';
import { calmPeriodMs, pace } from '../fixtures/monitor/monitor.ts';

const line = 'load balancer state transition';
const gauge = 'unikorn_region_load_balancer_state';

test.serial(
  'every status is shown by the first poll; a change by the next, in one line; an unchanged pass writes nothing',
  async (t) => {
    const { sandbox, region, project, loadBalancers, untilHealth, start, lists, patches } = await setUp(t);
    sandbox.addServer(project, { id: 'web' });
    const { providerId } = project.addLoadBalancer({ id: 'front', name: 'shop' });
    project.addLoadBalancer({ id: 'broken', name: 'broken', cloud: { provisioningStatus: 'ERROR' } });
    const bad = ['ERROR', 'ONLINE', 'ONLINE'];
    project.addLoadBalancer({
      id: 'worn',
      name: 'worn',
      cloud: { operatingStatus: 'DEGRADED', members: bad },
    });
    const monitor = await start(both);
    await untilHealth('front', online);
    await untilHealth('broken', 'False/Errored: load balancer is in an error state');
    await untilHealth('worn', 'False/Degraded: load balancer is degraded: 1 of 3 members fails');
    const first = await monitor.untilLogged(line, { load_balancer_id: 'front' });
    const { duration_ms: _, ...fields } = first.fields;
    t.deepEqual(fields, {
      load_balancer_id: 'front',
      org_id: 'acme',
      region_id: 'east',
      from_state: '',
      to_state: 'Healthy',
      load_balancer_name: 'shop',
      message: 'load balancer is online',
    });
    const written = patches();
    t.is(written, 3);
    const before = lists();
    await eventually('two more lists', () => lists() >= before + 2);
    t.is(patches(), written);
    loadBalancers.update(providerId, { operatingStatus: 'OFFLINE' });
    await untilHealth('front', 'False/Degraded: load balancer is offline');
    loadBalancers.update(providerId, { operatingStatus: 'ONLINE' });
    await untilHealth('front', online);
    const states = () =>
      monitor.logged(line, { load_balancer_id: 'front' }).map(({ fields: { to_state: to } }) => to);
    await eventually('its lines', () => states().length >= 3);
    t.deepEqual(states(), ['Healthy', 'Degraded', 'Healthy']);
    await eventually('the gauge', async () => (await monitor.total(gauge, 'state="healthy"')) === 1);
    t.is(await monitor.total(gauge, 'state="errored"'), 1);
    t.is(await monitor.total(gauge, 'state="degraded"'), 1);
    // The region's service account, and the project: as for servers alone.
    t.is(region.cloud.requests.logins, 2);
  },
);

test('what others write stays: Available, and what they write at the same time', async (t) => {
  const { sandbox, project, loadBalancers, record, untilHealth, start } = await setUp(t);
  const available = {
    type: 'Available',
    status: 'True',
    reason: 'Provisioned',
    message: 'provisioned',
    lastTransitionTime: '2026-11-22T07:01:00Z',
  };
  const { providerId } = project.addLoadBalancer({
    id: 'front',
    name: 'shop',
    status: { conditions: [available], vipAddress: '10.0.0.9' },
  });
  const monitor = await start('--checkers=load-balancer-health');
  await untilHealth('front', online);
  sandbox.cluster.faults.conflict({ path: /\/loadbalancers\/front\/status/ });
  loadBalancers.update(providerId, { operatingStatus: 'ERROR' });
  await untilHealth('front', 'False/Errored: load balancer does not work: all its members fail');
  t.deepEqual(findCondition(record('front').conditions, 'Available'), available);
  const status = asFields(sandbox.cluster.get('loadbalancers', namespace, 'front')?.status ?? {}, 'status');
  t.is(status['vipAddress'], '10.0.0.9');
  await monitor.untilLogged(line, { to_state: 'Errored' });
  t.is(monitor.logged(line).length, 2);
  await monitor.untilReady();
});

test('one that is missing, two of one name and one without identity are said once, and nothing is written', async (t) => {
  const { project, loadBalancers, health, untilHealth, start, lists } = await setUp(t);
  project.addLoadBalancer({ id: 'lost', name: 'lost', cloud: null });
  project.addLoadBalancer({ id: 'twin', name: 'twin' });
  const second = loadBalancers.add(project.credentials.projectId, { name: 'lb-twin' });
  project.addLoadBalancer({ id: 'well', name: 'well' });
  const monitor = await start(both);
  await untilHealth('well', online);
  const before = lists();
  await eventually('two more lists', () => lists() >= before + 2);
  t.is(monitor.logged('load balancer not found in provider, skipping', { load_balancer: 'lost' }).length, 1);
  const twins = monitor.logged('failed to check load balancer, skipping', { load_balancer: 'twin' });
  t.deepEqual(
    twins.map(({ error }) => error),
    ['consistency error: 2 load balancers of the project are named lb-twin'],
  );
  t.is(health('lost') + health('twin'), '');
  loadBalancers.delete(second.id);
  loadBalancers.add(project.credentials.projectId, { name: 'lb-lost' });
  await untilHealth('twin', online);
  await untilHealth('lost', online);
  await monitor.untilLogged('load balancer checked again');
  await monitor.untilLogged('load balancer found in provider again');
});

test.serial('a region without such a service is said once, without an error', async (t) => {
  const { region, sandbox, project, health, start } = await setUp(t, { loadBalancers: false });
  sandbox.addServer(project, { id: 'web' });
  project.addLoadBalancer({ id: 'front', name: 'shop' });
  const monitor = await start(both);
  const said = await monitor.untilLogged('region has no load-balancer service, skipping its load balancers');
  t.is(said.level, 'info');
  await monitor.untilPolled(2);
  t.is(monitor.logged('region has no load-balancer service, skipping its load balancers').length, 1);
  t.is(health('front'), '');
  // Two, of the region and of the project; on a slow machine the check for load balancers does not wait for the other's.
  const { logins } = region.cloud.requests;
  t.true(logins === 2 || logins === 3);
  await monitor.untilPolled(2);
  t.is(region.cloud.requests.logins, logins);
});

test('without the check, LoadBalancers are neither read nor asked for', async (t) => {
  const { sandbox, project, start, lists } = await setUp(t);
  sandbox.addServer(project, { id: 'web' });
  project.addLoadBalancer({ id: 'front', name: 'shop' });
  const monitor = await start();
  await sandbox.untilPhase('web', 'Running');
  await monitor.untilPolled(2);
  t.is(lists(), 0);
  t.is(sandbox.cluster.requests.count({ path: /loadbalancers/ }), 0);
});

test('a Region with another address: its load balancers are asked for there, with a login that was made there', async (t) => {
  const { sandbox, region, project, loadBalancers, untilHealth, start } = await setUp(t);
  const { providerId } = project.addLoadBalancer({ id: 'front', name: 'shop' });
  await start(both);
  await untilHealth('front', online);
  const logins = () => region.cloud.requests.logins;
  const before = logins();
  const endpoint = region.cloud.endpoint.replace('127.0.0.1', 'localhost');
  sandbox.cluster.patch('regions', namespace, 'east', { spec: { openstack: { endpoint } } });
  await eventually('new logins, of the region and of the project', () => logins() === before + 2);
  loadBalancers.update(providerId, { operatingStatus: 'OFFLINE' });
  await untilHealth('front', 'False/Degraded: load balancer is offline');
  t.is(logins(), before + 2);
});

test('replicas that share the regions share their load balancers', async (t) => {
  const { sandbox, project, loadBalancers, untilHealth } = await setUp(t);
  const west = (await sandbox.addRegion('west')).addProject();
  const { providerId } = project.addLoadBalancer({ id: 'front', name: 'shop' });
  west.addLoadBalancer({ id: 'back', name: 'store' });
  const replica = async (name: string) =>
    sandbox.startMonitor(
      ...pace(calmPeriodMs(1_500)),
      '--checkers=load-balancer-health',
      '--shards=2',
      `--replica-name=${name}`,
      '--lease-duration=30s',
    );
  const [one, two] = [await replica('one'), await replica('two')];
  await untilHealth('front', online);
  await untilHealth('back', online);
  const cached = async (monitor: typeof one) =>
    monitor.total('unikorn_region_monitor_cache_objects', 'resource="loadbalancers"');
  await eventually('each has its own', async () => (await cached(one)) === 1 && (await cached(two)) === 1);
  await eventually('each counts its own', async () =>
    (await Promise.all([one, two].map(async (monitor) => monitor.total(gauge)))).every((sum) => sum === 1),
  );
  loadBalancers.update(providerId, { operatingStatus: 'OFFLINE' });
  await untilHealth('front', 'False/Degraded: load balancer is offline');
  const lines = () =>
    [one, two].flatMap((monitor) =>
      monitor.logged(line, { load_balancer_id: 'front', to_state: 'Degraded' }),
    );
  await eventually('its line', () => lines().length > 0);
  t.is(lines().length, 1);
});

test.serial('with both checks, each project costs one more request a poll, and no login', async (t) => {
  t.timeout(180_000);
  const sandbox = await startSandbox(t);
  const regions: SandboxRegion[] = [];
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) {
    const region = await sandbox.addRegion(id);
    const projects = [region.addProject(), region.addProject()];
    for (const [index, project] of projects.entries()) {
      sandbox.addServer(project, { id: `web-${id}-${index}` });
      project.addLoadBalancer({ id: `lb-${id}-${index}`, name: 'front' });
    }
    regions.push(region);
  }
  const monitor = await sandbox.startMonitor(...pace(calmPeriodMs(3_000)), both);
  await eventually('three lists of each project', () =>
    regions.every((region) => askedFor(region, listRoute) >= 6),
  );
  await monitor.stop();
  for (const region of regions) {
    // Of two projects. A poll that was stopped may have asked for one of the two only.
    const [polls, lists] = [askedFor(region, 'GET /servers/detail') / 2, askedFor(region, listRoute) / 2];
    t.true(Math.abs(lists - polls) <= 1, `${lists} lists in ${polls} polls`);
    // The region's service account and its two projects, as for servers alone.
    t.is(region.cloud.requests.logins, 3);
  }
});
