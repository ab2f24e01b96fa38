// Lists of changes between complete lists: what they cost, and what is seen through them. One monitor that makes one
// complete list of each project, and lists of changes from then on.

import test from 'ava';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;

const list = 'GET /servers/detail';
const missing = 'server not found in provider, skipping';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared, '--reconcile-every=1000000'));
});

test.after.always('nothing secret was shown', async () => shared.release());

test('nothing changed: one small request a project and poll, no login, no write', async (t) => {
  const region = await sandbox.addRegion('quiet');
  const projects = [region.addProject(), region.addProject()];
  projects.forEach((project, index) => {
    sandbox.addServer(project, { id: `quiet-${index}-a`, cloud: { createdMs: Date.now() - 3_600_000 } });
    sandbox.addServer(project, { id: `quiet-${index}-b`, cloud: { status: 'SHUTOFF' } });
  });
  await monitor.untilStates('quiet', { running: 2, stopped: 2 });
  await monitor.untilRegionPolled('quiet');
  const { requests } = region.cloud;
  requests.clear();
  const writes = sandbox.cluster.requests.count({ method: 'PATCH', path: /quiet-/ });
  const before = await monitor.regionPolls('quiet');
  await monitor.untilRegionPolled('quiet', 3);
  const asked = requests.latest();
  t.true(asked.every(({ route }) => route === list));
  t.true(asked.every(({ query }) => query.startsWith('changes-since=2')));
  const polls = (await monitor.regionPolls('quiet')) - before;
  // One poll may have been under way at each end.
  t.true(asked.length >= 2 * (polls - 1) && asked.length <= 2 * (polls + 2), `${asked.length} in ${polls}`);
  t.is(requests.logins, 0);
  t.is(sandbox.cluster.requests.count({ method: 'PATCH', path: /quiet-/ }), writes);
  t.deepEqual(await monitor.states('quiet'), { running: 2, stopped: 2 });
});

test('a change, a deletion and a creation are seen, the rest is still known', async (t) => {
  const region = await sandbox.addRegion('lively');
  const project = region.addProject();
  const { projectId } = project.credentials;
  const changing = sandbox.addServer(project, { id: 'changing' });
  const leaving = sandbox.addServer(project, { id: 'leaving' });
  sandbox.addServer(project, { id: 'coming', cloud: null });
  for (const id of ['still-1', 'still-2']) sandbox.addServer(project, { id });
  await monitor.untilStates('lively', { running: 4 });
  await monitor.untilLogged(missing, { server: 'coming' });

  region.cloud.stop(changing.providerId);
  await sandbox.untilPhase('changing', 'Stopped');
  region.cloud.deleteServer(leaving.providerId);
  await monitor.untilLogged(missing, { server: 'leaving' });
  region.cloud.createServer(projectId, { name: 'coming', metadata: { 'region:server_id': 'coming' } });
  await sandbox.untilPhase('coming', 'Running');
  await monitor.untilLogged('server found in provider again', { server: 'coming' });
  await monitor.untilStates('lively', { running: 3, stopped: 1 });
  t.is(monitor.logged(missing, { server: 'leaving' }).length, 1);
  t.is(monitor.logged(missing, { region: 'lively' }).length, 2);
  const complete = region.cloud.requests.latest({ route: list }).filter(({ query }) => query === '');
  t.is(complete.length, 1);
});

test('a list of changes that fails loses nothing: the next one begins where the last good one did', async (t) => {
  const region = await sandbox.addRegion('interrupted');
  const { providerId } = sandbox.addServer(region.addProject(), { id: 'interrupted' });
  await monitor.untilStates('interrupted', { running: 1 });
  const fault = region.cloud.faults.add({ kind: 'truncated' }, { route: list });
  await monitor.untilLogged('failed to resolve region, skipping', { region: 'interrupted' });
  region.cloud.stop(providerId);
  await monitor.untilRegionPolled('interrupted');
  fault.remove();
  await sandbox.untilPhase('interrupted', 'Stopped');
  const lists = region.cloud.requests.latest({ route: list });
  t.is(lists.filter(({ query }) => query === '').length, 1);
});
