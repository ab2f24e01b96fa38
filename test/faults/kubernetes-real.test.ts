// A real kube-apiserver that is killed, forgets, refuses, gets its definitions late and others in flight. It is of this
// file's own, and the tests come one after the other. Skipped, saying so, where there is none to be had.

import type { ExecutionContext } from 'ava';
import { eventually } from '../fixtures/eventually.ts';
import { ownControlPlane } from '../fixtures/kubernetes/own-control-plane.ts';
import { RealCluster } from '../fixtures/kubernetes/real-cluster.ts';
import { outageBegins, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const { real, controlPlane } = ownControlPlane();

async function startCluster(t: ExecutionContext): Promise<RealCluster> {
  t.timeout(300_000);
  return RealCluster.create(t, controlPlane());
}

const phasesOf = (monitor: MonitorUnderTest, id: string) =>
  monitor
    .logged('instance phase transition', { instance_id: id })
    .map(({ fields }) => `${String(fields['from_phase'])} -> ${String(fields['to_phase'])}`);

real.serial('the definitions are missing at the start, and are installed before it fails', async (t) => {
  const cluster = await startCluster(t);
  const monitor = await cluster.startMonitor(t, { flags: ['--startup-timeout=2m'] });
  const { error } = await monitor.untilLogged(outageBegins, { resource: 'servers' });
  t.regex(error, /^list servers in namespace .*: 404/);
  t.is((await monitor.get('/readyz')).status, 503);
  await cluster.controlPlane.installDefinitions('v1.16');
  await cluster.addRegion();
  await cluster.addServer('web');
  await cluster.untilShown('web', 'Running Healthy');
  await monitor.untilReady();
  await untilOutagesEnded(monitor);
});

real.serial(
  'the API server is killed and started again: polls continue, and each change is written and logged once',
  async (t) => {
    const cluster = await startCluster(t);
    await cluster.controlPlane.installDefinitions('v1.16');
    await cluster.addRegion();
    await cluster.addServer('lively');
    await cluster.addServer('steady');
    const monitor = await cluster.startMonitor(t);
    await cluster.untilShown('lively', 'Running Healthy');
    await cluster.untilShown('steady', 'Running Healthy');
    for (const [round, expected] of [
      [1, 'Stopped Degraded'],
      [2, 'Running Healthy'],
    ] as const) {
      const restart = await cluster.controlPlane.killApiServer();
      if (round === 1) cluster.stop('lively');
      else cluster.start('lively');
      await eventually(
        'the outage',
        () => monitor.logged(outageBegins, { resource: 'servers' }).length >= round,
      );
      await monitor.untilRegionPolled('east', 3);
      t.is((await monitor.get('/healthz')).status, 200);
      t.is(await monitor.total('unikorn_region_monitor_region_up', 'region_id="east"'), 1);
      await restart();
      await cluster.untilShown('lively', expected);
      await cluster.addServer(`later-${round}`);
      await cluster.untilShown(`later-${round}`, 'Running Healthy');
      await untilOutagesEnded(monitor);
    }
    await monitor.untilRegionPolled('east', 2);
    t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped', 'Stopped -> Running']);
    t.deepEqual(phasesOf(monitor, 'steady'), [' -> Running']);
    t.is(await cluster.shown('steady'), 'Running Healthy');
    t.deepEqual(monitor.logged('failed to resolve region, skipping'), []);
    // Each reason of an outage once.
    const said = monitor
      .logged(outageBegins)
      .map(({ error, fields }) => `${String(fields['resource'])} ${error}`);
    t.true(said.length <= 2 * new Set(said).size, said.join('\n'));
  },
);

real.serial('the API server comes back without its history, 410: everything is listed again', async (t) => {
  const cluster = await startCluster(t);
  await cluster.controlPlane.installDefinitions('v1.16');
  await cluster.addRegion();
  await cluster.addServer('lively');
  const monitor = await cluster.startMonitor(t);
  await cluster.untilShown('lively', 'Running Healthy');
  const lists = async () => monitor.total('unikorn_region_monitor_cache_lists_total', 'resource="servers"');
  const before = await lists();
  const restart = await cluster.controlPlane.killApiServer();
  await cluster.controlPlane.forgetPast();
  cluster.stop('lively');
  await restart();
  await cluster.untilShown('lively', 'Stopped Degraded');
  await cluster.addServer('later');
  await cluster.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.true((await lists()) > before);
  t.true(monitor.logged(outageBegins, { resource: 'servers' }).some(({ error }) => error.includes('410')));
  await monitor.untilRegionPolled('east', 2);
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped']);
});

real.serial('the schema refuses a status with 422, until it is fixed', async (t) => {
  const cluster = await startCluster(t);
  const { controlPlane } = cluster;
  await controlPlane.installDefinitions('v1.16');
  await cluster.addRegion();
  await cluster.addServer('lively');
  await cluster.addServer('other');
  const monitor = await cluster.startMonitor(t);
  await cluster.untilShown('lively', 'Running Healthy');
  await cluster.untilShown('other', 'Running Healthy');
  const path = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/phase/enum';
  const narrow = [{ op: 'replace', path, value: ['Pending', 'Running', 'Stopping'] }];
  const definition = 'servers.region.unikorn-cloud.org';
  await controlPlane.kubectl('patch', 'crd', definition, '--type=json', '-p', JSON.stringify(narrow));
  const refusal = await eventually(
    'a refusal',
    async () => {
      // A schema counts a moment after it was changed.
      if ((await cluster.shown('lively')) === 'Stopped Degraded') cluster.start('lively');
      else cluster.stop('lively');
      await monitor.untilRegionPolled('east');
      return monitor.logged('failed to check server, skipping', { server: 'lively' })[0];
    },
    { timeoutMs: 90_000 },
  );
  t.regex(refusal.error, /cannot write status: .*422 Invalid: .*status\.phase.*Stopped/);
  t.is(await cluster.shown('lively'), 'Running Healthy');
  await monitor.untilRegionPolled('east', 3);
  t.is(monitor.logged('failed to check server, skipping').length, 1);
  await controlPlane.installDefinitions('v1.16');
  await cluster.untilShown('lively', 'Stopped Degraded');
  await monitor.untilLogged('server checked again', { server: 'lively' });
  t.is(phasesOf(monitor, 'lively').at(-1), 'Running -> Stopped');
  t.deepEqual(phasesOf(monitor, 'other'), [' -> Running']);
});

const phasesAre = async (cluster: RealCluster, servers: number, phase: string) =>
  eventually(
    `${servers} servers are ${phase}`,
    async () => {
      // While it takes the definitions in, the API server refuses lists.
      const shown = await cluster.servers().catch(() => []);
      return shown.length === servers && shown.every((server) => server.phase === phase);
    },
    { timeoutMs: 120_000, everyMs: 500 },
  );

real.serial(
  'the definitions are upgraded in operation, v1.16 to v1.19: nothing is lost or refused, and the upgrade is logged',
  async (t) => {
    const cluster = await startCluster(t);
    await cluster.controlPlane.installDefinitions('v1.16');
    await cluster.addRegion();
    await cluster.addServer('lively');
    const monitor = await cluster.startMonitor(t);
    await cluster.untilShown('lively', 'Running Healthy');
    await monitor.untilLogged('custom resource definitions detected', { profile: 'v1.16' });
    await cluster.controlPlane.installDefinitions('v1.19');
    cluster.stop('lively');
    await cluster.untilShown('lively', 'Stopped Degraded');
    await cluster.addServer('later');
    await cluster.untilShown('later', 'Running Healthy');
    await eventually(
      'the new definitions',
      () => monitor.logged('custom resource definitions detected', { profile: 'v1.19' }).length === 1,
      { timeoutMs: 120_000 },
    );
    await untilOutagesEnded(monitor);
    t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped']);
    t.deepEqual(monitor.logged('failed to check server, skipping'), []);
  },
);

real.serial(
  'the definitions are upgraded and rolled back under 1000 servers that are polled: no write is lost, each change is logged once',
  async (t) => {
    const cluster = await startCluster(t);
    await cluster.controlPlane.installDefinitions('v1.16');
    await cluster.addRegion();
    const building = { status: 'BUILD', powerState: 0 };
    const names = Array.from({ length: 1000 }, (_, index) => `moving-${index}`);
    for (let from = 0; from < names.length; from += 250)
      await cluster.addServers(names.slice(from, from + 250), building);
    const monitor = await cluster.startMonitor(t, { flags: ['--poll-period=5s'] });
    await phasesAre(cluster, 1000, 'Pending');
    await cluster.controlPlane.installDefinitions('v1.19');
    await phasesAre(cluster, 1000, 'Building');
    await cluster.controlPlane.installDefinitions('v1.16');
    // Seen before the monitor has looked at the definitions: its first write is refused.
    await cluster.addServer('later', building);
    await phasesAre(cluster, 1001, 'Pending');
    cluster.update({ status: 'ACTIVE' });
    await phasesAre(cluster, 1001, 'Running');
    await untilOutagesEnded(monitor);
    const running = () =>
      monitor.logged('instance phase transition').filter(({ fields }) => fields['to_phase'] === 'Running');
    await eventually('every change is logged', () => running().length === 1001);
    const wanted = [' -> Pending', 'Pending -> Building', 'Building -> Pending', 'Pending -> Running'];
    for (const name of names) t.deepEqual(phasesOf(monitor, name), wanted, name);
    t.deepEqual(phasesOf(monitor, 'later'), [' -> Pending', 'Pending -> Running']);
    t.deepEqual(monitor.logged('failed to check server, skipping'), []);
    t.log(monitor.logged('custom resource definitions detected').map(({ fields }) => fields['profile']));
  },
);
