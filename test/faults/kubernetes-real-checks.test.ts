// A real kube-apiserver with RBAC: each right that the checks of regions and load balancers need is taken away, and given
// back. The API server is of this file's own. Skipped, saying so, where there is none.

import type { ExecutionContext } from 'ava';
import { eventually } from '../fixtures/eventually.ts';
import { ownControlPlane } from '../fixtures/kubernetes/own-control-plane.ts';
import { RealCluster, refusedRight, without } from '../fixtures/kubernetes/real-cluster.ts';
import { outageBegins, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const { real, controlPlane } = ownControlPlane({ definitions: 'v1.16' });

async function startCluster(t: ExecutionContext) {
  t.timeout(300_000);
  const cluster = await RealCluster.create(t, controlPlane(), ['region-health', 'load-balancer-health']);
  await cluster.addRegion();
  const balancer = await cluster.addLoadBalancer('front');
  const monitor = await cluster.startMonitor(t);
  await cluster.untilHealth('regions', 'east', 'True Healthy');
  await cluster.untilHealth('loadbalancers', 'front', 'True Healthy');
  return { cluster, balancer, monitor };
}

const healthOf = (monitor: MonitorUnderTest, line: string) =>
  monitor.logged(line).map(({ fields }) => fields['to_state']);

real.serial('the rights on status are taken away and given back, one kind after the other', async (t) => {
  const { cluster, balancer, monitor } = await startCluster(t);
  await cluster.grant(without('patch regions/status'));
  const outage = cluster.cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /networking' });
  await refusedRight(t, monitor, { line: 'failed to write region health', right: 'patch regions/status' });
  cluster.cloud.loadBalancers.update(balancer, { operatingStatus: 'OFFLINE' });
  // What may be written is.
  await cluster.untilHealth('loadbalancers', 'front', 'False Degraded');
  t.is(await cluster.health('regions', 'east'), 'True Healthy');
  await cluster.grant();
  await cluster.untilHealth('regions', 'east', 'False Degraded');
  await monitor.untilLogged('region health written again', { region: 'east' });

  await cluster.grant(without('patch loadbalancers/status'));
  cluster.cloud.loadBalancers.update(balancer, { operatingStatus: 'ONLINE' });
  const line = 'failed to check load balancer, skipping';
  await refusedRight(t, monitor, { line, right: 'patch loadbalancers/status' });
  outage.remove();
  await cluster.untilHealth('regions', 'east', 'True Healthy');
  t.is(await cluster.health('loadbalancers', 'front'), 'False Degraded');
  await cluster.grant();
  await cluster.untilHealth('loadbalancers', 'front', 'True Healthy');
  await monitor.untilLogged('load balancer checked again', { load_balancer: 'front' });
  await eventually('the lines', () => healthOf(monitor, 'load balancer state transition').length >= 3);
  t.deepEqual(healthOf(monitor, 'region state transition'), ['Healthy', 'Degraded', 'Healthy']);
  t.deepEqual(healthOf(monitor, 'load balancer state transition'), ['Healthy', 'Degraded', 'Healthy']);
});

real.serial('the rights to read are taken away and given back: what others wrote stays', async (t) => {
  const { cluster, balancer, monitor } = await startCluster(t);
  // What others wrote is not heard of, so that our write conflicts and the object must be read.
  const unheard = ['regions', 'loadbalancers', 'identities', 'openstackidentities'].flatMap(
    (resource) => [`list ${resource}`, `watch ${resource}`] as const,
  );
  await cluster.grant(without(...unheard, 'get regions', 'get loadbalancers'));
  await (await cluster.controlPlane.killApiServer())();
  for (const resource of ['regions', 'loadbalancers'] as const)
    await refusedRight(t, monitor, { line: outageBegins, right: `watch ${resource}` });
  await cluster.annotate('east', 'test/changed', 'by another writer', 'regions');
  await cluster.annotate('front', 'test/changed', 'by another writer', 'loadbalancers');
  const outage = cluster.cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /networking' });
  cluster.cloud.loadBalancers.update(balancer, { operatingStatus: 'OFFLINE' });
  await refusedRight(t, monitor, { line: 'failed to write region health', right: 'get regions' });
  const line = 'failed to check load balancer, skipping';
  await refusedRight(t, monitor, { line, right: 'get loadbalancers' });
  await cluster.grant(without(...unheard));
  await cluster.untilHealth('regions', 'east', 'False Degraded');
  await cluster.untilHealth('loadbalancers', 'front', 'False Degraded');
  await cluster.grant();
  await untilOutagesEnded(monitor);
  outage.remove();
  await cluster.untilHealth('regions', 'east', 'True Healthy');
  await eventually('the lines', () => healthOf(monitor, 'region state transition').length >= 3);
  t.deepEqual(healthOf(monitor, 'region state transition'), ['Healthy', 'Degraded', 'Healthy']);
  t.deepEqual(healthOf(monitor, 'load balancer state transition'), ['Healthy', 'Degraded']);
});
