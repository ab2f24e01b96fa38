// The whole monitor on a real kube-apiserver, with exactly the rights that deploy/rbac.yaml gives, and on a real
// Keystone and Nova. Skipped, saying so, where either is not to be had.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import test, { type Implementation } from 'ava';
import { loadClusterAccess } from '../../src/main/kubernetes/access/config.ts';
import { KubernetesClient, resourcePath } from '../../src/main/kubernetes/client.ts';
import { parseServer } from '../../src/main/kubernetes/objects/resource-records.ts';
import { findCondition } from '../../src/shared/conditions.ts';
import {
  credentialsOf,
  type LabServer,
  type LabUser,
  OpenstackLab,
  passing,
} from '../fixtures/clouds/openstack-lab.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type ControlPlane, startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../fixtures/kubernetes/control-plane-tests.ts';
import { PlatformObjects } from '../fixtures/kubernetes/platform-objects.ts';
import { userKubeconfig } from '../fixtures/kubernetes/user-kubeconfig.ts';
import { startMonitor } from '../fixtures/monitor/monitor.ts';

// Before anything is declared: ava takes no declaration after a wait.
const lab = await OpenstackLab.find();
const file: { controlPlane: ControlPlane | null } = { controlPlane: null };

test.before(async (t) => {
  file.controlPlane = await startControlPlane(t);
  await file.controlPlane?.installDefinitions('v1.16');
});

test.after.always(async () => {
  await file.controlPlane?.stop();
});

/** Kubernetes objects for the lab: its region, and identity and servers of some of its users. */
function objectsOf(
  namespace: string,
  lab: OpenstackLab,
  fleet: ReadonlyMap<LabUser, readonly string[]>,
): object[] {
  const objects = new PlatformObjects(namespace);
  const secret = 'lab-credentials';
  return [
    objects.secret(secret, lab.domainId, credentialsOf(lab.users.ada)),
    objects.region('lab', { endpoint: lab.endpoint, secret }),
    ...[...fleet].flatMap(([user, names]) => {
      const identity = `identity-${user.id}`;
      return [
        ...objects.identity(identity, credentialsOf(user)),
        ...names.map((name) => objects.server(name, { region: 'lab', identity })),
      ];
    }),
  ];
}

/** A kubeconfig for a service account that has the rights of deploy/rbac.yaml, and no others. */
async function leastPrivilege(controlPlane: ControlPlane, namespace: string): Promise<string> {
  const manifest = await readFile(new URL('../../deploy/rbac.yaml', import.meta.url), 'utf8');
  await controlPlane.applyManifest(manifest.replaceAll('unikorn-region', namespace));
  const token = (await controlPlane.kubectl('create', 'token', 'region-monitor', '-n', namespace)).trim();
  return userKubeconfig(controlPlane, { token });
}

const phases = new Map([
  [1, 'Running'],
  [4, 'Stopped'],
]);

/** What the object must show, by the original's tables (status, reason, phase). */
function expectation(server: LabServer): string {
  const phase = phases.get(server['OS-EXT-STS:power_state']) ?? 'Pending';
  if (server.status === 'ACTIVE') return `${phase} True/Healthy`;
  return `${phase} False/${server.status === 'ERROR' ? 'Errored' : 'Degraded'}`;
}

const needsBoth: (title: string, body: Implementation<[]>) => void =
  lab === null ? test.skip : controlPlaneTests().test;

needsBoth('a real cluster and a real cloud', async (t) => {
  const { controlPlane } = file;
  if (controlPlane === null || lab === null)
    throw new Error('there is no real API server, or no OpenStack lab');
  t.timeout(300_000);
  const namespace = await controlPlane.createNamespace();
  t.teardown(() => controlPlane.empty(namespace));
  const client = new KubernetesClient(
    await loadClusterAccess({ kubeconfig: controlPlane.kubeconfig, context: '' }),
    {
      requestTimeoutMs: 30_000,
    },
  );
  t.teardown(() => client.close());

  // Servers of our own, to be changed, beside the seeded ones in many states, which are only looked at.
  const { alice, bob, gus } = lab.users;
  const prefix = `e2e-${randomUUID().slice(0, 8)}`;
  const [stopping, failing, leaving] = [`${prefix}-stop`, `${prefix}-fail`, `${prefix}-leave`];
  const ids = new Map<string, string>();
  t.teardown(async () => {
    for (const id of ids.values()) await lab.delete(gus, id).catch(() => {});
  });
  await Promise.all(
    [stopping, failing, leaving].map(async (name) => ids.set(name, await lab.create(gus, name))),
  );
  const seeded = new Map<string, LabServer>();
  for (const user of [alice, bob]) {
    for (const server of await lab.servers(user)) {
      const still = server['OS-EXT-STS:task_state'] === null && server.status !== 'BUILD';
      if (still && !server.name.startsWith(passing)) seeded.set(server.name, server);
    }
  }
  const namesOf = async (user: LabUser) =>
    (await lab.servers(user)).map(({ name }) => name).filter((name) => seeded.has(name));
  const fleet = new Map<LabUser, readonly string[]>([
    [alice, await namesOf(alice)],
    [bob, await namesOf(bob)],
    [gus, [stopping, failing, leaving]],
  ]);
  await controlPlane.apply(...objectsOf(namespace, lab, fleet));
  t.log(`${seeded.size + ids.size} servers`);

  const shown = async (name: string): Promise<string> => {
    const server = parseServer(await client.get(resourcePath('servers', namespace, name)));
    const healthy = findCondition(server.conditions, 'Healthy');
    return `${server.phase} ${healthy?.status}/${healthy?.reason}`;
  };
  const untilShown = async (name: string, expected: string): Promise<void> => {
    await eventually(`${name} is ${expected}`, async () => (await shown(name)) === expected, {
      timeoutMs: 60_000,
    });
  };
  const id = (name: string): string => ids.get(name) ?? '';

  const monitor = await startMonitor(t, {
    kubeconfig: await leastPrivilege(controlPlane, namespace),
    flags: [
      `--namespace=${namespace}`,
      '--poll-period=6s',
      '--request-timeout=5500ms',
      '--check-timeout=5900ms',
    ],
  });
  await eventually(
    'the first poll has answered for the region',
    async () => {
      const polls = await monitor.series('unikorn_region_monitor_region_polls_total');
      return polls.some((line) => line.includes('outcome="ok"') && !line.endsWith(' 0'));
    },
    { timeoutMs: 60_000 },
  );

  // The first poll that was answered shows everything as it is; its writes have a queue of their own.
  for (const [name, server] of seeded) await untilShown(name, expectation(server));
  for (const name of ids.keys()) await untilShown(name, 'Running True/Healthy');
  const count = seeded.size + ids.size;
  const inGauge = async () => monitor.total('unikorn_region_server_state', 'region_name="lab"');
  await eventually('all servers in the gauge', async () => (await inGauge()) === count);

  // The next ones ask for no login and write nothing.
  const writes = await monitor.total('unikorn_region_monitor_status_writes_total');
  const logins = await monitor.total(
    'unikorn_region_monitor_provider_requests_total',
    'route="POST /v3/auth/tokens"',
  );
  await monitor.untilPolled(2);
  t.is(await monitor.total('unikorn_region_monitor_status_writes_total'), writes);
  t.is(
    await monitor.total('unikorn_region_monitor_provider_requests_total', 'route="POST /v3/auth/tokens"'),
    logins,
  );

  // Stopped, started, failed, deleted: in status, in one log line each, and in the metrics.
  await lab.act(gus, id(stopping), { 'os-stop': null });
  await untilShown(stopping, 'Stopped False/Degraded');
  // The object shows it a moment before the answer to our write is here.
  const stopped = { instance_id: stopping, to_phase: 'Stopped' };
  await monitor.untilLogged('instance phase transition', stopped);
  t.is(monitor.logged('instance phase transition', stopped).length, 1);
  await lab.untilStatus(gus, id(stopping), 'SHUTOFF');
  await lab.act(gus, id(stopping), { 'os-start': null });
  await untilShown(stopping, 'Running True/Healthy');
  const started = { instance_id: stopping, from_phase: 'Stopped', to_phase: 'Running' };
  await monitor.untilLogged('instance phase transition', started);
  t.is(monitor.logged('instance phase transition', started).length, 1);
  await lab.resetToError(gus, id(failing));
  await untilShown(failing, 'Running False/Errored');
  const errored = { instance_id: failing, to_state: 'Errored' };
  await monitor.untilLogged('instance state transition', errored);
  t.is(monitor.logged('instance state transition', errored).length, 1);
  await lab.delete(gus, id(leaving));
  await monitor.untilLogged('server not found in provider, skipping', { server: leaving });
  await eventually('the deleted server has left the gauge', async () => (await inGauge()) === count - 1);
  t.is(await shown(leaving), 'Running True/Healthy');
  // On a busy machine this cloud may take longer than a poll; nothing else may go wrong.
  const failed = monitor.logged('failed to check server, skipping');
  t.deepEqual(
    failed.filter(({ fields }) => fields['code'] !== 'timeout'),
    [],
  );
  await monitor.stop();
});
