// A monitor in shadow mode, beside whatever else writes: it does everything but write.

import test from 'ava';
import { apiGroup } from '../../src/shared/labels.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';

const status = 'shadow: would write status';
const annotation = 'shadow: would write pending-entry annotation';
const metric = 'unikorn_region_monitor_shadow_writes_total';

test('with rights to read only, it says and counts once what it would write, and writes nothing', async (t) => {
  const sandbox = await startSandbox(t);
  const { cluster } = sandbox;
  const region = await sandbox.addRegion('north');
  const project = region.addProject();
  const server = sandbox.addServer(project, { id: 'a' });
  sandbox.addServer(project, { id: 'b', cloud: { status: 'BUILD' } });
  cluster.access.restrict([
    { apiGroups: [apiGroup], resources: ['*'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'] },
  ]);
  const monitor = await sandbox.startMonitor('--shadow');
  await monitor.untilStates('north', { running: 1, pending: 1 });
  await monitor.untilRegionPolled('north', 2);

  const { fields } = await monitor.untilLogged(status, { instance_id: 'a' });
  t.like(fields, {
    shadow: true,
    region_id: 'north',
    from_phase: '',
    to_phase: 'Running',
    from_state: '',
    to_state: 'Healthy',
    message: 'server is healthy',
  });
  t.is(monitor.logged(status).length, 2, 'once each, whatever the polls');
  t.is(monitor.logged(annotation, { instance_id: 'b', change: 'stamp' }).length, 1);
  t.is(await monitor.total(metric, 'kind="status"'), 2);
  t.is(await monitor.total(metric, 'kind="annotation"'), 1);

  // What is only seen is not told as what was done.
  t.deepEqual(monitor.logged('instance phase transition'), []);
  t.is(await monitor.total('unikorn_region_monitor_transitions_total'), 0);
  t.is(await monitor.total('unikorn_region_server_provision_duration_seconds_count'), 0);

  // The other monitor writes; then the cloud changes, and changes back before anybody writes.
  const healthyStatus = {
    phase: 'Running',
    conditions: [
      {
        type: 'Healthy',
        status: 'True',
        reason: 'Healthy',
        message: 'server is healthy',
        lastTransitionTime: '2026-11-22T07:00:00Z',
      },
    ],
  };
  cluster.patchStatus('servers', namespace, 'a', { status: healthyStatus });
  await monitor.untilRegionPolled('north');
  t.is(monitor.logged(status).length, 2, 'what the other one wrote is as it should be');
  region.cloud.updateServer(server.providerId, { status: 'SHUTOFF' });
  await monitor.untilLogged(status, { instance_id: 'a', to_phase: 'Stopped', from_state: 'Healthy' });
  region.cloud.updateServer(server.providerId, { status: 'ACTIVE' });
  await monitor.untilRegionPolled('north', 2);
  region.cloud.updateServer(server.providerId, { status: 'SHUTOFF' });
  await monitor.untilRegionPolled('north', 2);
  t.is(monitor.logged(status, { instance_id: 'a' }).length, 3, 'it would have been written anew');

  t.true(monitor.lines.every((line) => line.fields['shadow'] === true));
  t.is(cluster.requests.records.filter(({ method }) => method !== 'GET').length, 0);
  t.is(sandbox.server('b').phase, '');
  await monitor.stop();
});

test('beside a monitor that writes, it has nothing to say in the end', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('north');
  const project = region.addProject();
  for (const id of ['a', 'b', 'c']) sandbox.addServer(project, { id });
  const shadow = await sandbox.startMonitor('--shadow');
  const writing = await sandbox.startMonitor();
  await sandbox.untilPhase('c', 'Running');
  await shadow.untilStates('north', { running: 3 });
  await shadow.untilRegionPolled('north', 2);
  const told = shadow.logged(status).length;
  t.true(told <= 3);
  await shadow.untilRegionPolled('north', 2);
  t.is(shadow.logged(status).length, told);
  t.is(writing.logged('instance phase transition').length, 3);
});
