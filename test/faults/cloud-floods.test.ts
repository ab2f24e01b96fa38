// Several clouds that send without end, for all projects at once: the memory of the worker that reads them is bounded.

import test from 'ava';
import { assertDocumented } from '../fixtures/documented.ts';
import { FaultSuite } from '../fixtures/fault-suite.ts';

const ids = ['flood-a', 'flood-b', 'flood-c'];
const projects = 5;
const gigabyte = 1 << 30;

test.afterEach(assertDocumented);

test('10 GB for each of five projects in three regions: no thread ends, and the healthy region is not affected', async (t) => {
  const suite = await FaultSuite.start();
  const { monitor, sandbox } = suite;
  const regions = await Promise.all(ids.map(async (id) => suite.addRegion(id)));
  for (const { id, region } of regions) {
    for (let index = 1; index < projects; index++)
      sandbox.addServer(region.addProject(), { id: `${id}-${index}` });
    await monitor.untilStates(id, { running: 2 + projects - 1 });
  }
  const assertPace = await suite.watchPace();
  for (const { region } of regions)
    region.cloud.faults.add({ kind: 'huge', bytes: 10 * gigabyte }, { route: 'GET /servers/detail' });
  for (const { id } of regions) await suite.untilFailed(id, 4);
  for (const { id, region, lively } of regions) {
    t.true(await suite.breakerOpen(id));
    region.cloud.faults.clear();
    region.cloud.stop(lively.providerId);
  }
  for (const { id, steady, lively } of regions) {
    await monitor.untilStates(id, { running: projects, stopped: 1 });
    await suite.assertTold(t, steady, ['Running Healthy']);
    await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  }
  await assertPace(t);
  // No thread was ended for its memory.
  await suite.finish(t);
});
