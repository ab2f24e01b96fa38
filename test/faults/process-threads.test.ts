// Checks that end, block or fill the thread they run on, as the whole monitor sees it: the region is reported and tried
// again, the others keep their pace, and it is over when the check behaves again. Each test has a cluster of its own.

import test, { type ExecutionContext } from 'ava';
import type { ErrorCode } from '../../src/shared/errors.ts';
import { eventually } from '../fixtures/eventually.ts';
import { fixtureCheck } from '../fixtures/fixture-job.ts';
import { replacedChecks } from '../fixtures/replaced-checks.ts';
import { assertTold, untouched, watchCluster, watchPace } from '../fixtures/watched-cluster.ts';

const begins = 'failed to resolve region, skipping';
const ends = 'region resolved again';
const threadEnded = 'worker thread ended, starting another';

interface Misbehaviour {
  /** Of fixtures/checks; also the name of the region. */
  readonly check: string;
  readonly code: ErrorCode;
  readonly says: RegExp;
  readonly endsThreads: boolean;
  /** Seconds between polls; 2 unless given: time enough to begin another thread, on a busy machine too. */
  readonly period?: number;
}

const pace = (seconds: number) => [
  `--poll-period=${seconds}s`,
  `--check-timeout=${seconds * 1_000 - 100}ms`,
  `--request-timeout=${seconds * 1_000 - 200}ms`,
];
async function survive(t: ExecutionContext, misbehaviour: Misbehaviour): Promise<void> {
  const { check, code, says, endsThreads, period = 2 } = misbehaviour;
  const cluster = await watchCluster(t, { regionId: check, flags: pace(period) });
  const { sandbox, monitor, region, lively } = cluster;
  const assertPace = await watchPace(cluster);

  replacedChecks.set(check, fixtureCheck(check));
  region.cloud.stop(lively.providerId);
  const { error } = await monitor.untilLogged(begins, { region: check, code });
  t.regex(error, says);
  // It is tried again and again, and hurts nobody else.
  if (period === 2) await monitor.untilRegionPolled(untouched, 2);
  t.is(await monitor.total('unikorn_region_monitor_region_up', `region_id="${check}"`), 0);
  t.deepEqual(await monitor.states(check), {});
  t.is(sandbox.server('lively').phase, 'Running');
  t.is((await monitor.get('/healthz')).status, 200);
  const restarts = await monitor.total('unikorn_region_monitor_worker_restarts_total', `reason="${code}"`);
  t.is(restarts > 0, endsThreads);
  t.is(monitor.logged(threadEnded, { reason: code }).length > 0, endsThreads);

  replacedChecks.delete(check);
  await monitor.untilStates(check, { running: 1, stopped: 1 });
  if (period === 2) await monitor.untilRegionPolled(check);
  assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const id of ['steady', 'bystander']) assertTold(t, cluster, id, ['Running Healthy']);
  t.is(monitor.logged(begins, { region: check, code }).length, 1);
  t.is(monitor.logged(ends, { region: check }).length, 1);
  t.deepEqual(monitor.logged(begins, { region: untouched }), []);
  await assertPace(t);
  // Threads are as many as before, and none of them for a suspect any more.
  await eventually('one thread', async () => {
    return (await monitor.series('unikorn_region_monitor_worker_heap_used_bytes')).length === 1;
  });
}

const misbehaviours: Readonly<Record<string, Misbehaviour>> = {
  'a check exits, at every poll': {
    check: 'exit',
    code: 'worker-crashed',
    says: /worker/i,
    endsThreads: true,
  },
  'a check throws where nothing can catch it': {
    check: 'throw-uncaught',
    code: 'worker-crashed',
    says: /thrown in a timer/,
    endsThreads: true,
  },
  'a check fills the memory of its thread': {
    check: 'out-of-memory-buffers',
    code: 'worker-out-of-memory',
    says: /used too much memory/,
    endsThreads: true,
    // Time enough to fill it.
    period: 5,
  },
  'a check cannot be imported': {
    check: 'fail-import',
    code: 'internal',
    says: /a dependency is missing/,
    endsThreads: false,
  },
  'a check never ends': {
    check: 'never',
    code: 'timeout',
    says: /did not end by its deadline/,
    endsThreads: false,
  },
  'a check loops': {
    check: 'loop',
    code: 'worker-stuck',
    says: /stood still/,
    endsThreads: true,
    // Longer than it takes to find a thread that stands still: what else it held can be done again in time.
    period: 7,
  },
};

// The loop has one processor for itself: the others wait until it is over.
for (const [name, misbehaviour] of Object.entries(misbehaviours))
  (misbehaviour.check === 'loop' ? test.serial : test)(name, async (t) => {
    t.timeout(180_000);
    await survive(t, misbehaviour);
  });

test('a check throws in an idle moment after each answer: it costs nobody an answer', async (t) => {
  t.timeout(120_000);
  const id = 'health-then-throw';
  const cluster = await watchCluster(t, { regionId: id, flags: pace(2) });
  const { sandbox, monitor, region, lively } = cluster;
  const assertPace = await watchPace(cluster);
  replacedChecks.set(id, fixtureCheck(id));
  region.cloud.stop(lively.providerId);
  await sandbox.untilPhase('lively', 'Stopped');
  await eventually('three threads to end', () => monitor.logged(threadEnded).length >= 3);
  await monitor.untilRegionPolled(untouched, 2);
  const [failed] = monitor.logged('worker thread failed');
  t.regex(failed?.error ?? '', /thrown in an idle moment/);
  replacedChecks.delete(id);
  await monitor.untilRegionPolled(id, 2);
  assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const server of ['steady', 'bystander']) assertTold(t, cluster, server, ['Running Healthy']);
  await assertPace(t);
});
