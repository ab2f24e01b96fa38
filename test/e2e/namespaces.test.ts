// All namespaces watched, two of which hold the same manifests: an object is namespace and name.

import test from 'ava';
import { isJsonObject } from '../../src/sandbox/kubernetes/object.ts';
import { SandboxCloud } from '../../src/sandbox/openstack/cloud.ts';
import { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';

const namespaces = ['production', 'staging'] as const;
const up = 'unikorn_region_monitor_region_up';

test('two namespaces hold the same manifests: each has its own states, logins and problems', async (t) => {
  const sandbox = await startSandbox(t);
  const sides = await Promise.all(
    namespaces.map(async (namespace, index) => {
      const cloud = await SandboxCloud.start();
      t.teardown(async () => cloud.close());
      const region = new SandboxRegion({
        cluster: sandbox.cluster,
        cloud,
        namespace,
        name: 'north',
        id: 'same',
      });
      const project = region.addProject({ identityId: 'identity' });
      const servers = ['a', 'b', 'c'].slice(index);
      for (const name of servers) project.addServer({ name, id: name });
      return { namespace, cloud, region, project };
    }),
  );
  const monitor = await sandbox.startMonitor('--namespace=');
  const phaseOf = (namespace: string, name: string): unknown => {
    const status = sandbox.cluster.get('servers', namespace, name)?.status;
    return isJsonObject(status) ? status['phase'] : undefined;
  };
  await monitor.untilStates('same', { running: 5 });
  const [production, staging] = sides;
  if (production === undefined || staging === undefined) throw new Error('there are two');
  for (const { id, name } of staging.cloud.servers()) if (name === 'b') staging.cloud.stop(id);
  await eventually('the stop', () => phaseOf('staging', 'b') === 'Stopped');
  await monitor.untilStates('same', { running: 4, stopped: 1 });
  t.is(phaseOf('production', 'b'), 'Running');

  // One of the regions fails: its problems, its series and its servers are its own.
  const fault = production.cloud.faults.add(
    { kind: 'status', status: 500 },
    { route: 'GET /servers/detail', times: Number.POSITIVE_INFINITY },
  );
  await monitor.untilStates('same', { running: 1, stopped: 1 });
  t.deepEqual(
    (await monitor.series(up, 'region_id="same"')).map((line) =>
      /region_namespace="(\w+)".* (\d)$/.exec(line)?.slice(1),
    ),
    [
      ['production', '0'],
      ['staging', '1'],
    ],
  );
  fault.remove();
  await monitor.untilStates('same', { running: 4, stopped: 1 });

  // The Region of one namespace goes: the other's stays.
  sandbox.cluster.delete('regions', 'production', 'same');
  await monitor.untilStates('same', { running: 1, stopped: 1 });
  await monitor.untilPolled(2);
  t.is((await monitor.series(up, 'region_namespace="production"')).length, 0);
  t.is(await monitor.total(up, 'region_namespace="staging"'), 1);
  for (const { cloud } of sides)
    t.is(
      cloud.requests.count({ route: 'POST /v3/auth/tokens' }),
      2,
      'one login a project and one of the region',
    );
});
