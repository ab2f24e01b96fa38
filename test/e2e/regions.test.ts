// How the monitor treats its regions: whom it asks, how often, and what ends a pause. All tests share a monitor; each has a
// region of its own.

import test from 'ava';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { namespace, type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;

const always = { times: Number.POSITIVE_INFINITY };
const login = 'POST /v3/auth/tokens';
const list = 'GET /servers/detail';
const unchecked = 'failed to check server, skipping';
const up = 'unikorn_region_monitor_region_up';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared, '--hold-last-known=2s'));
});

test.after.always('nothing secret was shown', async () => shared.release());

async function addWatched(name: string) {
  const region = await sandbox.addRegion(name);
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: name });
  await monitor.untilStates(name, { running: 1 });
  return { region, project, providerId };
}

test('a password that is refused for good is tried less and less, and again at once when it is changed', async (t) => {
  const { region, project } = await addWatched('refused');
  const password = sandbox.newPassword();
  region.cloud.rotatePassword(project.credentials.userId, password);
  await monitor.untilLogged(unchecked, { server: 'refused' });
  const { projectId } = project.credentials;
  const logins = () => region.cloud.requests.count({ route: login, projectId });
  await monitor.untilRegionPolled('refused', 2);
  const before = logins();
  const polls = await monitor.regionPolls('refused');
  await monitor.untilRegionPolled('refused', 7);
  const polled = (await monitor.regionPolls('refused')) - polls;
  t.true(logins() - before <= 3, `${logins() - before} logins in ${polled} polls`);
  t.is(monitor.logged(unchecked, { server: 'refused' }).length, 1);
  sandbox.cluster.patch('openstackidentities', namespace, project.identityId, { spec: { password } });
  await monitor.untilLogged('server checked again', { server: 'refused' });
  await monitor.untilStates('refused', { running: 1 });
});

test('held counts of a project that fails for good expire, while the region’s others go on', async (t) => {
  const { region, project } = await addWatched('held');
  const forbidden = region.addProject();
  sandbox.addServer(forbidden, { id: 'held-2' });
  await monitor.untilStates('held', { running: 2 });
  const { projectId } = forbidden.credentials;
  region.cloud.faults.add({ kind: 'status', status: 403 }, { route: list, projectId, ...always });
  await monitor.untilLogged(unchecked, { server: 'held-2' });
  await monitor.untilStates('held', { running: 1 });
  t.is(await monitor.total(up, 'region_id="held"'), 1);
  t.true(region.cloud.requests.count({ route: list, projectId: project.credentials.projectId }) > 0);
});

test('projects that hang take their own share of a region: the others are seen, whatever the order', async (t) => {
  const region = await sandbox.addRegion('crowd');
  const projects = Array.from({ length: 24 }, (_, index) => {
    const project = region.addProject();
    const { credentials } = project;
    return { credentials, ...sandbox.addServer(project, { id: `crowd-${index}` }), hangs: index % 2 === 0 };
  });
  await monitor.untilStates('crowd', { running: 24 });
  for (const { hangs, credentials } of projects)
    if (hangs)
      region.cloud.faults.add({ kind: 'hang' }, { route: list, projectId: credentials.projectId, ...always });
  for (const { hangs, providerId } of projects) if (!hangs) region.cloud.stop(providerId);
  await Promise.all(
    projects.filter(({ hangs }) => !hangs).map(({ id }) => sandbox.untilPhase(id, 'Stopped')),
  );
  // Not one after another: all of them at each poll.
  await monitor.untilStates('crowd', { stopped: 12 });
  t.pass();
});

test('a Region whose status or label is written is not asked before its time', async (t) => {
  const { region } = await addWatched('paused');
  region.cloud.faults.add({ kind: 'status', status: 429, retryAfter: '300' }, { route: list, ...always });
  await monitor.untilLogged('failed to resolve region, skipping', { region: 'paused' });
  await monitor.untilPolled(1);
  const asked = region.cloud.requests.count({ route: list });
  for (const displayName of ['one', 'two', 'three']) {
    sandbox.cluster.patch('regions', namespace, 'paused', {
      metadata: { labels: { 'unikorn-cloud.org/name': displayName } },
    });
    await monitor.untilPolled(1);
  }
  t.is(region.cloud.requests.count({ route: list }), asked);
  // What may be the remedy ends the pause.
  region.cloud.faults.clear();
  region.putSecret({ 'region-name': 'RegionOne' });
  await monitor.untilStates('paused', { running: 1 });
});

test('a region whose Secret takes for ever to be read delays no other', async (t) => {
  await addWatched('slow-secret');
  const other = await addWatched('beside-it');
  const path = /\/secrets\/slow-secret-credentials/;
  const hung = sandbox.cluster.faults.add({ method: 'GET', path, ...always }, { kind: 'hang' });
  await eventually('the Secret is asked for', () => hung.hits > 0);
  const skipped = 'unikorn_region_monitor_polls_skipped_total';
  const before = await monitor.total(skipped, 'region_id="beside-it"');
  other.region.cloud.stop(other.providerId);
  await sandbox.untilPhase('beside-it', 'Stopped');
  await monitor.untilRegionPolled('beside-it', 3);
  t.is(await monitor.total(skipped, 'region_id="beside-it"'), before);
  t.is(await monitor.total(up, 'region_id="beside-it"'), 1);
  hung.remove();
  await monitor.untilRegionPolled('slow-secret');
});

test('a region without servers is asked, too: what does not answer is not up', async (t) => {
  const region = await sandbox.addRegion('empty');
  await eventually('it is up', async () => (await monitor.total(up, 'region_id="empty"')) === 1);
  await region.cloud.close();
  await eventually('it is down', async () => (await monitor.total(up, 'region_id="empty"')) === 0);
  await monitor.untilLogged('failed to resolve region, skipping', { region: 'empty' });
  t.pass();
});

test('a flavor that is made while the monitor runs has a name soon', async (t) => {
  t.timeout(150_000);
  const { region, project } = await addWatched('new-flavor');
  const flavor = region.cloud.addFlavor({ id: '44444444-4444-4444-8444-444444444444', name: 'brand-new' });
  sandbox.addServer(project, { id: 'with-new-flavor', flavorId: flavor.id });
  await sandbox.untilPhase('with-new-flavor', 'Running');
  // At most once a minute: the first list was when the region came.
  await eventually(
    'its name',
    async () =>
      (
        await monitor.series(
          'unikorn_region_server_state',
          'region_id="new-flavor"',
          'flavor_name="brand-new"',
        )
      ).length === 1,
    { timeoutMs: 120_000 },
  );
  t.true(region.cloud.requests.count({ route: 'GET /flavors/detail' }) <= 4);
});
