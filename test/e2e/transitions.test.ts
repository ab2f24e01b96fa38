// Section 11 of the original's behaviour, end to end: transitions in the log, the pending-entry annotation, the
// provision histogram, names in attributes, the state gauge. All tests share a monitor; each has servers of its own.

import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { SandboxProject, SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { findCondition, healthyType } from '../../src/shared/conditions.ts';
import { nameLabel, pendingEntryAnnotation } from '../../src/shared/labels.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { ago, healthy, namespace, type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;
let region: SandboxRegion;
let project: SandboxProject;

const phaseLine = 'instance phase transition';
const stateLine = 'instance state transition';
const provision = 'unikorn_region_server_provision_duration_seconds';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared));
  region = await sandbox.addRegion('alpha');
  project = region.addProject({ organization: 'acme' });
});

test.after.always('nothing secret was shown', async () => shared.release());

/** A flavor that no other test uses, in a region that the monitor has not asked for its flavors yet. */
async function ownFlavor(name: string): Promise<{ project: SandboxProject; flavorId: string }> {
  const own = await sandbox.addRegion(name);
  const { id } = own.cloud.addFlavor({ id: randomUUID(), name: `${name}.large` });
  return { project: own.addProject(), flavorId: id };
}

const annotation = (name: string) => sandbox.server(name).pendingEntryTime;
const healthyNow = healthy('True', 'Healthy', { message: 'server is healthy' });
const stamped = (stamp: string) => ({ [pendingEntryAnnotation]: stamp });
const notBooted = { status: 'BUILD', powerState: 0 };

test('a phase change is logged once, with all keys', async (t) => {
  sandbox.addServer(project, {
    id: 'phase-change',
    name: 'web-1',
    ageMs: 300_000,
    status: { phase: 'Pending', conditions: [healthyNow] },
  });
  const line = await monitor.untilLogged(phaseLine, { instance_id: 'phase-change' });
  t.is(line.level, 'info');
  const { time_since_creation_ms: age, ...rest } = line.fields;
  t.deepEqual(rest, {
    instance_id: 'phase-change',
    org_id: 'acme',
    region_id: 'alpha',
    from_phase: 'Pending',
    to_phase: 'Running',
    instance_name: 'web-1',
  });
  t.true(Number.isInteger(age) && Number(age) >= 300_000);
  await monitor.untilRegionPolled('alpha', 2);
  t.is(monitor.logged(phaseLine, { instance_id: 'phase-change' }).length, 1);
  t.is(monitor.logged(stateLine, { instance_id: 'phase-change' }).length, 0);
  t.is(sandbox.server('phase-change').phase, 'Running');
});

test('nothing is logged and nothing is written while neither phase nor health changes', async (t) => {
  sandbox.addServer(project, { id: 'same', status: { phase: 'Running', conditions: [healthyNow] } });
  await monitor.untilRegionPolled('alpha', 3);
  t.is(monitor.logged(phaseLine, { instance_id: 'same' }).length, 0);
  t.is(monitor.logged(stateLine, { instance_id: 'same' }).length, 0);
  t.is(sandbox.patches('same'), 0);
});

test('a change of the condition is logged once, with all keys and whole seconds', async (t) => {
  sandbox.addServer(project, {
    id: 'state-change',
    cloud: { status: 'REBOOT' },
    status: { phase: 'Running', conditions: [healthy('True', 'Healthy', { ageMs: 60_000 })] },
  });
  const { fields } = await monitor.untilLogged(stateLine, { instance_id: 'state-change' });
  const { duration_ms: duration, ...rest } = fields;
  t.deepEqual(rest, {
    instance_id: 'state-change',
    org_id: 'acme',
    region_id: 'alpha',
    from_state: 'Healthy',
    to_state: 'Degraded',
    instance_name: 'state-change',
    message: 'server is in state REBOOT',
  });
  t.true(Number(duration) >= 60_000 && Number(duration) % 1000 === 0);
  await monitor.untilRegionPolled('alpha', 2);
  t.is(monitor.logged(stateLine, { instance_id: 'state-change' }).length, 1);
  t.is(monitor.logged(phaseLine, { instance_id: 'state-change' }).length, 0);
});

test('a condition that differs in its reason only is written without a line, and keeps its time', async (t) => {
  const since = ago(3_600_000);
  const before = { ...healthy('True', 'Provisioning'), lastTransitionTime: since };
  sandbox.addServer(project, { id: 'reason-only', status: { phase: 'Running', conditions: [before] } });
  await sandbox.untilHealth('reason-only', 'True/Healthy: server is healthy');
  const condition = findCondition(sandbox.server('reason-only').conditions, healthyType);
  t.is(condition?.lastTransitionTime, since);
  await monitor.untilRegionPolled('alpha');
  t.is(monitor.logged(stateLine, { instance_id: 'reason-only' }).length, 0);
});

test('a condition that appears for the first time is logged as coming from "" since the creation', async (t) => {
  sandbox.addServer(project, { id: 'first-time', ageMs: 300_000, status: { phase: 'Running' } });
  const { fields } = await monitor.untilLogged(stateLine, { instance_id: 'first-time' });
  t.like(fields, { from_state: '', to_state: 'Healthy' });
  t.true(Number(fields['duration_ms']) >= 300_000);
});

test('a change of both phase and condition is one write and one line of each', async (t) => {
  sandbox.addServer(project, {
    id: 'both',
    cloud: { status: 'REBOOT' },
    annotations: { [pendingEntryAnnotation]: ago(5_000) },
    status: { phase: 'Pending', conditions: [healthyNow] },
  });
  await monitor.untilLogged(phaseLine, { instance_id: 'both', from_phase: 'Pending', to_phase: 'Running' });
  await monitor.untilLogged(stateLine, { instance_id: 'both', from_state: 'Healthy', to_state: 'Degraded' });
  await monitor.untilRegionPolled('alpha');
  t.is(monitor.logged(phaseLine, { instance_id: 'both' }).length, 1);
  t.is(monitor.logged(stateLine, { instance_id: 'both' }).length, 1);
  const writes = sandbox.cluster.requests.matching({ method: 'PATCH', path: /\/servers\/both\/status$/ });
  t.is(writes.length, 1);
});

test('conditions of other writers keep their place and their content', async (t) => {
  const available = {
    type: 'Available',
    status: 'True',
    reason: 'Provisioned',
    message: 'provisioned',
    lastTransitionTime: ago(9_000),
  };
  const conditions = [available, healthy('False', 'Degraded')];
  sandbox.addServer(project, {
    id: 'others',
    status: { phase: 'Running', conditions, privateIP: '10.0.0.9' },
  });
  await sandbox.untilHealth('others', 'True/Healthy: server is healthy');
  const { status } = sandbox.object('others');
  t.is(status?.['privateIP'], '10.0.0.9');
  t.deepEqual(sandbox.server('others').conditions[0], available);
  t.is(sandbox.server('others').conditions.length, 2);
});

test('an error carries the fault that the cloud tells', async (t) => {
  sandbox.addServer(project, {
    id: 'faulty',
    cloud: { status: 'ERROR', fault: 'No valid host was found.' },
    status: { phase: 'Pending', conditions: [healthyNow] },
  });
  await sandbox.untilHealth('faulty', 'False/Errored: server is in an error state: No valid host was found.');
  t.is(sandbox.server('faulty').phase, 'Pending');
});

test('a server that is being stopped stays Stopping until its power is off', async (t) => {
  const { providerId } = sandbox.addServer(project, {
    id: 'stopping',
    cloud: { taskState: 'powering-off' },
    status: { phase: 'Stopping', conditions: [healthyNow] },
  });
  await monitor.untilRegionPolled('alpha', 2);
  t.is(sandbox.server('stopping').phase, 'Stopping');
  region.cloud.stop(providerId);
  await monitor.untilLogged(phaseLine, {
    instance_id: 'stopping',
    from_phase: 'Stopping',
    to_phase: 'Stopped',
  });
  t.is(monitor.logged(phaseLine, { instance_id: 'stopping' }).length, 1);
});

test('pending annotation: stamped when a server enters Pending', async (t) => {
  sandbox.addServer(project, {
    id: 'enters',
    cloud: notBooted,
    status: { phase: 'Running', conditions: [healthyNow] },
  });
  await sandbox.untilHealth('enters', 'False/Degraded: server is in state BUILD');
  t.is(annotation('enters'), undefined);
  const began = ago(0);
  sandbox.cluster.patchStatus('servers', namespace, 'enters', { status: { phase: 'Pending' } });
  const stamp = await eventually('a stamp', () => annotation('enters'));
  t.regex(stamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.true(stamp >= began);
  t.is(monitor.logged(phaseLine, { instance_id: 'enters' }).length, 0);
});

test('pending annotation: not overwritten while the server stays Pending', async (t) => {
  const stamp = ago(300_000);
  sandbox.addServer(project, {
    id: 'stays',
    cloud: notBooted,
    annotations: { [pendingEntryAnnotation]: stamp, 'example.org/other': 'kept' },
    status: { phase: 'Pending', conditions: [healthyNow] },
  });
  await sandbox.untilHealth('stays', 'False/Degraded: server is in state BUILD');
  await monitor.untilRegionPolled('alpha', 2);
  t.is(annotation('stays'), stamp);
});

test('pending annotation: removed when the server leaves Pending, stamped anew when it comes back', async (t) => {
  const { providerId } = sandbox.addServer(project, {
    id: 'leaves',
    annotations: { [pendingEntryAnnotation]: ago(300_000), 'example.org/other': 'kept' },
    status: { phase: 'Pending', conditions: [healthyNow] },
  });
  await sandbox.untilPhase('leaves', 'Running');
  await eventually('no annotation', () => annotation('leaves') === undefined);
  t.deepEqual(sandbox.object('leaves').metadata.annotations, { 'example.org/other': 'kept' });

  region.cloud.updateServer(providerId, notBooted);
  await sandbox.untilHealth('leaves', 'False/Degraded: server is in state BUILD');
  const began = ago(0);
  sandbox.cluster.patchStatus('servers', namespace, 'leaves', { status: { phase: 'Pending' } });
  const stamp = await eventually('a new stamp', () => annotation('leaves'));
  t.true(stamp >= began);
});

test('provision histogram: one point for Pending to Running, with the four attributes', async (t) => {
  const own = await ownFlavor('provisioned');
  sandbox.addServer(own.project, {
    id: 'provisioned',
    cloud: { flavorId: own.flavorId },
    annotations: { [pendingEntryAnnotation]: ago(120_000) },
    status: { phase: 'Pending' },
  });
  const [count] = await eventually('a point', async () => {
    const series = await monitor.series(`${provision}_count`, 'region_id="provisioned"');
    return series.length > 0 && series;
  });
  const attributes =
    `region_id="provisioned",region_name="provisioned",flavor_id="${own.flavorId}",` +
    'flavor_name="provisioned.large"';
  t.is(count, `${provision}_count{${attributes}} 1`);
  const sum = await monitor.total(`${provision}_sum`, 'region_id="provisioned"');
  t.true(sum >= 120 && sum < 300, `sum ${sum}`);
  await monitor.untilRegionPolled('provisioned', 2);
  t.is(await monitor.total(`${provision}_count`, 'region_id="provisioned"'), 1);
});

test('provision histogram: no point without annotation, with an unreadable one, or for a time to come', async (t) => {
  const own = await ownFlavor('unmeasured');
  const pending = { phase: 'Pending', conditions: [healthyNow] };
  const cloud = { flavorId: own.flavorId };
  sandbox.addServer(own.project, { id: 'no-stamp', cloud, status: pending });
  sandbox.addServer(own.project, {
    id: 'bad-stamp',
    cloud,
    annotations: stamped('yesterday'),
    status: pending,
  });
  sandbox.addServer(own.project, {
    id: 'future-stamp',
    cloud,
    annotations: stamped(ago(-600_000)),
    status: pending,
  });
  for (const name of ['no-stamp', 'bad-stamp', 'future-stamp'])
    await monitor.untilLogged(phaseLine, { instance_id: name, to_phase: 'Running' });
  const bad = await monitor.untilLogged(
    'skipping provision duration: invalid pending-entry-time annotation',
    {
      instance_id: 'bad-stamp',
    },
  );
  t.true(bad.level === 'error' && bad.error.includes('"yesterday"'));
  await monitor.untilLogged('skipping duration metric: negative duration (clock skew?)', {
    instance_id: 'future-stamp',
  });
  t.deepEqual(await monitor.series(`${provision}_count`, 'region_id="unmeasured"'), []);
  for (const name of ['bad-stamp', 'future-stamp'])
    await eventually(`no annotation on ${name}`, () => annotation(name) === undefined);
});

test('region_name is "" where the Region has no name label', async (t) => {
  const nameless = await sandbox.addRegion('nameless');
  sandbox.cluster.patch('regions', namespace, 'nameless', { metadata: { labels: { [nameLabel]: null } } });
  sandbox.addServer(nameless.addProject(), { id: 'in-nameless' });
  await monitor.untilStates('nameless', { running: 1 });
  t.is(
    (await monitor.series('unikorn_region_server_state', 'region_id="nameless",region_name=""')).length,
    1,
  );
});

test('region_name follows the label at the next poll', async (t) => {
  const renamed = await sandbox.addRegion('renamed');
  sandbox.addServer(renamed.addProject(), { id: 'in-renamed' });
  await monitor.untilStates('renamed', { running: 1 });
  sandbox.cluster.patch('regions', namespace, 'renamed', { metadata: { labels: { [nameLabel]: 'Berlin' } } });
  await monitor.untilRegionPolled('renamed');
  const series = await monitor.series('unikorn_region_server_state', 'region_id="renamed"');
  t.is(series.length, 1);
  t.true(series[0]?.includes('region_name="Berlin"'));
});

test('flavor_name is "" where the flavors cannot be listed: said once, the id is kept', async (t) => {
  const broken = await sandbox.addRegion('flavorless');
  broken.cloud.faults.add({ kind: 'status', status: 500 }, { route: 'GET /flavors/detail' });
  sandbox.addServer(broken.addProject(), { id: 'in-flavorless' });
  const failure = { region: 'flavorless', code: 'server-error' };
  const line = await monitor.untilLogged('failed to list flavors', failure);
  t.true(line.level === 'error' && line.error.includes('500'));
  await monitor.untilStates('flavorless', { running: 1 });
  const attributes = `flavor_id="${broken.cloud.flavors[0]?.id}",flavor_name=""`;
  await eventually('a series without name', async () => {
    const series = await monitor.series('unikorn_region_server_state', 'region_id="flavorless"', attributes);
    return series.length === 1;
  });
  await monitor.untilRegionPolled('flavorless', 2);
  t.is(monitor.logged('failed to list flavors', failure).length, 1);
});

test('flavor_name is "" where the list does not hold the id', async (t) => {
  const own = await sandbox.addRegion('unlisted');
  sandbox.addServer(own.addProject(), { id: 'unlisted', flavorId: 'no-such-flavor' });
  await monitor.untilStates('unlisted', { running: 1 });
  const [series = ''] = await monitor.series('unikorn_region_server_state', 'region_id="unlisted"');
  t.true(series.includes('flavor_id="no-such-flavor",flavor_name=""'), series);
});

test('the gauge counts by state in lower case, and lets go of states that nobody is in', async (t) => {
  const counted = await sandbox.addRegion('counted');
  const own = counted.addProject();
  const running = sandbox.addServer(own, { id: 'counted-1' });
  sandbox.addServer(own, { id: 'counted-2', cloud: notBooted, status: { phase: 'Pending' } });
  sandbox.addServer(own, { id: 'counted-3', cloud: notBooted, status: { phase: 'Pending' } });
  await monitor.untilStates('counted', { pending: 2, running: 1 });
  t.is((await monitor.series('unikorn_region_server_state', 'region_id="counted"')).length, 2);
  counted.cloud.stop(running.providerId);
  await monitor.untilStates('counted', { pending: 2, stopped: 1 });
  t.pass();
});

test('a region that is defined while the monitor runs is watched from the next poll on', async (t) => {
  const late = await sandbox.addRegion('late');
  sandbox.addServer(late.addProject(), { id: 'in-late' });
  await sandbox.untilPhase('in-late', 'Running');
  await eventually(
    'region_up',
    async () => (await monitor.total('unikorn_region_monitor_region_up', 'region_id="late"')) === 1,
  );
  t.pass();
});
