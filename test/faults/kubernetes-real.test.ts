// A real kube-apiserver that is killed, forgets, refuses, gets its definitions late and others in flight. It is of this
// file's own, and the tests come one after the other. Skipped, saying so, where there is none to be had.

import test, { type ExecutionContext } from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type ControlPlane, startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { RealCluster } from '../fixtures/kubernetes/real-cluster.ts';
import { outageBegins, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();

const file: { controlPlane: ControlPlane | null } = { controlPlane: null };

test.before(async (t) => {
  file.controlPlane = await startControlPlane(t, { own: true });
});

test.after.always('no handle is left', async (t) => {
  await file.controlPlane?.stop();
  await assertHandlesClosed(t);
});

/** Null, and said, where there is no API server. */
async function cluster(t: ExecutionContext): Promise<RealCluster | null> {
  t.timeout(300_000);
  if (file.controlPlane !== null) return RealCluster.create(t, file.controlPlane);
  t.log('skipped: there is no real API server');
  t.pass();
  return null;
}

const phasesOf = (monitor: MonitorUnderTest, id: string) =>
  monitor
    .logged('instance phase transition', { instance_id: id })
    .map(({ fields }) => `${String(fields['from_phase'])} -> ${String(fields['to_phase'])}`);

test.serial('the definitions are missing at the start, and are installed before it fails', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  const monitor = await real.startMonitor(t, { flags: ['--startup-timeout=2m'] });
  const { error } = await monitor.untilLogged(outageBegins, { resource: 'servers' });
  t.regex(error, /^list servers in namespace .*: 404/);
  t.is((await monitor.get('/readyz')).status, 503);
  await real.controlPlane.installDefinitions('v1.16');
  await real.addRegion();
  await real.addServer('web');
  await real.untilShown('web', 'Running Healthy');
  await monitor.untilReady();
  await untilOutagesEnded(monitor);
});

test.serial(
  'the API server is killed and started again: polls continue, and each change is written and logged once',
  async (t) => {
    const real = await cluster(t);
    if (real === null) return;
    await real.controlPlane.installDefinitions('v1.16');
    await real.addRegion();
    await real.addServer('lively');
    await real.addServer('steady');
    const monitor = await real.startMonitor(t);
    await real.untilShown('lively', 'Running Healthy');
    await real.untilShown('steady', 'Running Healthy');
    for (const [round, expected] of [
      [1, 'Stopped Degraded'],
      [2, 'Running Healthy'],
    ] as const) {
      const restart = await real.controlPlane.killApiServer();
      if (round === 1) real.stop('lively');
      else real.start('lively');
      await eventually(
        'the outage',
        () => monitor.logged(outageBegins, { resource: 'servers' }).length >= round,
      );
      await monitor.untilRegionPolled('east', 3);
      t.is((await monitor.get('/healthz')).status, 200);
      t.is(await monitor.total('unikorn_region_monitor_region_up', 'region_id="east"'), 1);
      await restart();
      await real.untilShown('lively', expected);
      await real.addServer(`later-${round}`);
      await real.untilShown(`later-${round}`, 'Running Healthy');
      await untilOutagesEnded(monitor);
    }
    await monitor.untilRegionPolled('east', 2);
    t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped', 'Stopped -> Running']);
    t.deepEqual(phasesOf(monitor, 'steady'), [' -> Running']);
    t.is(await real.shown('steady'), 'Running Healthy');
    t.deepEqual(monitor.logged('failed to resolve region, skipping'), []);
    // Each reason of an outage once.
    const said = monitor
      .logged(outageBegins)
      .map(({ error, fields }) => `${String(fields['resource'])} ${error}`);
    t.true(said.length <= 2 * new Set(said).size, said.join('\n'));
  },
);

test.serial('the API server comes back without its history, 410: everything is listed again', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  await real.controlPlane.installDefinitions('v1.16');
  await real.addRegion();
  await real.addServer('lively');
  const monitor = await real.startMonitor(t);
  await real.untilShown('lively', 'Running Healthy');
  const lists = async () => monitor.total('unikorn_region_monitor_cache_lists_total', 'resource="servers"');
  const before = await lists();
  const restart = await real.controlPlane.killApiServer();
  await real.controlPlane.forgetPast();
  real.stop('lively');
  await restart();
  await real.untilShown('lively', 'Stopped Degraded');
  await real.addServer('later');
  await real.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.true((await lists()) > before);
  t.true(monitor.logged(outageBegins, { resource: 'servers' }).some(({ error }) => error.includes('410')));
  await monitor.untilRegionPolled('east', 2);
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped']);
});

test.serial('the schema refuses a status with 422, until it is fixed', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  const { controlPlane } = real;
  await controlPlane.installDefinitions('v1.16');
  await real.addRegion();
  await real.addServer('lively');
  await real.addServer('other');
  const monitor = await real.startMonitor(t);
  await real.untilShown('lively', 'Running Healthy');
  await real.untilShown('other', 'Running Healthy');
  const path = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/phase/enum';
  const narrow = [{ op: 'replace', path, value: ['Pending', 'Running', 'Stopping'] }];
  const definition = 'servers.region.unikorn-cloud.org';
  await controlPlane.kubectl('patch', 'crd', definition, '--type=json', '-p', JSON.stringify(narrow));
  const refusal = await eventually(
    'a refusal',
    async () => {
      // A schema counts a moment after it was changed.
      if ((await real.shown('lively')) === 'Stopped Degraded') real.start('lively');
      else real.stop('lively');
      await monitor.untilRegionPolled('east');
      return monitor.logged('failed to check server, skipping', { server: 'lively' })[0];
    },
    { timeoutMs: 90_000 },
  );
  t.regex(refusal.error, /cannot write status: .*422 Invalid: .*status\.phase.*Stopped/);
  t.is(await real.shown('lively'), 'Running Healthy');
  await monitor.untilRegionPolled('east', 3);
  t.is(monitor.logged('failed to check server, skipping').length, 1);
  await controlPlane.installDefinitions('v1.16');
  await real.untilShown('lively', 'Stopped Degraded');
  await monitor.untilLogged('server checked again', { server: 'lively' });
  t.is(phasesOf(monitor, 'lively').at(-1), 'Running -> Stopped');
  t.deepEqual(phasesOf(monitor, 'other'), [' -> Running']);
});

const phasesAre = async (real: RealCluster, servers: number, phase: string) =>
  eventually(
    `${servers} servers are ${phase}`,
    async () => {
      // While it takes the definitions in, the API server refuses lists.
      const shown = await real.servers().catch(() => []);
      return shown.length === servers && shown.every((server) => server.phase === phase);
    },
    { timeoutMs: 120_000, everyMs: 500 },
  );

test.serial(
  'the definitions are upgraded in operation, v1.16 to v1.19: nothing is lost or refused, and the upgrade is logged',
  async (t) => {
    const real = await cluster(t);
    if (real === null) return;
    await real.controlPlane.installDefinitions('v1.16');
    await real.addRegion();
    await real.addServer('lively');
    const monitor = await real.startMonitor(t);
    await real.untilShown('lively', 'Running Healthy');
    await monitor.untilLogged('custom resource definitions detected', { profile: 'v1.16' });
    await real.controlPlane.installDefinitions('v1.19');
    real.stop('lively');
    await real.untilShown('lively', 'Stopped Degraded');
    await real.addServer('later');
    await real.untilShown('later', 'Running Healthy');
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

test.serial(
  'the definitions are upgraded and rolled back under 1000 servers that are polled: no write is lost, each change is logged once',
  async (t) => {
    const real = await cluster(t);
    if (real === null) return;
    await real.controlPlane.installDefinitions('v1.16');
    await real.addRegion();
    const building = { status: 'BUILD', powerState: 0 };
    const names = Array.from({ length: 1000 }, (_, index) => `moving-${index}`);
    for (let from = 0; from < names.length; from += 250)
      await real.addServers(names.slice(from, from + 250), building);
    const monitor = await real.startMonitor(t, { flags: ['--poll-period=5s'] });
    await phasesAre(real, 1000, 'Pending');
    await real.controlPlane.installDefinitions('v1.19');
    await phasesAre(real, 1000, 'Building');
    await real.controlPlane.installDefinitions('v1.16');
    // Seen before the monitor has looked at the definitions: its first write is refused.
    await real.addServer('later', building);
    await phasesAre(real, 1001, 'Pending');
    real.update({ status: 'ACTIVE' });
    await phasesAre(real, 1001, 'Running');
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
