import test from 'ava';
import { startSandbox } from '../fixtures/sandbox.ts';

test('the first poll gives every server its phase and health, the next writes and logs in no more', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject({ organization: 'acme' });
  const web = project.addServer({ name: 'web', id: 'web' });
  project.addServer({ name: 'batch', id: 'batch', cloud: { status: 'SHUTOFF' } });
  project.addServer({
    name: 'broken',
    id: 'broken',
    cloud: { status: 'ERROR', fault: 'No valid host was found.' },
  });
  const monitor = await sandbox.startMonitor();
  await monitor.untilReady();
  t.is(sandbox.server('web').phase, 'Running');
  t.is(sandbox.health('web'), 'True/Healthy: server is healthy');
  t.is(sandbox.server('batch').phase, 'Stopped');
  t.is(sandbox.health('batch'), 'False/Degraded: server is in state SHUTOFF');
  t.is(sandbox.server('broken').phase, 'Pending');
  t.is(sandbox.health('broken'), 'False/Errored: server is in an error state: No valid host was found.');

  const writes = sandbox.cluster.requests.count({ method: 'PATCH' });
  const logins = region.cloud.requests.logins;
  await monitor.untilPolled(2);
  t.is(sandbox.cluster.requests.count({ method: 'PATCH' }), writes);
  t.is(region.cloud.requests.logins, logins);

  region.cloud.stop(web.providerId);
  await sandbox.untilPhase('web', 'Stopped');
  const [line, ...more] = monitor.logged('instance phase transition', {
    instance_id: 'web',
    to_phase: 'Stopped',
  });
  t.like(line?.fields, { org_id: 'acme', region_id: 'east', from_phase: 'Running' });
  t.is(more.length, 0);
});
