// What the cloud says of servers, told in Server objects: which server is whose, odd states, cells that are down, servers
// that vanish, records that cannot be read. All tests share a monitor that lists all servers at every poll; each has a
// region of its own.

import test from 'ava';
import type { SandboxProject, SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { nameLabel } from '../../src/shared/labels.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { healthy, namespace, type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;

const phaseLine = 'instance phase transition';
const missing = 'server not found in provider, skipping';
const found = 'server found in provider again';
const confirming =
  'most servers of a project are missing at once, confirming with a new login before reporting it';
const unreachable = 'Unknown/Unknown: unable to determine server status';
const well = 'True/Healthy: server is healthy';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared, '--reconcile-every=1'));
});

test.after.always('nothing secret was shown', async () => shared.release());

async function addProject(name: string): Promise<{ region: SandboxRegion; project: SandboxProject }> {
  const region = await sandbox.addRegion(name);
  return { region, project: region.addProject() };
}

test('servers without metadata are told apart by their exact names: foo-4 is neither foo-48 nor xfoo-4', async (t) => {
  const { region, project } = await addProject('neighbours');
  const { projectId } = project.credentials;
  region.cloud.createServer(projectId, { name: 'foo-48', status: 'ERROR' });
  region.cloud.createServer(projectId, { name: 'xfoo-4', status: 'ERROR' });
  sandbox.addServer(project, { id: 'exact', name: 'foo-4', owned: false, cloud: { status: 'SHUTOFF' } });
  sandbox.addServer(project, { id: 'neighbour', name: 'foo-48', cloud: null });
  sandbox.addServer(project, { id: 'prefix', name: 'foo', cloud: null });
  sandbox.addServer(project, { id: 'pattern', name: 'foo.4', cloud: null });
  await sandbox.untilHealth('exact', 'False/Degraded: server is in state SHUTOFF');
  t.is(sandbox.server('exact').phase, 'Stopped');
  await sandbox.untilHealth('neighbour', 'False/Errored: server is in an error state');
  await monitor.untilLogged(missing, { server: 'prefix' });
  await monitor.untilLogged(missing, { server: 'pattern' });
});

test('a server is known by its metadata, whatever its name', async (t) => {
  const { region, project } = await addProject('owned');
  const { projectId } = project.credentials;
  region.cloud.createServer(projectId, { name: 'web', status: 'ERROR' });
  region.cloud.createServer(projectId, { name: 'other', metadata: { serverID: 'old-key' } });
  sandbox.addServer(project, { id: 'new-key', name: 'web' });
  sandbox.addServer(project, { id: 'old-key', name: 'web', cloud: null });
  await sandbox.untilPhase('new-key', 'Running');
  await sandbox.untilPhase('old-key', 'Running');
  t.is(sandbox.health('new-key'), well);
  t.is(sandbox.health('old-key'), well);
});

test('a rename in the cloud, or of the label, loses nothing', async (t) => {
  const { region, project } = await addProject('renames');
  const inCloud = sandbox.addServer(project, { id: 'cloud-renamed', owned: false });
  const onLabel = sandbox.addServer(project, { id: 'label-renamed', owned: false });
  await sandbox.untilPhase('cloud-renamed', 'Running');
  await sandbox.untilPhase('label-renamed', 'Running');
  region.cloud.rename(inCloud.providerId, 'another-name');
  sandbox.cluster.patch('servers', namespace, 'label-renamed', {
    metadata: { labels: { [nameLabel]: 'a-new-label' } },
  });
  await monitor.untilRegionPolled('renames');
  region.cloud.stop(inCloud.providerId);
  region.cloud.stop(onLabel.providerId);
  await sandbox.untilPhase('cloud-renamed', 'Stopped');
  await sandbox.untilPhase('label-renamed', 'Stopped');
  t.deepEqual(monitor.logged(missing, { region: 'renames' }), []);
});

test('a cell that is down: health Unknown, phase kept, counted; all is well when it is back', async (t) => {
  const { region, project } = await addProject('cells');
  const down = sandbox.addServer(project, { id: 'in-down-cell' });
  sandbox.addServer(project, { id: 'in-good-cell' });
  await monitor.untilStates('cells', { running: 2 });
  region.cloud.setCellDown({ serverIds: [down.providerId] }, true);
  await sandbox.untilHealth('in-down-cell', unreachable);
  await monitor.untilRegionPolled('cells');
  t.is(sandbox.server('in-down-cell').phase, 'Running');
  t.is(sandbox.health('in-good-cell'), well);
  t.deepEqual(await monitor.states('cells'), { running: 2 });
  t.deepEqual(monitor.logged(missing, { region: 'cells' }), []);
  region.cloud.setCellDown({ serverIds: [down.providerId] }, false);
  await sandbox.untilHealth('in-down-cell', well);
  await monitor.untilLogged('instance state transition', {
    instance_id: 'in-down-cell',
    from_state: 'Unknown',
  });
  const lines = monitor.logged('instance state transition', { instance_id: 'in-down-cell' });
  t.deepEqual(
    lines.map(({ fields }) => [fields['from_state'], fields['to_state']]),
    [
      ['', 'Healthy'],
      ['Healthy', 'Unknown'],
      ['Unknown', 'Healthy'],
    ],
  );
});

test('a server that was never seen, beside a cell that is down, may be in it: Unknown, not "not found"', async (t) => {
  const { region, project } = await addProject('dark');
  const dark = sandbox.addServer(project, {
    id: 'in-dark-cell',
    owned: false,
    status: { phase: 'Stopped', conditions: [healthy('False', 'Degraded')] },
  });
  // Before the monitor sees the region for the first time: nothing was awaited since.
  region.cloud.setCellDown({ serverIds: [dark.providerId] }, true);
  await sandbox.untilHealth('in-dark-cell', unreachable);
  t.is(sandbox.server('in-dark-cell').phase, 'Stopped');
  t.deepEqual(monitor.logged(missing, { region: 'dark' }), []);
});

test('PAUSED and SUSPENDED keep the phase, and are said once when they begin and once when they end', async (t) => {
  const { region, project } = await addProject('power');
  const status = { phase: 'Running' };
  const paused = sandbox.addServer(project, { id: 'paused', cloud: { status: 'PAUSED' }, status });
  const suspended = { status: 'SUSPENDED', powerState: 7 };
  sandbox.addServer(project, { id: 'suspended', cloud: suspended, status });
  const line = 'caught unsupported server power state';
  await monitor.untilLogged(line, { server: 'paused', powerState: 'PAUSED' });
  await monitor.untilLogged(line, { server: 'suspended', powerState: 'SUSPENDED' });
  await sandbox.untilHealth('paused', 'False/Degraded: server is in state PAUSED');
  await sandbox.untilHealth('suspended', 'False/Degraded: server is in state SUSPENDED');
  await monitor.untilRegionPolled('power', 2);
  t.is(monitor.logged(line).length, 2);
  t.is(sandbox.server('paused').phase, 'Running');
  t.is(sandbox.server('suspended').phase, 'Running');
  region.cloud.updateServer(paused.providerId, { status: 'ACTIVE' });
  await monitor.untilLogged('server left unsupported power state', { server: 'paused' });
  t.is(monitor.logged('server left unsupported power state').length, 1);
});

for (const [name, powerState] of [
  ['CRASHED', 6],
  ['NOSTATE', 0],
  ['unknown', 99],
] as const)
  test(`the power state ${name} keeps the phase without a word`, async (t) => {
    const id = `power-${name.toLowerCase()}`;
    const { project } = await addProject(id);
    sandbox.addServer(project, { id, cloud: { powerState }, status: { phase: 'Stopping' } });
    await sandbox.untilHealth(id, well);
    await monitor.untilRegionPolled(id);
    t.is(sandbox.server(id).phase, 'Stopping');
    t.deepEqual(await monitor.states(id), { stopping: 1 });
    t.deepEqual(monitor.logged('caught unsupported server power state', { server: id }), []);
    t.deepEqual(monitor.logged(phaseLine, { instance_id: id }), []);
  });

test('a status that nobody knows is Degraded with its name; none and UNKNOWN are Unknown', async (t) => {
  const { region, project } = await addProject('statuses');
  sandbox.addServer(project, { id: 'status-new', cloud: { status: 'TELEPORTING' } });
  sandbox.addServer(project, { id: 'status-unknown', cloud: { status: 'UNKNOWN' } });
  const none = sandbox.addServer(project, { id: 'status-none' });
  region.cloud.faults.add({ kind: 'malformed-record', defect: 'null-status', serverId: none.providerId });
  await sandbox.untilHealth('status-new', 'False/Degraded: server is in state TELEPORTING');
  await sandbox.untilHealth('status-unknown', unreachable);
  await sandbox.untilHealth('status-none', unreachable);
  for (const id of ['status-new', 'status-unknown', 'status-none']) t.is(sandbox.server(id).phase, 'Running');
});

test('a server that was deleted in the cloud is said once, not counted, left as it was, and found again', async (t) => {
  const { region, project } = await addProject('deletions');
  for (const id of ['stays-1', 'stays-2']) sandbox.addServer(project, { id });
  const { providerId } = sandbox.addServer(project, { id: 'goes' });
  await monitor.untilStates('deletions', { running: 3 });
  region.cloud.deleteServer(providerId);
  const { level, fields } = await monitor.untilLogged(missing, { server: 'goes' });
  t.is(level, 'info');
  t.is(fields['region'], 'deletions');
  await monitor.untilStates('deletions', { running: 2 });
  await monitor.untilRegionPolled('deletions', 2);
  t.is(monitor.logged(missing, { server: 'goes' }).length, 1);
  t.is(sandbox.server('goes').phase, 'Running');
  t.is(sandbox.health('goes'), well);

  const metadata = { 'region:server_id': 'goes' };
  region.cloud.createServer(project.credentials.projectId, { name: 'goes', metadata, status: 'SHUTOFF' });
  await sandbox.untilPhase('goes', 'Stopped');
  await monitor.untilLogged(found, { server: 'goes' });
  await monitor.untilStates('deletions', { running: 2, stopped: 1 });
});

test('an empty list with 200 is not believed before a complete one with a new login says the same', async (t) => {
  const { region, project } = await addProject('vanishing');
  for (const id of ['vanishing-1', 'vanishing-2', 'vanishing-3']) sandbox.addServer(project, { id });
  await monitor.untilStates('vanishing', { running: 3 });
  const { projectId } = project.credentials;
  const logins = () => region.cloud.requests.count({ route: 'POST /v3/auth/tokens', status: 201, projectId });
  const before = logins();

  // Once: the confirmation shows that it was not so.
  region.cloud.faults.add({ kind: 'empty-list' }, { projectId, times: 1 });
  const line = await monitor.untilLogged(confirming, { region: 'vanishing' });
  t.is(line.fields['servers'], 3);
  await monitor.untilStates('vanishing', { running: 3 });
  await monitor.untilRegionPolled('vanishing', 2);
  t.is(logins(), before + 1);
  t.deepEqual(monitor.logged(missing, { region: 'vanishing' }), []);

  // Again and again: then it is so.
  const empty = region.cloud.faults.add({ kind: 'empty-list' }, { projectId });
  for (const id of ['vanishing-1', 'vanishing-2', 'vanishing-3'])
    await monitor.untilLogged(missing, { server: id });
  await monitor.untilStates('vanishing', {});
  t.is(logins(), before + 2);
  t.is(monitor.logged(confirming, { region: 'vanishing' }).length, 2);
  t.is(sandbox.server('vanishing-1').phase, 'Running');

  empty.remove();
  await monitor.untilStates('vanishing', { running: 3 });
  t.is(monitor.logged(found, { region: 'vanishing' }).length, 3);
  t.is(monitor.logged(missing, { region: 'vanishing' }).length, 3);
});

for (const defect of ['wrong-types', 'missing-id', 'not-an-object'] as const)
  test(`a record with the defect "${defect}" costs its server only`, async (t) => {
    const name = `defect-${defect}`;
    const { region, project } = await addProject(name);
    const bad = sandbox.addServer(project, { id: `${name}-bad` });
    const good = sandbox.addServer(project, { id: `${name}-good` });
    await monitor.untilStates(name, { running: 2 });
    const fault = region.cloud.faults.add({ kind: 'malformed-record', defect, serverId: bad.providerId });
    const line = await monitor.untilLogged('failed to read a server record of the region, skipping', {
      region: name,
    });
    t.is(line.level, 'error');
    region.cloud.stop(good.providerId);
    region.cloud.stop(bad.providerId);
    await sandbox.untilPhase(good.id, 'Stopped');
    await monitor.untilRegionPolled(name);
    t.is(sandbox.server(bad.id).phase, 'Running');
    t.deepEqual(monitor.logged(missing, { region: name }), []);
    t.is(
      monitor.logged('failed to read a server record of the region, skipping', { region: name }).length,
      1,
    );
    fault.remove();
    await sandbox.untilPhase(bad.id, 'Stopped');
  });
