import test from 'ava';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';

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
  await sandbox.untilPhase('web', 'Running');
  await sandbox.untilHealth('web', 'True/Healthy: server is healthy');
  await sandbox.untilPhase('batch', 'Stopped');
  await sandbox.untilHealth('batch', 'False/Degraded: server is in state SHUTOFF');
  await sandbox.untilPhase('broken', 'Pending');
  await sandbox.untilHealth('broken', 'False/Errored: server is in an error state: No valid host was found.');

  await monitor.untilRegionPolled('east');
  const writes = sandbox.cluster.requests.count({ method: 'PATCH' });
  const logins = region.cloud.requests.logins;
  await monitor.untilRegionPolled('east', 2);
  t.is(sandbox.cluster.requests.count({ method: 'PATCH' }), writes);
  t.is(region.cloud.requests.logins, logins);

  region.cloud.stop(web.providerId);
  const stopped = { instance_id: 'web', to_phase: 'Stopped' };
  const { fields } = await monitor.untilLogged('instance phase transition', stopped);
  t.like(fields, { org_id: 'acme', region_id: 'east', from_phase: 'Running' });
  await monitor.untilRegionPolled('east');
  t.is(monitor.logged('instance phase transition', stopped).length, 1);
});
