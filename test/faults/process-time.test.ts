// The system's clock is stepped, the main thread stands still, the whole process stands still: deadlines and periods do not
// care, nobody is blamed for it, and what it did is seen.

import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type Clock, systemClock } from '../../src/shared/clock.ts';
import { findCondition, healthyType } from '../../src/shared/conditions.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { calmPeriodMs, pace, startMonitor } from '../fixtures/monitor/monitor.ts';
import { startMonitorProcess } from '../fixtures/monitor/monitor-process.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { assertTold } from '../fixtures/monitor/told.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const hourMs = 3_600_000;

class SteppedClock implements Clock {
  offsetMs = 0;

  now(): number {
    return systemClock.now() + this.offsetMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal);
  }
}

test('the clock is stepped by an hour, forward and back: no extra or missing poll, login or transition', async (t) => {
  t.timeout(120_000);
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  const { providerId } = sandbox.addServer(project, { id: 'lively' });
  sandbox.addServer(project, { id: 'building', cloud: { status: 'BUILD', powerState: 0 } });
  const clock = new SteppedClock();
  const periodMs = calmPeriodMs(2_000);
  const monitor = await startMonitor(t, {
    kubeconfig: sandbox.cluster.kubeconfig(namespace),
    flags: [`--namespace=${namespace}`, ...pace(periodMs), '--transition-poll-period=0s'],
    clock,
    secrets: () => sandbox.secrets(),
  });
  await monitor.untilStates('east', { running: 1, pending: 1 });
  await eventually('a stamp', () => sandbox.server('building').pendingEntryTime);
  const logins = () => region.cloud.requests.count({ route: 'POST /v3/auth/tokens' });
  const before = { logins: logins(), atMs: performance.now(), polls: await monitor.regionPolls('east') };

  const seconds = () => {
    const condition = findCondition(sandbox.server('lively').conditions, healthyType);
    return Date.parse(condition?.lastTransitionTime ?? '');
  };
  for (const [offsetMs, phase] of [
    [hourMs, 'Stopped'],
    [-hourMs, 'Running'],
    [0, 'Stopped'],
  ] as const) {
    clock.offsetMs = offsetMs;
    if (phase === 'Stopped') region.cloud.stop(providerId);
    else region.cloud.start(providerId);
    await sandbox.untilPhase('lively', phase);
    await monitor.untilRegionPolled('east', 2);
    t.true(Math.abs(seconds() - clock.now()) < 60_000, 'transition times are by the clock as it is');
  }
  // Stamped before the step, running "before" it was asked for.
  clock.offsetMs = -hourMs;
  for (const { id, status } of region.cloud.servers())
    if (status === 'BUILD') region.cloud.updateServer(id, { status: 'ACTIVE', powerState: 1 });
  await sandbox.untilPhase('building', 'Running');
  await monitor.untilLogged('skipping duration metric: negative duration (clock skew?)', {
    instance_id: 'building',
  });

  const polls = (await monitor.regionPolls('east')) - before.polls;
  const periods = (performance.now() - before.atMs) / periodMs;
  t.true(polls <= periods + 2, `${polls} polls in ${periods} periods`);
  t.true(polls >= periods / 2, `${polls} polls in ${periods} periods`);
  t.is(logins(), before.logins);
  await assertTold(t, { sandbox, monitor }, 'lively', [
    'Running Healthy',
    'Stopped Degraded',
    'Running Healthy',
    'Stopped Degraded',
  ]);
  const durations = monitor
    .logged('instance state transition', { instance_id: 'lively' })
    .map(({ fields }) => Number(fields['duration_ms']));
  t.true(
    durations.every((ms) => ms >= 0),
    durations.join(', '),
  );
  t.deepEqual(
    monitor.lines.filter(({ level }) => level === 'error'),
    [],
  );
  t.is((await monitor.get('/healthz')).status, 200);
});

for (const { name, stall } of [
  {
    name: 'the main thread stops for 5 s',
    stall: async (kill: (signal: NodeJS.Signals) => void) => kill('SIGUSR2'),
  },
  {
    name: 'the whole process stops for 5 s',
    stall: async (kill: (signal: NodeJS.Signals) => void) => {
      kill('SIGSTOP');
      setTimeout(() => kill('SIGCONT'), 5_000);
    },
  },
])
  test(`${name}: it is visible, no thread is terminated for it, and polls continue`, async (t) => {
    t.timeout(120_000);
    const sandbox = await startSandbox(t);
    const region = await sandbox.addRegion('east');
    const { providerId } = sandbox.addServer(region.addProject(), { id: 'lively' });
    const preload = fileURLToPath(new URL('../fixtures/monitor/blocking-main.ts', import.meta.url));
    const life = await startMonitorProcess(t, sandbox, {
      env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}` },
    });
    const stalled = async () => life.total('unikorn_region_monitor_event_loop_stall_seconds');
    await sandbox.untilPhase('lively', 'Running');
    await eventually('readiness', async () => (await life.get('/readyz'))?.status === 200);
    await eventually('the start is over', async () => (await stalled()) < 1);
    // What begins within a few milliseconds of a collection is not measured.
    await systemClock.sleep(200);

    await stall((signal) => life.child.kill(signal));
    await eventually('silence', async () => (await life.get('/healthz', 1_000)) === null, { everyMs: 0 });
    region.cloud.stop(providerId);
    t.is((await life.get('/healthz', 30_000))?.status, 200);
    t.true((await stalled()) > 4);
    const polls = await life.total('unikorn_region_monitor_polls_total');
    await sandbox.untilPhase('lively', 'Stopped');
    await eventually(
      'polls',
      async () => (await life.total('unikorn_region_monitor_polls_total')) > polls + 1,
    );
    t.is(life.logged('instance phase transition').length, 2);
    t.deepEqual(life.logged('worker thread ended, starting another'), []);
    t.is(await life.end('SIGTERM'), 0);
    t.deepEqual(
      life.lines.filter(
        (line) => line['level'] === 'error' && line['msg'] !== 'failed to resolve region, skipping',
      ),
      [],
    );
  });
