// Watches that break, fall silent, are told 410, or say things of the past. Each test has a cluster of its own.

import test from 'ava';
import { type Json, type JsonObject, parseJson } from '../../src/sandbox/kubernetes/object.ts';
import { healthy, namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { TcpProxy } from '../fixtures/clouds/tcp-proxy.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import {
  outageBegins,
  untilOutagesEnded,
  watchCluster,
  watchPace,
} from '../fixtures/kubernetes/watched-cluster.ts';
import { startMonitor } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { assertTold } from '../fixtures/monitor/told.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const always = { times: Number.POSITIVE_INFINITY };
const watchOfServers = /\/servers\?.*watch=true/;

test('watches are closed again and again: nothing is lost, and nothing is listed again', async (t) => {
  const cluster = await watchCluster(t);
  const { sandbox, monitor, region, project, lively } = cluster;
  const assertPace = await watchPace(cluster);
  const lists = await monitor.total('unikorn_region_monitor_cache_lists_total');
  const closing = setInterval(() => sandbox.cluster.faults.closeWatches('destroy'), 300);
  t.teardown(() => clearInterval(closing));
  region.cloud.stop(lively.providerId);
  for (const id of ['one', 'two', 'three']) {
    sandbox.addServer(project, { id });
    await sandbox.untilPhase(id, 'Running');
  }
  await sandbox.untilPhase('lively', 'Stopped');
  clearInterval(closing);
  await untilOutagesEnded(monitor);
  await monitor.untilRegionPolled('changing', 2);
  await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const id of ['steady', 'one', 'two', 'three']) await assertTold(t, cluster, id, ['Running Healthy']);
  t.is(await monitor.total('unikorn_region_monitor_cache_lists_total'), lists);
  const reasons = monitor.logged(outageBegins, { resource: 'servers' }).map(({ error }) => error);
  t.true(reasons.length <= 4, reasons.join('\n'));
  await assertPace(t);
});

test('every watch gets status 410 for a while: lists show the changes, and each is logged once', async (t) => {
  const cluster = await watchCluster(t);
  const { sandbox, monitor, region, project, lively } = cluster;
  const assertPace = await watchPace(cluster);
  const { faults } = sandbox.cluster;
  const fault = faults.expireNextWatches({ ...always, as: 'event' });
  faults.expireWatches();
  region.cloud.stop(lively.providerId);
  sandbox.addServer(project, { id: 'meanwhile' });
  await sandbox.untilPhase('meanwhile', 'Running');
  await sandbox.untilPhase('lively', 'Stopped');
  fault.remove();
  await untilOutagesEnded(monitor);
  sandbox.addServer(project, { id: 'later' });
  await sandbox.untilPhase('later', 'Running');
  await monitor.untilRegionPolled('changing', 2);
  await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const id of ['steady', 'meanwhile', 'later']) await assertTold(t, cluster, id, ['Running Healthy']);
  await assertPace(t);
});

test('watches go silent, as behind a proxy that dropped them: servers are still polled, and the writes of others survive', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('changing');
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: 'lively' });
  const proxy = await TcpProxy.start(sandbox.cluster.url);
  t.teardown(async () => proxy.stop());
  const kubeconfig = sandbox.cluster
    .kubeconfig(namespace)
    .replace(sandbox.cluster.url, `http://127.0.0.1:${proxy.port}`);
  const monitor = await startMonitor(t, {
    kubeconfig,
    flags: [`--namespace=${namespace}`],
    secrets: () => sandbox.secrets(),
  });
  await monitor.untilStates('changing', { running: 1 });
  await monitor.untilRegionPolled('changing');

  t.is(proxy.silenceThose(/watch=true/), 4);
  const available = {
    type: 'Available',
    status: 'True',
    reason: 'Provisioned',
    message: 'by another writer',
  };
  sandbox.cluster.patchStatus('servers', namespace, 'lively', {
    status: {
      conditions: [
        { ...available, lastTransitionTime: '2026-11-22T07:00:00Z' },
        healthy('True', 'Healthy', { message: 'server is healthy' }),
      ],
    },
  });
  region.cloud.stop(providerId);
  await sandbox.untilPhase('lively', 'Stopped');
  region.cloud.start(providerId);
  await sandbox.untilPhase('lively', 'Running');
  await monitor.untilRegionPolled('changing', 2);
  const types = sandbox.server('lively').conditions.map(({ type }) => type);
  t.deepEqual(types, ['Available', 'Healthy']);
  t.deepEqual(
    monitor
      .logged('instance phase transition', { instance_id: 'lively' })
      .map(({ fields }) => fields['to_phase']),
    ['Running', 'Stopped', 'Running'],
  );
  t.true((await monitor.total('unikorn_region_monitor_cache_contact_age_seconds')) > 4);

  // The connections end at last, here by force: what was not heard of is caught up with.
  sandbox.addServer(project, { id: 'unheard-of' });
  proxy.cut();
  proxy.mend();
  await sandbox.untilPhase('unheard-of', 'Running');
  await untilOutagesEnded(monitor);
  t.pass();
});

test('old events, repeated and in any order, change nothing', async (t) => {
  const cluster = await watchCluster(t);
  const { sandbox, monitor, region, lively } = cluster;
  const past: string[] = [];
  const remember = (type: string, id: string) => past.push(eventLine(type, sandbox.object(id)));
  remember('ADDED', 'lively');
  remember('MODIFIED', 'lively');
  remember('DELETED', 'steady');
  region.cloud.stop(lively.providerId);
  await sandbox.untilPhase('lively', 'Stopped');
  await monitor.untilRegionPolled('changing', 2);
  const assertPace = await watchPace(cluster);
  remember('MODIFIED', 'lively');
  const [added = '', modified = '', deleted = '', latest = ''] = past;
  const patches = sandbox.patches('lively') + sandbox.patches('steady');
  for (const lines of [
    [latest, latest, latest],
    [latest, modified],
    [deleted],
    [modified, added],
    [latest, deleted, latest],
  ]) {
    const fault = sandbox.cluster.faults.add(
      { path: watchOfServers },
      { kind: 'respond', status: 200, body: lines.join('') },
    );
    sandbox.cluster.faults.closeWatches();
    await eventually('the watch that tells of the past', () => fault.hits === 1);
    await monitor.untilRegionPolled('changing');
  }
  await untilOutagesEnded(monitor);
  await monitor.untilStates('changing', { running: 1, stopped: 1 });
  await assertTold(t, cluster, 'steady', ['Running Healthy']);
  await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  t.is(sandbox.patches('lively') + sandbox.patches('steady'), patches);
  await assertPace(t);
});

test('a watch that sends nonsense is an error of that watch, and the objects stay', async (t) => {
  const cluster = await watchCluster(t);
  const { sandbox, monitor } = cluster;
  const assertPace = await watchPace(cluster);
  const bodies: readonly Json[] = [
    'no JSON\n',
    '[]\n',
    '{"type":"MODIFIED"}\n',
    '{"type":"DELETED","object":{"metadata":{}}}\n',
    '{"type":"ERROR","object":{}}\n',
    '{"type":"ADDED","object":{"metadata":{"name":',
  ];
  for (const body of bodies) {
    const fault = sandbox.cluster.faults.add(
      { path: watchOfServers },
      { kind: 'respond', status: 200, body },
    );
    sandbox.cluster.faults.closeWatches('destroy');
    await eventually('the watch of nonsense', () => fault.hits === 1);
  }
  await untilOutagesEnded(monitor);
  await monitor.untilStates('changing', { running: 2 });
  await monitor.untilRegionPolled('changing', 2);
  for (const id of ['steady', 'lively']) await assertTold(t, cluster, id, ['Running Healthy']);
  await assertPace(t);
});

function eventLine(type: string, object: object): string {
  const copy: Json = parseJson(JSON.stringify(object));
  const event: JsonObject = { type, object: copy };
  return `${JSON.stringify(event)}\n`;
}
