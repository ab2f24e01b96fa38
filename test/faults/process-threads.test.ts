// Checks that end the thread they run on, or never end themselves, as the whole monitor sees them: the region is reported
// and tried again, the others keep their pace, and it is over when the check behaves again. All tests share a monitor;
// each has a region of its own, whose check is another module.

import test from 'ava';
import type { ErrorCode } from '../../src/shared/errors.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { FaultSuite } from '../fixtures/fault-suite.ts';
import { calmPeriodMs, pace } from '../fixtures/monitor/monitor.ts';
import { fixtureCheck } from '../fixtures/pool/fixture-job.ts';
import { replacedChecks } from '../fixtures/pool/replaced-checks.ts';

test.afterEach(assertDocumented);

const restarts = 'unikorn_region_monitor_worker_restarts_total';
const begins = 'failed to resolve region, skipping';
const ends = 'region resolved again';
const threadEnded = 'worker thread ended, starting another';

let suite: FaultSuite;

test.before(async () => {
  // Time enough to begin another thread within a poll, on a busy machine too.
  suite = await FaultSuite.start(...pace(calmPeriodMs(2_500)), '--workers=2');
});

test.after.always('all is as it was before', async (t) => {
  const { monitor } = suite;
  // No thread is left for a suspect.
  await eventually('two threads', async () => {
    return (await monitor.series('unikorn_region_monitor_worker_heap_used_bytes')).length === 2;
  });
  await suite.finish(t, { workerRestarts: await monitor.total(restarts) });
});

/** By name of the fixture, which is the name of the region, too. */
const misbehaviours: Readonly<
  Record<string, { name: string; code: ErrorCode; says: RegExp; endsThreads: boolean }>
> = {
  exit: {
    name: 'a check exits, at every poll',
    code: 'worker-crashed',
    says: /worker/i,
    endsThreads: true,
  },
  'throw-uncaught': {
    name: 'a check throws where nothing catches it, at every poll',
    code: 'worker-crashed',
    says: /thrown in a timer/,
    endsThreads: true,
  },
  'fail-import': {
    name: 'a check cannot be imported',
    code: 'internal',
    says: /a dependency is missing/,
    endsThreads: false,
  },
  'no-json': {
    name: 'a check returns a value that cannot be sent',
    code: 'internal',
    says: /BigInt/,
    endsThreads: false,
  },
  never: {
    name: 'a check never ends and ignores its signal',
    code: 'timeout',
    says: /did not end by its deadline/,
    endsThreads: false,
  },
};

for (const [check, { name, code, says, endsThreads }] of Object.entries(misbehaviours))
  test(name, async (t) => {
    t.timeout(120_000);
    const { sandbox, monitor } = suite;
    const { region, lively, steady } = await suite.addRegion(check);
    const assertPace = await suite.watchPace();

    replacedChecks.set(check, fixtureCheck(check));
    region.cloud.stop(lively.providerId);
    const { error } = await eventually('the failure', () =>
      monitor.logged(begins, { region: check, code }).find((line) => says.test(line.error)),
    );
    t.regex(error, says);
    await suite.untilFailed(check, 2);
    t.false(await suite.isUp(check));
    t.deepEqual(await monitor.states(check), {});
    t.is(sandbox.server(lively.id).phase, 'Running');
    t.is((await monitor.get('/healthz')).status, 200);
    if (endsThreads) {
      t.true((await monitor.total(restarts, `reason="${code}"`)) > 0);
      t.true(monitor.logged(threadEnded, { reason: code }).length > 0);
    }

    replacedChecks.delete(check);
    await monitor.untilStates(check, { running: 1, stopped: 1 });
    await monitor.untilRegionPolled(check);
    await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
    await suite.assertTold(t, steady, ['Running Healthy']);
    // Once; once more when another failure came in between.
    const said = monitor.logged(begins, { region: check });
    const others = said.filter(({ fields }) => fields['code'] !== code).length;
    t.true(said.length - others <= 1 + others, JSON.stringify(said));
    t.true(monitor.logged(ends, { region: check }).length > 0);
    await assertPace(t);
  });

test('a check throws in an idle moment after each answer: no answer is lost', async (t) => {
  t.timeout(120_000);
  const { sandbox, monitor } = suite;
  const id = 'health-then-throw';
  const { region, lively, steady } = await suite.addRegion(id);
  const assertPace = await suite.watchPace();
  const before = await suite.failedPolls(id);
  replacedChecks.set(id, fixtureCheck(id));
  region.cloud.stop(lively.providerId);
  await sandbox.untilPhase(lively.id, 'Stopped');
  await monitor.untilRegionPolled(id, 3);
  const failures = monitor.logged('worker thread failed');
  t.true(failures.some(({ error }) => error.includes('thrown in an idle moment')));
  replacedChecks.delete(id);
  await monitor.untilRegionPolled(id);
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  await suite.assertTold(t, steady, ['Running Healthy']);
  t.is(await suite.failedPolls(id), before);
  await assertPace(t);
});
