// How the monitor gets on with clouds: tokens, refusals, clouds that hang or vanish, credentials that change, regions
// that go. All tests but those of lists of changes share a monitor; each has a region of its own.

import test from 'ava';
import * as v from 'valibot';
import type { SandboxCloudOptions } from '../../src/sandbox/openstack/cloud.ts';
import type { SandboxProject, SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { startBlackHole } from '../fixtures/clouds/black-hole.ts';
import { namespace, type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;

const unresolved = 'failed to resolve region, skipping';
const resolved = 'region resolved again';
const unchecked = 'failed to check server, skipping';
const login = 'POST /v3/auth/tokens';
const list = 'GET /servers/detail';
const regionUp = 'unikorn_region_monitor_region_up';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared));
});

test.after.always('nothing secret was shown', async () => shared.release());

/** A region with one running server, named as the region, that the monitor has observed. */
async function addWatched(
  name: string,
  options?: SandboxCloudOptions,
): Promise<{ region: SandboxRegion; project: SandboxProject; providerId: string }> {
  const region = await sandbox.addRegion(name, options);
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: name });
  await monitor.untilStates(name, { running: 1 });
  return { region, project, providerId };
}

function setEndpoint(name: string, endpoint: string): void {
  sandbox.cluster.patch('regions', namespace, name, { spec: { openstack: { endpoint } } });
}

/** Waits for five periods, and says how many polls of the region ended in them. */
async function polledInFivePeriods(region: string): Promise<number> {
  const before = await monitor.regionPolls(region);
  const polls = 'unikorn_region_monitor_polls_total';
  const begun = await monitor.total(polls);
  await eventually('five periods', async () => (await monitor.total(polls)) >= begun + 5);
  return (await monitor.regionPolls(region)) - before;
}

test('one login a project and one for the flavors, however many polls', async (t) => {
  const { region, project } = await addWatched('sessions');
  await monitor.untilRegionPolled('sessions', 3);
  const { requests } = region.cloud;
  t.is(requests.count({ route: login, projectId: project.credentials.projectId }), 1);
  t.is(requests.logins, 2);
  t.is(requests.count({ route: 'GET /flavors/detail' }), 1);
  t.is(requests.count({ status: 401 }), 0);
});

test('a token is renewed before it expires: no request is refused', async (t) => {
  const { region, project } = await addWatched('expiry', { tokenLifetimeMs: 5_000 });
  const { requests } = region.cloud;
  await eventually(
    'a second login',
    () => requests.count({ route: login, projectId: project.credentials.projectId }) === 2,
  );
  await monitor.untilRegionPolled('expiry');
  t.is(requests.count({ status: 401 }), 0);
  t.deepEqual(await monitor.states('expiry'), { running: 1 });
});

test('a token that is refused is replaced once, within the same poll', async (t) => {
  const { region, project, providerId } = await addWatched('revoked');
  const { projectId } = project.credentials;
  region.cloud.revokeTokens(projectId);
  region.cloud.stop(providerId);
  await sandbox.untilPhase('revoked', 'Stopped');
  await monitor.untilRegionPolled('revoked', 2);
  const { requests } = region.cloud;
  t.is(requests.count({ route: list, status: 401 }), 1);
  t.is(requests.count({ route: login, projectId }), 2);
  t.deepEqual(
    monitor.lines.filter(({ level, fields }) => level === 'error' && fields['region'] === 'revoked'),
    [],
  );
});

test('429 with Retry-After: said once, nothing is taken for gone, and over when the cloud says so', async (t) => {
  const { region, providerId } = await addWatched('busy');
  const fault = region.cloud.faults.add({ kind: 'status', status: 429, retryAfter: '1' }, { route: list });
  const refusal = { region: 'busy', code: 'rate-limited' };
  await monitor.untilLogged(unresolved, refusal);
  await monitor.untilStates('busy', {});
  await eventually('two refusals', () => fault.hits >= 2);
  t.is(await monitor.total(regionUp, 'region_id="busy"'), 0);
  t.is(sandbox.server('busy').phase, 'Running');
  fault.remove();
  region.cloud.stop(providerId);
  await sandbox.untilPhase('busy', 'Stopped');
  await monitor.untilLogged(resolved, { region: 'busy' });
  t.is(monitor.logged(unresolved, refusal).length, 1);
  t.is(region.cloud.requests.logins, 2);
});

test('a Nova that accepts and never answers: others go on at their pace; it is said once, and comes back', async (t) => {
  const hung = await addWatched('hung');
  await addWatched('beside-hung');
  hung.region.cloud.faults.add({ kind: 'hang' }, { route: list });
  await monitor.untilLogged(unresolved, { region: 'hung', code: 'timeout' });
  t.true((await polledInFivePeriods('beside-hung')) >= 4);
  t.is(monitor.logged(unresolved, { region: 'hung' }).length, 1);
  t.deepEqual(monitor.logged(unresolved, { region: 'beside-hung' }), []);
  t.deepEqual(await monitor.states('hung'), {});
  t.is(await monitor.total(regionUp, 'region_id="hung"'), 0);
  t.deepEqual(await monitor.states('beside-hung'), { running: 1 });
  t.is(await monitor.total(regionUp, 'region_id="beside-hung"'), 1);

  hung.region.cloud.stop(hung.providerId);
  hung.region.cloud.faults.clear();
  await sandbox.untilPhase('hung', 'Stopped');
  await monitor.untilLogged(resolved, { region: 'hung' });
  await monitor.untilStates('hung', { stopped: 1 });
});

test('a Keystone behind a black hole: others go on at their pace; it is said once, and works when it is there', async (t) => {
  const dark = await sandbox.addRegion('black-hole');
  setEndpoint('black-hole', await startBlackHole(t));
  sandbox.addServer(dark.addProject(), { id: 'black-hole' });
  await addWatched('beside-black-hole');
  const line = await monitor.untilLogged(unresolved, { region: 'black-hole', code: 'timeout' });
  t.regex(line.error, /127\.0\.0\.1:\d+|deadline/);
  t.true((await polledInFivePeriods('beside-black-hole')) >= 4);
  t.is(monitor.logged(unresolved, { region: 'black-hole' }).length, 1);
  t.deepEqual(monitor.logged(unresolved, { region: 'beside-black-hole' }), []);
  setEndpoint('black-hole', dark.cloud.endpoint);
  await sandbox.untilPhase('black-hole', 'Running');
  await monitor.untilLogged(resolved, { region: 'black-hole' });
});

test('a cloud that refuses connections, then answers 503, then is well: one line when it begins, one when it ends', async (t) => {
  const { region } = await addWatched('down');
  await region.cloud.pause();
  const line = await monitor.untilLogged(unresolved, { region: 'down', code: 'unreachable' });
  t.true(line.error.includes(new URL(region.cloud.endpoint).host), line.error);
  const refusing = region.cloud.faults.add({ kind: 'status', status: 503 });
  await region.cloud.resume();
  await monitor.untilLogged(unresolved, { region: 'down', code: 'server-error' });
  t.deepEqual(monitor.logged(resolved, { region: 'down' }), []);
  refusing.remove();
  await monitor.untilLogged(resolved, { region: 'down' });
  await monitor.untilStates('down', { running: 1 });
  t.is(monitor.logged(resolved, { region: 'down' }).length, 1);
});

test('a region that fails for a moment does not end and begin again what is wrong with its servers', async (t) => {
  const { region, project } = await addWatched('flapping');
  sandbox.addServer(project, { id: 'flapping-gone', cloud: null });
  const missing = 'server not found in provider, skipping';
  await monitor.untilLogged(missing, { server: 'flapping-gone' });
  const fault = region.cloud.faults.add(
    { kind: 'status', status: 500 },
    { route: list, times: Number.POSITIVE_INFINITY },
  );
  await monitor.untilLogged(unresolved, { region: 'flapping' });
  fault.remove();
  await monitor.untilLogged(resolved, { region: 'flapping' });
  await monitor.untilRegionPolled('flapping');
  t.is(monitor.logged(missing, { server: 'flapping-gone' }).length, 1);
  t.deepEqual(monitor.logged('server found in provider again', { server: 'flapping-gone' }), []);
});

test('of two projects with one refused, the other one is watched, and the region is up', async (t) => {
  const { region, providerId } = await addWatched('two-projects');
  const refused = region.addProject();
  region.cloud.rotatePassword(refused.credentials.userId, sandbox.newPassword());
  sandbox.addServer(refused, { id: 'refused' });
  const { fields, error } = await monitor.untilLogged(unchecked, { server: 'refused' });
  t.like(fields, { region: 'two-projects', code: 'unauthorized', identity: refused.identityId });
  t.true(error.includes('401'), error);
  region.cloud.stop(providerId);
  await sandbox.untilPhase('two-projects', 'Stopped');
  await monitor.untilStates('two-projects', { stopped: 1 });
  t.is(await monitor.total(regionUp, 'region_id="two-projects"'), 1);
  t.is(monitor.logged(unchecked, { server: 'refused' }).length, 1);
});

test("an identity's password that is rotated: refused and said once, used when it is in the OpenstackIdentity", async (t) => {
  const { region, project, providerId } = await addWatched('rotated');
  const password = sandbox.newPassword();
  region.cloud.rotatePassword(project.credentials.userId, password);
  const { fields } = await monitor.untilLogged(unchecked, { server: 'rotated' });
  t.is(fields['code'], 'unauthorized');
  await monitor.untilStates('rotated', {});
  await monitor.untilRegionPolled('rotated', 2);
  t.is(monitor.logged(unchecked, { server: 'rotated' }).length, 1);
  region.cloud.stop(providerId);
  sandbox.cluster.patch('openstackidentities', namespace, project.identityId, { spec: { password } });
  await sandbox.untilPhase('rotated', 'Stopped');
  await monitor.untilLogged('server checked again', { server: 'rotated' });
});

test("the service account's password that is rotated is used when it is in the Secret", async (t) => {
  const { region } = await addWatched('secret-rotated');
  const { requests } = region.cloud;
  t.is(requests.count({ route: 'GET /flavors/detail', status: 200 }), 1);
  const password = sandbox.newPassword();
  region.cloud.rotatePassword(region.serviceAccount.userId, password);
  region.cloud.addFlavor({ id: 'added-later', name: 'later.large' });
  sandbox.cluster.patch('servers', namespace, 'secret-rotated', { spec: { flavorID: 'added-later' } });
  region.putSecret({ password });
  await eventually('flavors, asked for anew', () => {
    return requests.count({ route: 'GET /flavors/detail', status: 200 }) === 2;
  });
  await eventually('the new name', async () => {
    const series = await monitor.series('unikorn_region_server_state', 'region_id="secret-rotated"');
    return series.some((line) => line.includes('flavor_name="later.large"'));
  });
  t.deepEqual(monitor.logged('failed to list flavors', { region: 'secret-rotated' }), []);
});

test('a region that is deleted: its series vanish, its requests stop, its servers stay as they are', async (t) => {
  const { region, project } = await addWatched('removed');
  sandbox.addServer(project, { id: 'removed-gone', cloud: null });
  await monitor.untilLogged('server not found in provider, skipping', { server: 'removed-gone' });
  sandbox.cluster.delete('regions', namespace, 'removed');
  const line = await monitor.untilLogged(unresolved, { region: 'removed', code: 'not-found' });
  t.is(line.error, "region doesn't exist");
  await eventually('no series', async () => {
    const { text } = await monitor.get('/metrics');
    const gauges = ['unikorn_region_server_state', regionUp, 'unikorn_region_monitor_region_servers'];
    return !text
      .split('\n')
      .some(
        (series) => series.includes('region_id="removed"') && gauges.some((name) => series.startsWith(name)),
      );
  });
  const asked = region.cloud.requests.count();
  await monitor.untilPolled(3);
  t.is(region.cloud.requests.count(), asked);
  t.is(sandbox.server('removed').phase, 'Running');
  t.is(monitor.logged(unresolved, { region: 'removed', code: 'not-found' }).length, 1);
  const status = v.parse(
    v.object({ regions: v.array(v.object({ regionId: v.string() })) }),
    JSON.parse((await monitor.get('/statusz')).text),
  );
  t.false(status.regions.some(({ regionId }) => regionId === 'removed'));
});

test('a region without servers is down when its cloud is, says so once, and comes back', async (t) => {
  const region = await sandbox.addRegion('unused');
  await region.cloud.pause();
  await monitor.untilLogged(unresolved, { region: 'unused', code: 'unreachable' });
  await monitor.untilRegionPolled('unused', 2);
  t.is(await monitor.total(regionUp, 'region_id="unused"'), 0);
  await region.cloud.resume();
  await monitor.untilLogged(resolved, { region: 'unused' });
  await eventually('the region up', async () => (await monitor.total(regionUp, 'region_id="unused"')) === 1);
  await monitor.untilRegionPolled('unused');
  t.is(monitor.logged(unresolved, { region: 'unused' }).length, 1);
  t.is(monitor.logged(resolved, { region: 'unused' }).length, 1);
});

test('a service account that is refused costs the names of flavors only, and is said until it is mended', async (t) => {
  const region = await sandbox.addRegion('refused-account');
  region.putSecret({ password: sandbox.newPassword() });
  sandbox.addServer(region.addProject(), { id: 'refused-account' });
  const refusal = { region: 'refused-account', code: 'unauthorized' };
  await monitor.untilLogged('failed to list flavors', refusal);
  await monitor.untilStates('refused-account', { running: 1 });
  await monitor.untilRegionPolled('refused-account', 2);
  t.is(await monitor.total(regionUp, 'region_id="refused-account"'), 1);
  t.is(monitor.logged('failed to list flavors', refusal).length, 1);
  t.deepEqual(monitor.logged('flavors listed again', refusal), []);
  region.putSecret();
  await monitor.untilLogged('flavors listed again', { region: 'refused-account' });
  await eventually('a name', async () => {
    const [series] = await monitor.series('unikorn_region_server_state', 'region_id="refused-account"');
    return series?.includes('flavor_name="m1.large"');
  });
});
