// Objects that are deleted, replaced, refused, fought over or monstrous, while polls are under way. All tests share a
// monitor; each has a region of its own, and beside them all is one that must not notice anything.

import test from 'ava';
import { pendingEntryAnnotation } from '../../src/shared/labels.ts';
import { healthy, namespace } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { FaultSuite, type WatchedRegion } from '../fixtures/fault-suite.ts';
import type { LogLine } from '../fixtures/monitor/monitor.ts';

test.afterEach(assertDocumented);

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start();
});

test.after.always('all is as it was before', async (t) => suite.finish(t));

const unresolved = 'failed to resolve region, skipping';
const unchecked = 'failed to check server, skipping';
const phaseLine = 'instance phase transition';
const always = { times: Number.POSITIVE_INFINITY };
const list = 'GET /servers/detail';

/** Resolves while the region's cloud is asked for its servers, and has not answered. */
async function whileListed({ region }: WatchedRegion): Promise<void> {
  region.cloud.faults.add({ kind: 'latency', ms: 300 }, { route: list, times: 2 });
  const before = region.cloud.requests.count({ route: list });
  await eventually('a list', () => region.cloud.requests.count({ route: list }) > before, { everyMs: 5 });
}

const sum = (lines: readonly LogLine[]) =>
  lines.reduce((count, { fields }) => count + Number(fields['count']), 0);

const phasesOf = (id: string) =>
  suite.monitor
    .logged(phaseLine, { instance_id: id })
    .map(({ fields }) => `${String(fields['from_phase'])} -> ${String(fields['to_phase'])}`);

test('a Server is deleted and created again while the cloud answers: the new one gets only its own status', async (t) => {
  const watched = await suite.addRegion('reborn');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const { uid } = sandbox.server('reborn-lively');
  await whileListed(watched);
  sandbox.cluster.delete('servers', namespace, 'reborn-lively');
  watched.region.cloud.deleteServer(watched.lively.providerId);
  sandbox.addServer(watched.project, { id: 'reborn-lively', cloud: { status: 'SHUTOFF', powerState: 4 } });
  await sandbox.untilPhase('reborn-lively', 'Stopped');
  await monitor.untilStates('reborn', { running: 1, stopped: 1 });
  await monitor.untilRegionPolled('reborn', 2);
  t.not(sandbox.server('reborn-lively').uid, uid);
  t.deepEqual(
    phasesOf('reborn-lively'),
    [' -> Running', ' -> Stopped'],
    'of the old one, then of the new one',
  );
  t.deepEqual(suite.problems('reborn'), []);
  await assertPace(t);
});

test('a Server with problems is deleted: the problems are dropped without a line', async (t) => {
  const watched = await suite.addRegion('gone');
  const { sandbox, monitor } = suite;
  watched.region.cloud.deleteServer(watched.lively.providerId);
  await monitor.untilLogged('server not found in provider, skipping', { server: 'gone-lively' });
  sandbox.cluster.delete('servers', namespace, 'gone-lively');

  const refusing = sandbox.cluster.faults.rejectWrites({ ...always, path: /\/servers\/gone-refused\// });
  sandbox.addServer(watched.project, { id: 'gone-refused' });
  await monitor.untilLogged(unchecked, { server: 'gone-refused' });
  sandbox.cluster.delete('servers', namespace, 'gone-refused');
  refusing.remove();

  // Its name is taken again, and it has the same problem: that is news.
  sandbox.addServer(watched.project, { id: 'gone-lively', cloud: null });
  await eventually('the new problem', () => {
    return monitor.logged('server not found in provider, skipping', { server: 'gone-lively' }).length === 2;
  });
  await monitor.untilStates('gone', { running: 1 });
  await monitor.untilRegionPolled('gone', 2);
  t.deepEqual(
    suite.problems('gone').map(({ msg }) => msg),
    ['server not found in provider, skipping', unchecked, 'server not found in provider, skipping'],
  );
});

test('a Server with a problem moves to another region: no line says that the problem ended', async (t) => {
  const from = await suite.addRegion('from');
  const to = await suite.addRegion('to');
  const { sandbox, monitor } = suite;
  from.region.cloud.deleteServer(from.lively.providerId);
  await monitor.untilLogged('server not found in provider, skipping', { server: 'from-lively' });
  sandbox.cluster.patch('servers', namespace, 'from-lively', {
    metadata: {
      labels: {
        'regions.unikorn-cloud.org/region-id': 'to',
        'regions.unikorn-cloud.org/identity-id': to.project.identityId,
      },
    },
  });
  await monitor.untilLogged('server not found in provider, skipping', {
    server: 'from-lively',
    region: 'to',
  });
  await monitor.untilRegionPolled('from', 2);
  t.deepEqual(monitor.logged('server found in provider again', { server: 'from-lively' }), []);
});

test('every write of a server conflicts: the changes of others survive, and ours follows when it can', async (t) => {
  const watched = await suite.addRegion('fought');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const path = /\/servers\/fought-lively\/status/;
  const fault = sandbox.cluster.faults.conflict({ ...always, path });
  watched.region.cloud.stop(watched.lively.providerId);
  const { error } = await monitor.untilLogged(unchecked, { server: 'fought-lively' });
  t.regex(
    error,
    /cannot write status: patch servers\/status fought-lively in namespace region: 409 Conflict/,
  );
  await monitor.untilRegionPolled('fought', 3);
  const polls = await monitor.regionPolls('fought');
  t.true(fault.hits <= 6 * (polls + 1), `${fault.hits} attempts in ${polls} polls`);
  t.is(sandbox.server('fought-lively').phase, 'Running');
  fault.remove();
  await monitor.untilStates('fought', { running: 1, stopped: 1 });
  await monitor.untilLogged('server checked again', { server: 'fought-lively' });
  await monitor.untilRegionPolled('fought');
  const { annotations = {} } = sandbox.object('fought-lively').metadata;
  t.truthy(annotations['sandbox/changed'], 'what the other writer wrote last is there');
  await suite.assertTold(t, watched.lively, ['Running Healthy', 'Stopped Degraded']);
  await suite.assertTold(t, watched.steady, ['Running Healthy']);
  t.is(monitor.logged(unchecked, { server: 'fought-lively' }).length, 1);
  await assertPace(t);
});

test('all statuses of a region are refused with 422: twenty lines and a count, when it begins and when it ends', async (t) => {
  const watched = await suite.addRegion('refused');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const fault = sandbox.cluster.faults.rejectWrites({ ...always, path: /\/servers\/refused-\d+\/status/ });
  const ids = Array.from({ length: 60 }, (_, index) => `refused-${index}`);
  for (const id of ids) sandbox.addServer(watched.project, { id });
  const leftOut = 'more lines with this message suppressed';
  const ofRefused = { region: 'refused', message: unchecked };
  await monitor.untilLogged(leftOut, ofRefused);
  await monitor.untilRegionPolled('refused', 2);
  t.deepEqual(await monitor.states('refused'), { running: 2 });
  const refused = monitor.logged(unchecked, { region: 'refused' });
  t.true(refused.length >= 20 && refused.length < 60, `${refused.length} lines`);
  for (const { error } of refused) t.regex(error, /422 Invalid: .*refused by order of the test/);
  fault.remove();
  await monitor.untilStates('refused', { running: 62 });
  await monitor.untilRegionPolled('refused', 2);
  for (const id of ids) t.is(monitor.logged(phaseLine, { instance_id: id }).length, 1, id);
  // They end within two polls, of which each logs twenty lines and a count.
  const again = monitor.logged('server checked again', { region: 'refused' }).length;
  const counted = monitor.logged(leftOut, { region: 'refused', message: 'server checked again' });
  t.true(again <= 40, `${again} lines`);
  t.is(again + sum(counted), refused.length + sum(monitor.logged(leftOut, ofRefused)));
  await assertPace(t);
});

test('a Secret is deleted, comes back malformed, and then valid: each state is logged, and old credentials are not used', async (t) => {
  const watched = await suite.addRegion('secret');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const { region, lively } = watched;
  sandbox.cluster.delete('secrets', namespace, region.secretName);
  const missing = await monitor.untilLogged(unresolved, { region: 'secret' });
  t.regex(missing.error, /^Secret region\/secret-credentials cannot be read: get secrets .*404 NotFound/);
  await monitor.untilStates('secret', {});
  region.cloud.stop(lively.providerId);
  region.putSecret({ 'project-id': '' });
  await eventually('the next flaw', () =>
    monitor
      .logged(unresolved, { region: 'secret' })
      .some(({ error }) => error.endsWith('key error: project-id')),
  );
  t.is(sandbox.server('secret-lively').phase, 'Running');
  region.putSecret();
  await monitor.untilStates('secret', { running: 1, stopped: 1 });
  await monitor.untilRegionPolled('secret');
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  await suite.assertTold(t, watched.steady, ['Running Healthy']);
  t.deepEqual(
    suite.problems('secret').map(({ msg }) => msg),
    [unresolved, unresolved, 'region resolved again'],
  );
  await assertPace(t);
});

test('passwords are rotated in cloud, Secret and OpenstackIdentity at once: no later poll fails', async (t) => {
  const watched = await suite.addRegion('rotated');
  const { sandbox, monitor } = suite;
  const { region, project, lively } = watched;
  const { userId } = project.credentials;
  const logins = () => region.cloud.requests.count({ route: 'POST /v3/auth/tokens', status: 201 });
  const before = logins();
  for (const round of [1, 2]) {
    const [ofProject, ofService] = [sandbox.newPassword(), sandbox.newPassword()];
    region.cloud.rotatePassword(userId, ofProject);
    region.cloud.rotatePassword(region.serviceAccount.userId, ofService);
    sandbox.cluster.patch('openstackidentities', namespace, project.identityId, {
      spec: { password: ofProject },
    });
    region.putSecret({ password: ofService });
    await monitor.untilRegionPolled('rotated');
    const failed = await suite.failedPolls('rotated');
    if (round === 1) region.cloud.stop(lively.providerId);
    await monitor.untilRegionPolled('rotated', 2);
    t.is(await suite.failedPolls('rotated'), failed);
  }
  await monitor.untilStates('rotated', { running: 1, stopped: 1 });
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  t.true(logins() - before <= 6, `${logins() - before} logins`);
});

test('a Region changes its provider, from openstack to simulated, to kubernetes, and back', async (t) => {
  const watched = await suite.addRegion('changed');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const { region, lively, project } = watched;
  // Only where there is no cloud to ask is it found.
  const simulated = sandbox.addServer(project, { id: 'changed-simulated', ageMs: 3_600_000, cloud: null });
  const notFound = 'server not found in provider, skipping';
  await monitor.untilLogged(notFound, { server: 'changed-simulated' });
  region.cloud.stop(lively.providerId);
  await monitor.untilStates('changed', { running: 1, stopped: 1 });
  const { openstack } = sandbox.cluster.get('regions', namespace, 'changed')?.spec ?? {};
  const change = (spec: Parameters<typeof sandbox.cluster.patch>[3]) =>
    sandbox.cluster.patch('regions', namespace, 'changed', { spec });

  change({ provider: 'simulated', openstack: null });
  await sandbox.untilPhase('changed-simulated', 'Running');
  await monitor.untilLogged('server found in provider again', { server: 'changed-simulated' });
  change({
    provider: 'kubernetes',
    kubernetes: { kubeConfigSecret: { namespace, name: 'none' } },
  });
  const { error } = await monitor.untilLogged(unresolved, { region: 'changed' });
  t.is(error, 'region is of the wrong kind');
  await monitor.untilStates('changed', {});
  t.deepEqual(await monitor.series('unikorn_region_monitor_region_up', 'region_id="changed"'), []);
  change({ provider: 'openstack', kubernetes: null, openstack: openstack ?? null });
  await monitor.untilStates('changed', { running: 1, stopped: 1 });
  await monitor.untilRegionPolled('changed');
  await eventually('not found again', () => monitor.logged(notFound, { region: 'changed' }).length === 2);
  await suite.assertTold(t, simulated, ['Running Healthy']);
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  t.is(monitor.logged(unresolved, { region: 'changed' }).length, 1);
  t.is(monitor.logged('region resolved again', { region: 'changed' }).length, 1);
  await assertPace(t);
});

test('a Region is deleted and created again during its check', async (t) => {
  const watched = await suite.addRegion('again');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const { region, lively } = watched;
  const object = sandbox.cluster.get('regions', namespace, 'again');
  await whileListed(watched);
  sandbox.cluster.delete('regions', namespace, 'again');
  const { error } = await monitor.untilLogged(unresolved, { region: 'again' });
  t.is(error, "region doesn't exist");
  await monitor.untilStates('again', {});
  region.cloud.stop(lively.providerId);
  await monitor.untilRegionPolled('again', 2);
  t.deepEqual(await monitor.series('unikorn_region_monitor_region_up', 'region_id="again"'), []);
  const phase = sandbox.server('again-lively').phase;

  const {
    resourceVersion: _,
    uid: __,
    creationTimestamp: ___,
    ...metadata
  } = object?.metadata ?? { name: '' };
  sandbox.cluster.apply({
    apiVersion: object?.apiVersion ?? '',
    kind: 'Region',
    metadata,
    spec: object?.spec ?? {},
  });
  await monitor.untilStates('again', { running: 1, stopped: 1 });
  await monitor.untilRegionPolled('again');
  t.is(phase, 'Running');
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  t.is(monitor.logged(unresolved, { region: 'again' }).length, 1);
  await assertPace(t);
});

test('an identity is deleted and created again while its project is listed', async (t) => {
  const watched = await suite.addRegion('identity');
  const { sandbox, monitor } = suite;
  const { project, lively, region } = watched;
  const spec = sandbox.identity(project);
  await whileListed(watched);
  sandbox.cluster.delete('openstackidentities', namespace, project.identityId);
  const line = await monitor.untilLogged(unchecked, { server: 'identity-lively' });
  t.regex(line.error, /^openstackidentities\.region\.unikorn-cloud\.org ".*" not found$/);
  region.cloud.stop(lively.providerId);
  await monitor.untilRegionPolled('identity');
  t.is(sandbox.server('identity-lively').phase, 'Running');
  sandbox.cluster.apply({
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    kind: 'OpenstackIdentity',
    metadata: { name: project.identityId, namespace },
    spec,
  });
  await monitor.untilStates('identity', { running: 1, stopped: 1 });
  await monitor.untilRegionPolled('identity');
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  t.is(monitor.logged('server checked again', { region: 'identity' }).length, 2);
});

test('annotations of a million characters, including ours', async (t) => {
  const watched = await suite.addRegion('monstrous');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const huge = 'x'.repeat(1_000_000);
  const { providerId } = sandbox.addServer(watched.project, {
    id: 'monster',
    annotations: { note: huge, [pendingEntryAnnotation]: huge },
    status: { phase: 'Pending', conditions: [healthy('Unknown', 'Unknown', { message: huge })] },
  });
  sandbox.cluster.patch('servers', namespace, 'monstrous-steady', {
    metadata: { annotations: { note: huge } },
  });
  await monitor.untilStates('monstrous', { running: 3 });
  t.deepEqual(phasesOf('monster'), ['Pending -> Running']);
  const { annotations = {} } = sandbox.object('monster').metadata;
  t.is(annotations['note'], huge);
  t.is(annotations[pendingEntryAnnotation], undefined);
  t.is(monitor.logged('skipping provision duration: invalid pending-entry-time annotation').length, 1);
  watched.region.cloud.stop(providerId);
  await monitor.untilStates('monstrous', { running: 2, stopped: 1 });
  await suite.assertTold(t, watched.steady, ['Running Healthy']);
  await assertPace(t);
});
