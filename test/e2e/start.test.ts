// How the monitor starts, and how it says why it cannot. Each test has a cluster and a monitor of its own.

import test, { type ExecutionContext } from 'ava';
import { StartupError } from '../../src/main/startup-error.ts';
import { type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

async function sandboxWithServer(t: ExecutionContext): Promise<Sandbox> {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  return sandbox;
}

/** Why the monitor did not start. */
async function startupError(t: ExecutionContext, monitor: MonitorUnderTest): Promise<StartupError> {
  const error = await t.throwsAsync(monitor.ended, { instanceOf: StartupError });
  return error ?? new StartupError('', '');
}

/** Time enough for a first poll that must succeed. */
const patient = ['--poll-period=20s', '--check-timeout=19s', '--request-timeout=18s'];

/** Time enough for lists that are answered: the stand-in and the monitors of all tests share a process. */
const lasting = '--startup-timeout=12s';

const role = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };

test('an API server that comes up after the monitor is waited for', async (t) => {
  const sandbox = await sandboxWithServer(t);
  await sandbox.cluster.pause();
  const monitor = await sandbox.startMonitor('--startup-timeout=30s');
  await monitor.untilLogged('failed to list or watch, trying again', { resource: 'servers' });
  const { status, text } = await monitor.get('/readyz');
  t.is(status, 503);
  t.true(text.includes('waiting for the caches'), text);
  t.is((await monitor.get('/healthz')).status, 200);
  await sandbox.cluster.resume();
  await monitor.untilReady();
  await sandbox.untilPhase('web', 'Running');
});

test('an API server that stays away ends the start: the error names resource, verb and address', async (t) => {
  const sandbox = await sandboxWithServer(t);
  await sandbox.cluster.pause();
  const { title, message } = await startupError(t, await sandbox.startMonitor(lasting));
  t.is(title, 'failed to sync caches');
  t.true(message.includes('--startup-timeout (12 s)'), message);
  for (const resource of ['regions', 'servers', 'identities', 'openstackidentities'])
    t.true(message.includes(`${resource}: list ${resource} in namespace region: `), message);
  t.true(message.includes(sandbox.cluster.url), message);
});

test('an API server that accepts and never answers ends the start', async (t) => {
  const sandbox = await sandboxWithServer(t);
  sandbox.cluster.faults.add({ times: Number.POSITIVE_INFINITY }, { kind: 'hang' });
  const { message } = await startupError(t, await sandbox.startMonitor(lasting));
  t.true(message.includes('servers: no answer to the list yet'), message);
});

test('a right that is missing ends the start: the error names resource, verb and status', async (t) => {
  const sandbox = await sandboxWithServer(t);
  sandbox.cluster.access.restrict([
    { ...role, resources: ['regions', 'identities', 'openstackidentities', 'secrets'] },
  ]);
  const { message } = await startupError(t, await sandbox.startMonitor(lasting));
  t.true(message.includes('servers: list servers in namespace region: 403 Forbidden'), message);
  t.true(message.includes('grant the right'), message);
  t.false(message.includes('regions: '), message);
});

test('the right to list without that to watch is said; what was listed is watched over', async (t) => {
  const sandbox = await sandboxWithServer(t);
  sandbox.cluster.access.restrict([
    { ...role, resources: ['servers'], verbs: ['list', 'get'] },
    { ...role, resources: ['servers/status'] },
    { ...role, resources: ['regions', 'identities', 'openstackidentities', 'secrets'] },
  ]);
  const monitor = await sandbox.startMonitor();
  const line = await monitor.untilLogged('failed to list or watch, trying again', { resource: 'servers' });
  t.true(line.error.includes('watch servers') && line.error.includes('403'), line.error);
  await sandbox.untilPhase('web', 'Running');
});

test('a definition that is not installed ends the start: the error names resource and status', async (t) => {
  const sandbox = await sandboxWithServer(t);
  sandbox.cluster.faults.add(
    { action: 'list servers', times: Number.POSITIVE_INFINITY },
    { kind: 'respond', status: 404, body: '404 page not found\n' },
  );
  const { message } = await startupError(t, await sandbox.startMonitor(lasting));
  t.true(message.includes('servers: list servers in namespace region: 404'), message);
});

test('regions that refuse, hang or answer 503 at the start do not keep the others waiting', async (t) => {
  const sandbox = await sandboxWithServer(t);
  const refusing = await sandbox.addRegion('refusing');
  await refusing.cloud.pause();
  const hanging = await sandbox.addRegion('hanging');
  hanging.cloud.faults.add({ kind: 'hang' });
  const broken = await sandbox.addRegion('broken');
  broken.cloud.faults.add({ kind: 'status', status: 503 });
  for (const region of [refusing, hanging, broken])
    sandbox.addServer(region.addProject(), { id: `in-${region.id}` });
  const monitor = await sandbox.startMonitor();
  await sandbox.untilPhase('web', 'Running');
  for (const [region, code] of [
    ['refusing', 'unreachable'],
    ['hanging', 'timeout'],
    ['broken', 'server-error'],
  ] as const)
    await monitor.untilLogged('failed to resolve region, skipping', { region, code });
  await monitor.untilReady();
  await monitor.untilStates('east', { running: 1 });
  await refusing.cloud.resume();
  hanging.cloud.faults.clear();
  broken.cloud.faults.clear();
  for (const region of ['refusing', 'hanging', 'broken']) await sandbox.untilPhase(`in-${region}`, 'Running');
  t.pass();
});

test('--require-all-regions ends the start when a region does not work, and names it', async (t) => {
  const sandbox = await sandboxWithServer(t);
  const bad = await sandbox.addRegion('bad');
  bad.cloud.faults.add({ kind: 'status', status: 503 });
  sandbox.addServer(bad.addProject(), { id: 'in-bad' });
  const monitor = await sandbox.startMonitor('--require-all-regions', ...patient);
  const { title, message } = await startupError(t, monitor);
  t.is(title, 'failed to initialize providers');
  t.true(message.includes('bad: ') && message.includes('503'), message);
});

test('--require-all-regions starts when all work', async (t) => {
  const sandbox = await sandboxWithServer(t);
  const monitor = await sandbox.startMonitor('--require-all-regions', ...patient);
  await sandbox.untilPhase('web', 'Running');
  await monitor.untilReady();
  t.pass();
});

test('an empty cluster is watched, and is ready', async (t) => {
  const sandbox = await startSandbox(t);
  const monitor = await sandbox.startMonitor();
  await monitor.untilReady();
  const region = await sandbox.addRegion('first');
  sandbox.addServer(region.addProject(), { id: 'web' });
  await sandbox.untilPhase('web', 'Running');
  t.deepEqual(await monitor.states('east'), {});
});
