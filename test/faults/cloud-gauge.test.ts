// What is shown of servers that cannot be observed: nothing, or for a while what they were last, for who asks for that. And
// how long ago they were observed.

import test, { type ExecutionContext } from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import {
  untouched,
  type WatchedCluster,
  watchCluster,
  watchPace,
} from '../fixtures/kubernetes/watched-cluster.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const upMetric = 'unikorn_region_monitor_region_up';
const ageMetric = 'unikorn_region_monitor_region_observation_age_seconds';
const region = 'region_id="changing"';

/** Seconds since the region was observed last. */
async function age({ monitor }: WatchedCluster): Promise<number> {
  return monitor.total(ageMetric, region);
}

/** The region fails until `asLongAs` resolves; then all is shown again, and nothing else ever was. */
async function failsFor(
  t: ExecutionContext,
  cluster: WatchedCluster,
  asLongAs: () => Promise<void>,
): Promise<void> {
  const { monitor, sandbox } = cluster;
  const assertPace = await watchPace(cluster);
  cluster.region.cloud.faults.add({ kind: 'status', status: 500 }, { route: 'GET /servers/detail' });
  await eventually('the failure', async () => (await monitor.total(upMetric, region)) === 0);
  await asLongAs();
  t.deepEqual(await monitor.states(untouched), { running: 1 });
  t.is(sandbox.server('lively').phase, 'Running');
  const before = await age(cluster);
  cluster.region.cloud.faults.clear();
  await monitor.untilStates('changing', { running: 2 });
  await eventually('a new observation', async () => (await age(cluster)) < before);
  t.is(await monitor.total(upMetric, region), 1);
  t.is(sandbox.patches('lively') + sandbox.patches('steady'), 2, 'nothing was written but at the start');
  await assertPace(t);
}

test('a region that fails leaves the gauge at once, and the age of its last observation grows', async (t) => {
  const cluster = await watchCluster(t);
  const { monitor } = cluster;
  await failsFor(t, cluster, async () => {
    await monitor.untilStates('changing', {});
    const first = await age(cluster);
    await monitor.untilRegionPolled('changing', 2);
    t.true((await age(cluster)) > first);
    t.deepEqual(await monitor.states('changing'), {});
  });
});

test('with --hold-last-known a region that fails stays in the gauge for that time, then leaves it', async (t) => {
  const heldSeconds = 8;
  const cluster = await watchCluster(t, { flags: [`--hold-last-known=${heldSeconds}s`] });
  const { monitor } = cluster;
  await failsFor(t, cluster, async () => {
    t.is(await monitor.total(upMetric, region), 0);
    const held = await monitor.states('changing');
    // Where it is not too late already, on a machine that is much too busy.
    if ((await age(cluster)) < heldSeconds) t.deepEqual(held, { running: 2 });
    await monitor.untilStates('changing', {});
    t.true((await age(cluster)) >= heldSeconds);
  });
});
