import test from 'ava';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';

test('a project with a server in transition is asked between two polls, others are not', async (t) => {
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const busy = region.addProject();
  const quiet = region.addProject();
  const server = busy.addServer({
    name: 'web',
    id: 'web',
    cloud: { status: 'BUILD', taskState: 'spawning' },
  });
  quiet.addServer({ name: 'db', id: 'db' });
  const monitor = await sandbox.startMonitor('--poll-period=10m', '--transition-poll-period=1s');
  await sandbox.untilPhase('db', 'Running');
  await sandbox.untilPhase('web', 'Pending');

  region.cloud.updateServer(server.providerId, { status: 'ACTIVE', taskState: null });
  await sandbox.untilPhase('web', 'Running');
  t.is(await monitor.total('unikorn_region_monitor_polls_total'), 1, 'the next poll is far away');
  const asked = (projectId: string) =>
    region.cloud.requests.count({ route: 'GET /servers/detail', projectId });
  t.is(asked(quiet.credentials.projectId), 1);
  await monitor.untilStates('east', { running: 2 });

  await eventually('the busy project has settled', async () => {
    const before = asked(busy.credentials.projectId);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return asked(busy.credentials.projectId) === before;
  });
});
