// Rights that are missing at the start, taken away later and given back, and tokens that are renewed. Each right of the
// table is needed: without it a line names resource and verb, and everything else goes on. No others are.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type RequiredRight, requiredRights } from '../../src/main/kubernetes/required-rights.ts';
import { StartupError } from '../../src/main/startup-error.ts';
import type { AccessRule, SandboxKubernetes } from '../../src/sandbox/kubernetes/api.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { TokenGate } from '../fixtures/kubernetes/token-gate.ts';
import {
  outageBegins,
  outageEnds,
  untilOutagesEnded,
  type WatchedCluster,
  watchCluster,
  watchPace,
} from '../fixtures/kubernetes/watched-cluster.ts';
import { startMonitor } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { assertTold } from '../fixtures/monitor/told.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

type Verb = RequiredRight['verbs'][number];

/** The rights of the table, but for one verb of some resources. */
function rightsWithout(verb: Verb, resources: readonly string[]): readonly AccessRule[] {
  return requiredRights.map(({ group, resource, verbs }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: verbs.filter((each) => !resources.includes(resource) || each !== verb),
  }));
}

const all = rightsWithout('get', []);
const caches = ['regions', 'servers', 'identities', 'openstackidentities'] as const;

interface MissingRight {
  readonly verb: Verb;
  readonly resources: readonly string[];
  /** Makes the monitor need it; `lively` is stopped already. */
  readonly provoke?: (cluster: WatchedCluster) => void;
  /** The line that says that it is missing, and the one that it is there again. */
  readonly line: string;
  readonly ends: string;
  /** Whether `lively` cannot be written without it. */
  readonly holdsWrites: boolean;
}

const missing: readonly MissingRight[] = [
  {
    verb: 'list',
    resources: caches,
    provoke: ({ sandbox }) => sandbox.cluster.faults.expireWatches(),
    line: outageBegins,
    ends: outageEnds,
    holdsWrites: false,
  },
  {
    verb: 'watch',
    resources: caches,
    provoke: ({ sandbox }) => void sandbox.cluster.faults.closeWatches(),
    line: outageBegins,
    ends: outageEnds,
    holdsWrites: false,
  },
  {
    verb: 'get',
    resources: ['secrets'],
    line: 'failed to resolve region, skipping',
    ends: 'region resolved again',
    holdsWrites: true,
  },
  {
    verb: 'patch',
    resources: ['servers/status'],
    line: 'failed to check server, skipping',
    ends: 'server checked again',
    holdsWrites: true,
  },
  {
    verb: 'get',
    resources: ['servers'],
    provoke: ({ sandbox }) =>
      void sandbox.cluster.faults.conflict({ path: /\/servers\/lively\//, times: Number.POSITIVE_INFINITY }),
    line: 'failed to check server, skipping',
    ends: 'server checked again',
    holdsWrites: true,
  },
  {
    verb: 'patch',
    resources: ['servers'],
    provoke: ({ sandbox, project }) =>
      void sandbox.addServer(project, { id: 'building', cloud: { status: 'BUILD', powerState: 0 } }),
    line: 'failed to patch pending-entry annotation',
    ends: 'pending-entry annotation patched again',
    holdsWrites: false,
  },
];

for (const { verb, resources, provoke, line, ends, holdsWrites } of missing)
  test(`the right to ${verb} ${resources.join(', ')} is taken away and given back`, async (t) => {
    t.timeout(120_000);
    const cluster = await watchCluster(t);
    const { sandbox, monitor, region, lively } = cluster;
    // Without the right to Secrets no region can be asked, a moment later.
    const unasked = resources.includes('secrets');
    const assertPace = unasked ? async () => {} : await watchPace(cluster);
    sandbox.cluster.access.restrict(rightsWithout(verb, resources));
    if (!unasked) region.cloud.stop(lively.providerId);
    provoke?.(cluster);
    const refusals = () => monitor.logged(line).filter(({ error }) => error.includes('403'));
    for (const resource of resources) {
      const { error } = await eventually(`a line about ${verb} ${resource}`, () =>
        refusals().find((refusal) => refusal.error.includes(`${verb} ${resource} `)),
      );
      t.regex(error, /403 Forbidden: .*cannot .* \(grant the right in the role/);
    }
    if (unasked) region.cloud.stop(lively.providerId);
    await monitor.untilPolled(2);
    t.is((await monitor.get('/healthz')).status, 200);
    if (holdsWrites) t.is(sandbox.server('lively').phase, 'Running');
    const said = refusals().map(({ fields }) => JSON.stringify(fields));
    t.is(new Set(said).size, said.length, 'once for each that it concerns');

    sandbox.cluster.access.restrict(all);
    sandbox.cluster.faults.clear();
    await sandbox.untilPhase('lively', 'Stopped');
    await monitor.untilLogged(ends);
    await untilOutagesEnded(monitor);
    await monitor.untilRegionPolled('changing', 2);
    await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
    for (const id of ['steady', 'bystander']) await assertTold(t, cluster, id, ['Running Healthy']);
    await assertPace(t);
  });

test('the right to list a resource is missing at the start, and is granted before the start fails', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  sandbox.cluster.access.restrict(rightsWithout('list', ['identities']));
  const monitor = await sandbox.startMonitor('--startup-timeout=60s');
  const { error, fields } = await monitor.untilLogged(outageBegins);
  t.is(fields['resource'], 'identities');
  t.true(error.startsWith('list identities in namespace region: 403 Forbidden: '), error);
  t.is((await monitor.get('/readyz')).status, 503);
  sandbox.cluster.access.restrict(all);
  await sandbox.untilPhase('web', 'Running');
  await monitor.untilLogged(outageEnds, { resource: 'identities' });
  await monitor.untilReady();
  t.is(monitor.logged(outageBegins).length, 1);
});

test('without any right the start fails with a line that names all four resources', async (t) => {
  const sandbox = await startSandbox(t);
  sandbox.cluster.access.restrict([]);
  const monitor = await sandbox.startMonitor('--startup-timeout=6s');
  const error = await t.throwsAsync(monitor.ended, { instanceOf: StartupError });
  for (const resource of caches)
    t.true(error?.message.includes(`${resource}: list ${resource} in namespace region: 403 Forbidden`));
});

test('with exactly the rights of the table, nothing is ever refused', async (t) => {
  t.timeout(120_000);
  const sandbox = await startSandbox(t);
  const { cluster } = sandbox;
  // Each verb of the table is taken away by one of the tests above.
  t.deepEqual(
    missing.flatMap(({ verb, resources }) => resources.map((resource) => `${verb} ${resource}`)).toSorted(),
    requiredRights.flatMap(({ resource, verbs }) => verbs.map((verb) => `${verb} ${resource}`)).toSorted(),
  );
  cluster.access.restrict(all);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: 'web' });
  sandbox.addServer(project, { id: 'building', cloud: { status: 'BUILD', powerState: 0 } });
  const monitor = await sandbox.startMonitor();
  await sandbox.untilPhase('web', 'Running');
  await eventually('a stamp', () => sandbox.server('building').pendingEntryTime);
  cluster.faults.conflict({ path: /\/servers\/web\/status/ });
  cluster.faults.expireWatches();
  region.putSecret();
  region.cloud.stop(providerId);
  await sandbox.untilPhase('web', 'Stopped');
  await untilOutagesEnded(monitor);
  await monitor.untilLogged('custom resource definitions detected');
  assertNothingRefused(t, cluster);
  t.deepEqual(monitor.logged('failed to detect the custom resource definitions'), []);
});

function assertNothingRefused(t: ExecutionContext, cluster: SandboxKubernetes): void {
  const refused = [401, 403].flatMap((status) => cluster.requests.matching({ status }));
  t.deepEqual(
    refused.map(({ action }) => action),
    [],
  );
}

test('the token file is renewed as the token expires; the next time it is renewed too late', async (t) => {
  t.timeout(120_000);
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: 'web' });
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const tokenFile = join(folder, 'token');
  const renew = async (token: string) => writeFile(tokenFile, `${token}\n`);
  const tokens = Array.from({ length: 3 }, () => sandbox.newPassword());
  const [first = '', second = '', third = ''] = tokens;
  await renew(first);
  const gate = await TokenGate.start(t, sandbox.cluster.url, first);
  const monitor = await startMonitor(t, {
    kubeconfig: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'gate',
      clusters: [{ name: 'gate', cluster: { server: `http://127.0.0.1:${gate.port}` } }],
      users: [{ name: 'monitor', user: { tokenFile } }],
      contexts: [{ name: 'gate', context: { cluster: 'gate', user: 'monitor' } }],
    }),
    flags: [`--namespace=${namespace}`],
    secrets: () => sandbox.secrets(),
  });
  await sandbox.untilPhase('web', 'Running');

  await renew(second);
  gate.rotate(second);
  region.cloud.stop(providerId);
  await sandbox.untilPhase('web', 'Stopped');
  await untilOutagesEnded(monitor);
  t.true(gate.refused > 0);
  t.deepEqual(
    monitor.lines.filter(({ error }) => error.includes('401')),
    [],
    'nobody had to know',
  );

  gate.rotate(third);
  const { error } = await eventually('a refusal', () =>
    monitor.logged(outageBegins).find((line) => line.error.includes('401')),
  );
  t.regex(error, /in namespace region: 401 Unauthorized: .*renew the token, certificate or kubeconfig/);
  region.cloud.start(providerId);
  await monitor.untilPolled(2);
  t.is(sandbox.server('web').phase, 'Stopped');
  await renew(third);
  await sandbox.untilPhase('web', 'Running');
  await untilOutagesEnded(monitor);
  await monitor.untilRegionPolled('east', 2);
  const phases = monitor.logged('instance phase transition').map(({ fields }) => fields['to_phase']);
  t.deepEqual(phases, ['Running', 'Stopped', 'Running']);
});

test('the definition of a resource is missing at the start, and is installed before the start fails', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  const fault = sandbox.cluster.faults.add(
    { path: /\/apis\/region\.unikorn-cloud\.org\//, times: Number.POSITIVE_INFINITY },
    { kind: 'respond', status: 404, body: '404 page not found\n' },
  );
  const monitor = await sandbox.startMonitor('--startup-timeout=60s');
  const { error } = await monitor.untilLogged(outageBegins, { resource: 'servers' });
  t.regex(error, /^list servers in namespace region: 404: 404 page not found/);
  t.is((await monitor.get('/readyz')).status, 503);
  fault.remove();
  await sandbox.untilPhase('web', 'Running');
  await monitor.untilReady();
  await untilOutagesEnded(monitor);
  t.pass();
});

test('the definitions are upgraded in operation, v1.16 to v1.19: nothing is lost or refused', async (t) => {
  const cluster = await watchCluster(t);
  const { sandbox, monitor, region, project, lively } = cluster;
  const assertPace = await watchPace(cluster);
  sandbox.cluster.setProfile('v1.19');
  // As a real API server does when a definition changes.
  sandbox.cluster.faults.closeWatches();
  region.cloud.stop(lively.providerId);
  sandbox.addServer(project, { id: 'later', cloud: { status: 'BUILD', powerState: 0 } });
  await sandbox.untilPhase('lively', 'Stopped');
  // Within a minute, the new server is shown as the new definitions have it.
  await sandbox.untilPhase('later', 'Building');
  await monitor.untilRegionPolled('changing', 2);
  await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const id of ['steady', 'bystander']) await assertTold(t, cluster, id, ['Running Healthy']);
  t.deepEqual(monitor.logged('failed to check server, skipping'), []);
  await assertPace(t);
});
