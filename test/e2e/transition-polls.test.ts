import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { SandboxProject } from '../../src/sandbox/sandbox-region.ts';
import { type Clock, systemClock } from '../../src/shared/clock.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startMonitor } from '../fixtures/monitor/monitor.ts';

// The first poll must not run out of time, for the next one is far away.
const rare = [
  '--poll-period=10m',
  '--transition-poll-period=1s',
  '--check-timeout=60s',
  '--request-timeout=50s',
];

function lists({ region, credentials: { projectId } }: SandboxProject): number {
  return region.cloud.requests.count({ route: 'GET /servers/detail', projectId });
}

async function untilLeftAlone(project: SandboxProject): Promise<void> {
  await eventually('the project is not asked any more', async () => {
    const before = lists(project);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return lists(project) === before;
  });
}

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
  const monitor = await sandbox.startMonitor(...rare);
  await sandbox.untilPhase('db', 'Running');
  await sandbox.untilPhase('web', 'Pending');

  region.cloud.updateServer(server.providerId, { status: 'ACTIVE', taskState: null });
  await sandbox.untilPhase('web', 'Running');
  t.is(await monitor.total('unikorn_region_monitor_polls_total'), 1, 'the next poll is far away');
  t.is(lists(quiet), 1);
  await monitor.untilStates('east', { running: 2 });

  await untilLeftAlone(busy);
});

test('a rebuild that never begins is asked for between polls for a quarter of an hour, and its age is shown', async (t) => {
  const sandbox = await startSandbox(t, { profile: 'v1.19' });
  const project = (await sandbox.addRegion('east')).addProject();
  const rebuild = { targetImageID: randomUUID(), state: 'Initiated' };
  const provisionedAt = '2026-01-01T00:00:00Z';
  sandbox.addServer(project, { id: 'web', status: { phase: 'Running', provisionedAt, rebuild } });
  let passedMs = 0;
  const clock: Clock = { ...systemClock, now: () => Date.now() + passedMs };
  const monitor = await startMonitor(t, {
    kubeconfig: sandbox.cluster.kubeconfig(namespace),
    flags: [`--namespace=${namespace}`, ...rare],
    clock,
  });
  await eventually('it is asked for between polls', () => lists(project) > 3);
  passedMs = 16 * 60_000;
  await untilLeftAlone(project);
  const age = 'unikorn_region_monitor_region_transition_age_seconds';
  t.true((await monitor.total(age, 'kind="rebuild"')) >= 16 * 60);
  t.deepEqual(sandbox.object('web').status?.['rebuild'], rebuild);
});
