// A real kube-apiserver with RBAC: each right that the monitor needs is missing or taken away, and given back, one by one.
// The API server is of this file's own, and the tests come one after the other. Skipped, saying so, where there is none.

import type { ExecutionContext } from 'ava';
import { eventually } from '../fixtures/eventually.ts';
import { ownControlPlane } from '../fixtures/kubernetes/own-control-plane.ts';
import { RealCluster, refusedRight, without } from '../fixtures/kubernetes/real-cluster.ts';
import { outageBegins, outageEnds, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const { real, controlPlane } = ownControlPlane({ definitions: 'v1.16' });

const caches = ['regions', 'servers', 'identities', 'openstackidentities'];

async function startCluster(t: ExecutionContext): Promise<RealCluster> {
  t.timeout(300_000);
  const cluster = await RealCluster.create(t, controlPlane());
  await cluster.addRegion();
  await cluster.addServer('lively');
  return cluster;
}

const phasesOf = (monitor: MonitorUnderTest, id: string) =>
  monitor
    .logged('instance phase transition', { instance_id: id })
    .map(({ fields }) => `${String(fields['from_phase'])} -> ${String(fields['to_phase'])}`);

/** Each of the four is refused; then the right is given for one after the other, and the others stay refused. */
async function givenOneByOne(
  t: ExecutionContext,
  { cluster, monitor, verb }: { cluster: RealCluster; monitor: MonitorUnderTest; verb: 'list' | 'watch' },
): Promise<void> {
  for (const resource of caches)
    await refusedRight(t, monitor, { line: outageBegins, right: `${verb} ${resource}` });
  const ends = (resource: string) => monitor.logged(outageEnds, { resource }).length;
  const before = new Map(caches.map((resource) => [resource, ends(resource)]));
  for (const [index, given] of caches.entries()) {
    const missing = caches.slice(index + 1);
    await cluster.grant(without(...missing.map((resource) => `${verb} ${resource}` as const)));
    await eventually(`${verb} ${given}`, () => ends(given) > (before.get(given) ?? 0), { timeoutMs: 90_000 });
    for (const resource of missing) t.is(ends(resource), before.get(resource) ?? 0, resource);
  }
}

real.serial(
  'each right to list is missing at the start and granted one by one: ready only with all of them',
  async (t) => {
    const cluster = await startCluster(t);
    const monitor = await cluster.startMonitor(t, {
      flags: ['--startup-timeout=3m'],
      grants: without(...caches.map((resource) => `list ${resource}` as const)),
    });
    await refusedRight(t, monitor, { line: outageBegins, right: 'list servers' });
    t.is((await monitor.get('/readyz')).status, 503);
    t.is((await monitor.get('/healthz')).status, 200);
    await givenOneByOne(t, { cluster, monitor, verb: 'list' });
    await cluster.untilShown('lively', 'Running Healthy');
    await monitor.untilReady();
  },
);

real.serial('each right to watch is taken away and given back: polls continue without it', async (t) => {
  const cluster = await startCluster(t);
  const monitor = await cluster.startMonitor(t);
  await cluster.untilShown('lively', 'Running Healthy');
  await cluster.grant(without(...caches.map((resource) => `watch ${resource}` as const)));
  // A watch that there is goes on without the right; it counts when the next one begins.
  await (await cluster.controlPlane.killApiServer())();
  await refusedRight(t, monitor, { line: outageBegins, right: 'watch servers' });
  cluster.stop('lively');
  await cluster.untilShown('lively', 'Stopped Degraded');
  await givenOneByOne(t, { cluster, monitor, verb: 'watch' });
  await cluster.addServer('later');
  await cluster.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped']);
});

real.serial('each right to get and to patch is taken away and given back: each is named', async (t) => {
  const cluster = await startCluster(t);
  const monitor = await cluster.startMonitor(t);
  await cluster.untilShown('lively', 'Running Healthy');
  const unwritten = 'failed to check server, skipping';

  await cluster.grant(without('patch servers/status'));
  cluster.stop('lively');
  await refusedRight(t, monitor, { line: unwritten, right: 'patch servers/status' });
  t.is(await cluster.shown('lively'), 'Running Healthy');
  await cluster.grant();
  await cluster.untilShown('lively', 'Stopped Degraded');
  await monitor.untilLogged('server checked again', { server: 'lively' });

  await cluster.grant(without('get secrets'));
  await refusedRight(t, monitor, { line: 'failed to resolve region, skipping', right: 'get secrets' });
  await cluster.grant();
  await monitor.untilLogged('region resolved again');

  await cluster.grant(without('patch servers'));
  await cluster.addServer('building', { status: 'BUILD', powerState: 0 });
  await refusedRight(t, monitor, {
    line: 'failed to patch pending-entry annotation',
    right: 'patch servers',
  });
  await cluster.grant();
  await monitor.untilLogged('pending-entry annotation patched again', { instance_id: 'building' });

  // What others wrote is not heard of, so that our write conflicts and the object must be read.
  const unheard = caches.flatMap((resource) => [`list ${resource}`, `watch ${resource}`] as const);
  await cluster.grant(without(...unheard, 'get servers'));
  await (await cluster.controlPlane.killApiServer())();
  await refusedRight(t, monitor, { line: outageBegins, right: 'watch servers' });
  await cluster.annotate('lively', 'test/changed', 'by another writer');
  cluster.start('lively');
  await refusedRight(t, monitor, { line: unwritten, right: 'get servers' });
  t.is(await cluster.shown('lively'), 'Stopped Degraded');
  await cluster.grant(without(...unheard));
  await cluster.untilShown('lively', 'Running Healthy');
  t.is(await cluster.annotation('lively', 'test/changed'), 'by another writer');
  await cluster.grant();
  await cluster.addServer('later');
  await cluster.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped', 'Stopped -> Running']);
});
