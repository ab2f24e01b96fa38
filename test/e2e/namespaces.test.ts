// All namespaces watched, two of which hold the same manifests: an object is namespace and name.

import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { isJsonObject } from '../../src/sandbox/kubernetes/object.ts';
import { SandboxCloud } from '../../src/sandbox/openstack/cloud.ts';
import { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { runOnce } from '../fixtures/kubernetes/one-shot.ts';
import { browserTest, TestBrowser } from '../fixtures/monitor/browser.ts';
import { bothChecks } from '../fixtures/monitor/load-balancers.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const namespaces = ['production', 'staging'] as const;
const up = 'unikorn_region_monitor_region_up';

/** In both namespaces a Region and an identity of one name, each with a cloud of its own. */
async function sameManifests(t: ExecutionContext) {
  const sandbox = await startSandbox(t);
  const { cluster } = sandbox;
  const [production, staging] = await Promise.all(
    namespaces.map(async (namespace) => {
      const cloud = await SandboxCloud.start();
      t.teardown(async () => cloud.close());
      const region = new SandboxRegion({ cluster, cloud, namespace, name: 'north', id: 'same' });
      return { namespace, cloud, region, project: region.addProject({ identityId: 'identity' }) };
    }),
  );
  if (production === undefined || staging === undefined) throw new Error('there are two');
  return { sandbox, production, staging, sides: [production, staging] };
}

test('two namespaces hold the same manifests: each has its own states, logins and problems', async (t) => {
  const { sandbox, production, staging, sides } = await sameManifests(t);
  for (const name of ['a', 'b', 'c']) production.project.addServer({ name, id: name });
  for (const name of ['b', 'c']) staging.project.addServer({ name, id: name });
  const monitor = await sandbox.startMonitor('--namespace=');
  const phaseOf = (namespace: string, name: string): unknown => {
    const status = sandbox.cluster.get('servers', namespace, name)?.status;
    return isJsonObject(status) ? status['phase'] : undefined;
  };
  await monitor.untilStates('same', { running: 5 });
  // Of each project and each region. On a busy machine, one may have come too late for its poll.
  const logins = () => sides.map(({ cloud }) => cloud.requests.count({ route: 'POST /v3/auth/tokens' }));
  const first = logins();
  t.true(first.every((count) => count >= 2));
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
  t.deepEqual(logins(), first, 'what is of one side costs the other no login');
});

/** The same objects in both, but for what the clouds say of them. */
async function sameObjects(t: ExecutionContext) {
  const all = await sameManifests(t);
  for (const [index, { project }] of all.sides.entries()) {
    project.addServer({ name: 'web', id: 'web' });
    project.addServer({ name: 'lost', id: 'lost', cloud: null });
    project.addLoadBalancer({
      name: 'front',
      id: 'front',
      cloud: index === 0 ? {} : { provisioningStatus: 'ERROR' },
    });
  }
  return all;
}

async function untilFailed(
  { cloud, namespace }: { cloud: SandboxCloud; namespace: string },
  monitor: MonitorUnderTest,
): Promise<void> {
  const always = { times: Number.POSITIVE_INFINITY };
  cloud.faults.add({ kind: 'status', status: 500 }, { route: 'GET /servers/detail', ...always });
  await monitor.untilLogged('failed to resolve region, skipping', { namespace });
}

const placed = v.array(v.looseObject({ namespace: v.string(), regionId: v.string() }));

test('where all namespaces are watched, lines and /statusz name them', async (t) => {
  const { sandbox, staging, sides } = await sameObjects(t);
  const monitor = await sandbox.startMonitor('--namespace=', bothChecks);
  for (const [message, found] of [
    ['instance phase transition', { instance_id: 'web' }],
    ['instance state transition', { instance_id: 'web' }],
    ['load balancer state transition', { load_balancer_id: 'front' }],
    ['server not found in provider, skipping', { server: 'lost' }],
  ] as const)
    for (const { namespace } of sides) {
      await monitor.untilLogged(message, { ...found, namespace });
      t.is(monitor.logged(message, { ...found, namespace }).length, 1);
    }
  for (const [namespace, to_state] of [
    ['production', 'Healthy'],
    ['staging', 'Errored'],
  ] as const)
    t.is(monitor.logged('load balancer state transition', { namespace, to_state }).length, 1);
  await untilFailed(staging, monitor);
  const { problems, transitions } = v.parse(
    v.object({ problems: v.object({ groups: placed }), transitions: placed }),
    JSON.parse((await monitor.get('/statusz')).text),
  );
  const places = (of: v.InferOutput<typeof placed>) =>
    [...new Set(of.map(({ namespace, regionId }) => `${namespace}/${regionId}`))].toSorted();
  t.deepEqual(places(problems.groups), ['production/same', 'staging/same']);
  t.deepEqual(places(transitions), ['production/same', 'staging/same']);
});

test('where one namespace is watched, lines are as the original has them', async (t) => {
  const { sandbox } = await sameObjects(t);
  const monitor = await sandbox.startMonitor('--namespace=staging', bothChecks);
  await monitor.untilLogged('instance state transition');
  await monitor.untilLogged('server not found in provider, skipping');
  t.false(monitor.lines.some(({ fields }) => 'namespace' in fields));
});

test('check and doctor tell two Regions of one name from each other', async (t) => {
  const { sandbox, production, staging } = await sameObjects(t);
  production.cloud.faults.add(
    { kind: 'status', status: 403 },
    { route: 'GET /servers/detail', times: Number.POSITIVE_INFINITY },
  );
  const kubeconfig = sandbox.cluster.kubeconfig('staging');
  const once = async (command: string, ...flags: string[]) =>
    runOnce(t, { kubeconfig, args: [command, '--namespace=', ...flags], secrets: sandbox.secrets() });
  staging.cloud.deleteServer(staging.cloud.servers()[0]?.id ?? '');
  const { stdout, stderr } = await once('check', '--dry-run');
  t.regex(stdout, /^NAMESPACE +NAME/);
  t.regex(stdout, /^production +web .*! forbidden$/m);
  t.regex(stdout, /^staging +web .*! missing$/m);
  t.regex(stderr, /^north \(production\): /m);
  t.regex(stderr, /^north \(staging\): server not found in provider/m);
  const doctor = await once('doctor');
  t.regex(doctor.stdout, /^Region north \(same\) in namespace production$/m);
  t.regex(doctor.stdout, /^Region north \(same\) in namespace staging$/m);
});

browserTest('the status page shows two Regions of one name, with their namespaces', async (t) => {
  const browser = new TestBrowser();
  t.teardown(async () => browser.close());
  const { sandbox, staging } = await sameObjects(t);
  const monitor = await sandbox.startMonitor('--namespace=');
  await monitor.untilStates('same', { running: 2 });
  await untilFailed(staging, monitor);
  const page = await browser.open(t, `${await monitor.url()}/`);
  const row = (name: string) =>
    page.getByRole('table', { name: 'Regions' }).getByRole('row', { name, exact: false });
  await row('north (production)').getByText('up', { exact: false }).waitFor();
  await row('north (staging)').getByText('down', { exact: false }).waitFor();
  await page.getByRole('table', { name: 'Open problems' }).getByText('north (staging)').first().waitFor();
  await page
    .getByRole('table', { name: 'Latest transitions' })
    .getByText('north (production)')
    .first()
    .waitFor();
  t.pass();
});
