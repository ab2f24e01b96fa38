// Load balancers on a real kube-apiserver and a real Octavia: the seeded ones, in every status. Skipped, saying so, where
// either is not to be had, or nothing is seeded.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import * as v from 'valibot';
import { loadClusterAccess } from '../../src/main/kubernetes/access/config.ts';
import { KubernetesClient, resourcePath } from '../../src/main/kubernetes/client.ts';
import { parseLoadBalancer } from '../../src/main/kubernetes/objects/resource-records.ts';
import { rightsFor } from '../../src/main/kubernetes/required-rights.ts';
import { loadBalancerHealth } from '../../src/main/load-balancer-health/health.ts';
import { findCondition } from '../../src/shared/conditions.ts';
import { credentialsOf, type LabLoadBalancer, OpenstackLab } from '../fixtures/clouds/openstack-lab.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { PlatformObjects } from '../fixtures/kubernetes/platform-objects.ts';
import { userKubeconfig } from '../fixtures/kubernetes/user-kubeconfig.ts';
import { calmPeriodMs, pace, startMonitor } from '../fixtures/monitor/monitor.ts';

const rbac = 'rbac.authorization.k8s.io';
const line = 'load balancer state transition';
const available = {
  type: 'Available',
  status: 'True',
  reason: 'Provisioned',
  message: 'provisioned',
  lastTransitionTime: '2026-11-22T07:01:00Z',
};

const objectName = ({ name }: LabLoadBalancer) => name.slice('lb-'.length);

const eventSchema = v.object({
  type: v.string(),
  reason: v.string(),
  note: v.string(),
  regarding: v.object({ kind: v.string(), name: v.string() }),
});

const expected = (seeded: LabLoadBalancer): string => {
  const { status, reason } = loadBalancerHealth({
    providerId: seeded.id,
    name: seeded.name,
    provisioningStatus: seeded.provisioning_status,
    operatingStatus: seeded.operating_status,
  });
  return `${status}/${reason}`;
};

/** As a driver that reports would. */
async function report(name: string, operatingStatus: string): Promise<void> {
  const folder = process.env['LAB_DIR'] ?? '/var/tmp/openstack-lab';
  await promisify(execFile)('/usr/bin/python3', [join(folder, 'lib', 'lb.py'), 'set', name, operatingStatus]);
}

test('a real cluster and a real Octavia', async (t) => {
  t.timeout(600_000);
  const lab = await OpenstackLab.find();
  const { alice, bob, ada } = lab?.users ?? {};
  const seeded = ((await lab?.loadBalancers()) ?? []).filter(
    ({ project_id: projectId, name }) =>
      name.startsWith('lb-') && (projectId === alice?.project_id || projectId === bob?.project_id),
  );
  const controlPlane = seeded.length === 0 ? null : await startControlPlane(t);
  if (
    controlPlane === null ||
    lab === null ||
    alice === undefined ||
    bob === undefined ||
    ada === undefined
  ) {
    t.log('skipped: there is no real API server, or no OpenStack lab with load balancers');
    t.pass();
    return;
  }
  t.teardown(async () => controlPlane.stop());
  await controlPlane.installDefinitions('v1.16');
  const namespace = await controlPlane.createNamespace();
  t.teardown(async () => {
    await controlPlane.kubectl('delete', 'loadbalancers', '--all', '--wait=false', '-n', namespace);
    await controlPlane.empty(namespace);
  });
  const admin = await loadClusterAccess({ kubeconfig: controlPlane.kubeconfig, context: '' });
  const client = new KubernetesClient(admin, { requestTimeoutMs: 30_000 });
  t.teardown(async () => client.close());

  const objects = new PlatformObjects(namespace);
  const secret = 'lab-credentials';
  const account = { kind: 'ServiceAccount', name: 'monitor', namespace };
  const rights = rightsFor({ shadow: false, events: true, checkers: ['load-balancer-health'] });
  const rules = rights.map(({ group: apiGroup, resource, verbs }) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs,
  }));
  await controlPlane.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: objects.metadata('monitor') },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: objects.metadata('monitor'), rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: objects.metadata('monitor'),
      subjects: [account],
      roleRef: { apiGroup: rbac, kind: 'Role', name: 'monitor' },
    },
    objects.secret(secret, lab.domainId, credentialsOf(ada)),
    objects.region('lab', { endpoint: lab.endpoint, secret }),
    ...[alice, bob].flatMap((user) => objects.identity(user.id, credentialsOf(user))),
    ...seeded.map((loadBalancer) =>
      objects.loadBalancer(objectName(loadBalancer), {
        region: 'lab',
        identity: loadBalancer.project_id === alice.project_id ? alice.id : bob.id,
        displayName: loadBalancer.name,
      }),
    ),
  );
  const path = (name: string, subresource?: string) =>
    resourcePath('loadbalancers', namespace, name, subresource);
  const write = async (name: string, conditions: readonly object[]) =>
    client.patch(path(name, 'status'), { status: { conditions, vipAddress: '10.0.0.9' } });
  for (const loadBalancer of seeded) await write(objectName(loadBalancer), [available]);
  const record = async (name: string) => parseLoadBalancer(await client.get(path(name)));
  const shown = async (name: string): Promise<string> => {
    const health = findCondition((await record(name)).conditions, 'Healthy');
    return health === undefined ? '' : `${health.status}/${health.reason}`;
  };
  const versions = async () =>
    Promise.all(seeded.map(async (each) => (await record(objectName(each))).resourceVersion));

  const token = (await controlPlane.kubectl('create', 'token', 'monitor', '-n', namespace)).trim();
  const monitor = await startMonitor(t, {
    kubeconfig: await userKubeconfig(controlPlane, { token }),
    flags: [
      `--namespace=${namespace}`,
      ...pace(calmPeriodMs(5_000)),
      '--checkers=load-balancer-health',
      '--events',
      '--startup-timeout=2m',
    ],
    secrets: () => [token, alice.password, bob.password, ada.password],
  });
  const patience = { timeoutMs: 180_000, everyMs: 250 };
  // The first poll shows every status.
  await eventually('all of them', () => monitor.logged(line).length >= seeded.length, patience);
  for (const loadBalancer of seeded) {
    const name = objectName(loadBalancer);
    t.is(await shown(name), expected(loadBalancer), loadBalancer.name);
    t.deepEqual(findCondition((await record(name)).conditions, 'Available'), available);
  }
  t.log(`${seeded.length} load balancers, ${new Set(seeded.map(expected)).size} conditions`);
  t.is(monitor.logged(line).length, seeded.length);

  // An unchanged pass writes nothing.
  const before = await versions();
  const requests = async () =>
    monitor.total('unikorn_region_monitor_provider_requests_total', 'route="GET /lbaas/loadbalancers"');
  const asked = await requests();
  await eventually('two more lists of two projects', async () => (await requests()) >= asked + 4, patience);
  t.deepEqual(await versions(), before);

  // One that changes is seen by the next poll, in one line; what its controller writes meanwhile stays.
  const changing = seeded.find(
    (each) => expected(each) === 'True/Healthy' && each.operating_status === 'ONLINE',
  );
  if (changing === undefined) throw new Error('one that is online is seeded');
  const name = objectName(changing);
  t.teardown(async () => report(changing.name, 'ONLINE'));
  await report(changing.name, 'ERROR');
  const reprovisioned = { ...available, message: 'provisioned again' };
  const { conditions } = await record(name);
  await write(name, [...conditions.filter(({ type }) => type !== 'Available'), reprovisioned]);
  await eventually('False/Errored', async () => (await shown(name)) === 'False/Errored', patience);
  t.deepEqual(findCondition((await record(name)).conditions, 'Available'), reprovisioned);
  // In one Event.
  const events = await controlPlane.kubectl('get', 'events.events.k8s.io', '-n', namespace, '-o', 'json');
  const { items } = v.parse(v.object({ items: v.array(eventSchema) }), JSON.parse(events));
  t.deepEqual(
    items.filter(({ regarding, reason }) => regarding.name === name && reason === 'Errored'),
    [
      {
        type: 'Warning',
        reason: 'Errored',
        note: 'load balancer does not work: all its members fail (was Healthy)',
        regarding: { kind: 'LoadBalancer', name },
      },
    ],
  );
  await report(changing.name, 'ONLINE');
  await eventually('True/Healthy', async () => (await shown(name)) === 'True/Healthy', patience);
  t.deepEqual(
    monitor.logged(line, { load_balancer_id: name }).map(({ fields }) => fields['to_state']),
    ['Healthy', 'Errored', 'Healthy'],
  );
  t.is(monitor.logged(line).length, seeded.length + 2);
  t.deepEqual(
    monitor.lines.filter(({ level }) => level === 'error').map(({ msg, error }) => `${msg}: ${error}`),
    [],
  );
});
