// A real kube-apiserver that is killed, takes rights away, gets its definitions late and others in flight. It is of this
// file's own, and the tests come one after the other. Skipped, saying so, where there is none to be had.

import test, { type ExecutionContext } from 'ava';
import { type ControlPlane, startControlPlane } from '../fixtures/control-plane.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorUnderTest } from '../fixtures/monitor.ts';
import { type Grants, RealCluster } from '../fixtures/real-cluster.ts';
import { outageBegins, outageEnds, untilOutagesEnded } from '../fixtures/watched-cluster.ts';

test.afterEach(assertDocumented);

const file: { controlPlane: ControlPlane | null } = { controlPlane: null };

test.before(async (t) => {
  file.controlPlane = await startControlPlane(t, { own: true });
});

test.after.always(async () => {
  await file.controlPlane?.stop();
});

function without(verb: string, resource: string): Grants {
  return (someVerb, someResource) => someVerb !== verb || someResource !== resource;
}

const withoutReading: Grants = (verb) => verb !== 'list' && verb !== 'watch';

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

test.serial(
  'the definitions are missing at the start, and are installed before it is given up',
  async (t) => {
    const real = await cluster(t);
    if (real === null) return;
    const monitor = await real.startMonitor(t, '--startup-timeout=2m');
    const { error } = await monitor.untilLogged(outageBegins, { resource: 'servers' });
    t.regex(error, /^list servers in namespace .*: 404/);
    t.is((await monitor.get('/readyz')).status, 503);
    await real.controlPlane.installDefinitions('v1.16');
    await real.addRegion();
    await real.addServer('web');
    await real.untilShown('web', 'Running Healthy');
    await monitor.untilReady();
    await untilOutagesEnded(monitor);
  },
);

test.serial(
  'the API server is killed and started again: polls go on, what changed is written and told once',
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

test.serial('rights are taken away and given back: each is named, and nothing needs a restart', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  await real.controlPlane.installDefinitions('v1.16');
  await real.addRegion();
  await real.addServer('lively');
  const monitor = await real.startMonitor(t);
  await real.untilShown('lively', 'Running Healthy');

  const refusal = async (line: string, says: RegExp) => {
    const { error } = await eventually(`a line that says ${String(says)}`, () =>
      monitor.logged(line).find((each) => says.test(each.error)),
    );
    t.regex(error, /403 Forbidden: .*cannot .* resource .*\(grant the right in the role/);
  };
  await real.grant(without('patch', 'servers/status'));
  real.stop('lively');
  await refusal(
    'failed to check server, skipping',
    /cannot write status: patch servers\/status lively in namespace/,
  );
  t.is(await real.shown('lively'), 'Running Healthy');
  await real.grant();
  await real.untilShown('lively', 'Stopped Degraded');
  await monitor.untilLogged('server checked again', { server: 'lively' });

  await real.grant(without('get', 'secrets'));
  await refusal(
    'failed to resolve region, skipping',
    /^Secret .*\/east-credentials cannot be read: get secrets/,
  );
  await real.grant();
  await monitor.untilLogged('region resolved again');

  await real.grant(without('patch', 'servers'));
  await real.addServer('building', { status: 'BUILD', powerState: 0 });
  await refusal('failed to patch pending-entry annotation', /patch servers building in namespace/);
  await real.grant();
  await monitor.untilLogged('pending-entry annotation patched again', { instance_id: 'building' });

  // A watch that there is goes on without the right; it counts when the next one begins.
  await real.grant(withoutReading);
  await (await real.controlPlane.killApiServer())();
  for (const resource of ['regions', 'servers', 'identities', 'openstackidentities'])
    await refusal(outageBegins, new RegExp(`^(?:list|watch) ${resource} in namespace \\S+: 403`));
  real.start('lively');
  await real.untilShown('lively', 'Running Healthy');
  await real.grant();
  await real.addServer('later');
  await real.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.true(monitor.logged(outageEnds).length >= 4);
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped', 'Stopped -> Running']);
});

test.serial(
  'the definitions are upgraded in flight, v1.16 to v1.19: nothing is lost or refused, and it is seen',
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
