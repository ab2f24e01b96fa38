// More jobs than the queue of the pool takes: those that find no room are reported for their regions, and asked for again.

import test from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { watchCluster } from '../fixtures/kubernetes/watched-cluster.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';
import { assertTold } from '../fixtures/monitor/told.ts';
import { fixtureCheck, fixtureJob } from '../fixtures/pool/fixture-job.ts';
import { pools } from '../fixtures/pool/replaced-checks.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const begins = 'failed to resolve region, skipping';

test('the queue of the pool is temporarily full', async (t) => {
  t.timeout(120_000);
  const cluster = await watchCluster(t);
  const { sandbox, monitor, region, lively } = cluster;
  const [pool] = pools;
  if (pool === undefined) throw new Error('the monitor has no pool');
  const ebb = new AbortController();
  let refused = 0;
  const flood = async () => {
    while (!ebb.signal.aborted) {
      const ran = await pool.run(fixtureCheck('wait'), fixtureJob('flood', { waitMs: 30 }));
      if (ran.ok) continue;
      refused += 1;
      // Somebody who asks again at once would only measure himself.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const flooders = Array.from({ length: 6_000 }, flood);
  region.cloud.stop(lively.providerId);
  const { error } = await monitor.untilLogged(begins, { region: 'changing', code: 'queue-full' });
  t.regex(error, /too many checks wait for a worker: raise --workers/);
  t.true(refused > 0);
  t.is((await monitor.get('/healthz')).status, 200);
  t.deepEqual(await monitor.states('changing'), {});
  t.is(sandbox.server('lively').phase, 'Running');
  ebb.abort();
  await Promise.all(flooders);

  await monitor.untilStates('changing', { running: 1, stopped: 1 });
  await monitor.untilLogged('region resolved again', { region: 'changing' });
  await monitor.untilRegionPolled('changing', 2);
  await assertTold(t, cluster, 'lively', ['Running Healthy', 'Stopped Degraded']);
  for (const id of ['steady', 'bystander']) await assertTold(t, cluster, id, ['Running Healthy']);
  t.is(monitor.logged(begins, { region: 'changing', code: 'queue-full' }).length, 1);
  await eventually('an empty queue', async () => {
    return (await monitor.total('unikorn_region_monitor_worker_queue_length')) === 0;
  });
});
