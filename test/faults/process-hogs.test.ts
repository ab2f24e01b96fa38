// Checks that take a processor or the memory for themselves. One after the other, each with a cluster of its own, so that
// what is measured is the monitor and not the machine.

import test, { type ExecutionContext } from 'ava';
import type { ErrorCode } from '../../src/shared/errors.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { untouched, watchCluster, watchPace } from '../fixtures/kubernetes/watched-cluster.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { assertTold } from '../fixtures/monitor/told.ts';
import { fixtureCheck } from '../fixtures/pool/fixture-job.ts';
import { replacedChecks } from '../fixtures/pool/replaced-checks.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const begins = 'failed to resolve region, skipping';

interface Hog {
  /** Of fixtures/checks; also the name of the region. */
  readonly check: string;
  readonly code: ErrorCode;
  readonly says: RegExp;
  readonly periodMs: number;
}

async function survive(t: ExecutionContext, { check, code, says, periodMs }: Hog): Promise<void> {
  const cluster = await watchCluster(t, { regionId: check, periodMs });
  const { sandbox, monitor, region, lively } = cluster;
  const assertPace = await watchPace(cluster);

  replacedChecks.set(check, fixtureCheck(check));
  region.cloud.stop(lively.providerId);
  const { error } = await monitor.untilLogged(begins, { region: check, code });
  replacedChecks.delete(check);
  t.regex(error, says);
  t.is(await monitor.total('unikorn_region_monitor_region_up', `region_id="${check}"`), 0);
  t.deepEqual(await monitor.states(check), {});
  t.is(sandbox.server('lively').phase, 'Running');
  t.is((await monitor.get('/healthz')).status, 200);
  t.true((await monitor.total('unikorn_region_monitor_worker_restarts_total', `reason="${code}"`)) > 0);
  t.true(monitor.logged('worker thread ended, starting another', { reason: code }).length > 0);

  await monitor.untilStates(check, { running: 1, stopped: 1 });
  await monitor.untilLogged('region resolved again', { region: check });
  await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const id of ['steady', 'bystander']) await assertTold(t, cluster, id, ['Running Healthy']);
  t.is(monitor.logged(begins, { region: check, code }).length, 1);
  t.deepEqual(monitor.logged(begins, { region: untouched }), []);
  await assertPace(t);
  // Threads are as many as before, and none of them for a suspect any more.
  await eventually('one thread', async () => {
    return (await monitor.series('unikorn_region_monitor_worker_heap_used_bytes')).length === 1;
  });
}

test.serial('a check loops: the other jobs of its thread run again in time', async (t) => {
  t.timeout(180_000);
  // Longer than it takes to find a thread that stands still.
  await survive(t, { check: 'loop', code: 'worker-stuck', says: /stopped responding/, periodMs: 7_000 });
});

test.serial('a check fills the memory of its thread', async (t) => {
  t.timeout(180_000);
  await survive(t, {
    check: 'out-of-memory-buffers',
    code: 'worker-out-of-memory',
    says: /used too much memory/,
    // Its memory is filled twice in a poll: once beside others, and once in a thread of its own.
    periodMs: 12_000,
  });
});
