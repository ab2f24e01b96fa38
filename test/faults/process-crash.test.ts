// The process is killed in the middle of a mass of writes, and started again: nothing is lost, nothing is done twice.

import test from 'ava';
import { findCondition, healthyType } from '../../src/shared/conditions.ts';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startMonitorProcess } from '../fixtures/monitor/monitor-process.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

const writeConcurrency = 4;

test('SIGKILL in the middle of many writes, twice: three runs log every transition, and none twice', async (t) => {
  t.timeout(120_000);
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  const project = region.addProject();
  const ids = Array.from({ length: 120 }, (_, index) => `web-${index}`);
  for (const id of ids) sandbox.addServer(project, { id });
  const isWritten = (id: string) => sandbox.server(id).phase !== '';
  const written = () => ids.filter(isWritten).length;
  const writes = { method: 'PATCH', path: /\/status/ };
  const slow = sandbox.cluster.faults.add(
    { ...writes, times: Number.POSITIVE_INFINITY },
    { kind: 'delay', ms: 40 },
  );

  const logs: string[] = [];
  for (const enough of [30, 70]) {
    const life = await startMonitorProcess(t, sandbox, {
      flags: [`--write-concurrency=${writeConcurrency}`],
    });
    await eventually(`${enough} writes`, () => written() >= enough, { everyMs: 2 });
    t.is(await life.end('SIGKILL'), 'SIGKILL');
    logs.push(life.log);
  }
  // What was on its way when it was killed is still done, or not: both are whole.
  const between = written();
  t.true(between < ids.length, `${between} were written`);
  for (const id of ids) {
    const { conditions } = sandbox.server(id);
    t.is(findCondition(conditions, healthyType) !== undefined, isWritten(id), id);
  }
  slow.remove();
  const last = await startMonitorProcess(t, sandbox);
  await eventually('all writes', () => written() === ids.length);
  await eventually('the gauge', async () => {
    return (await last.total('unikorn_region_server_state', 'state="running"')) === ids.length;
  });
  t.is(await last.end('SIGTERM'), 0);
  logs.push(last.log);

  const lines = logs.join('').split('\n');
  let untold = 0;
  for (const id of ids) {
    const told = lines.filter((line) => line.includes(`"instance_id":"${id}"`));
    t.true(told.length <= 2, told.join('\n'));
    if (told.length < 2) untold += 1;
    const applied = sandbox.cluster.requests.matching({
      method: 'PATCH',
      path: new RegExp(`/${id}/status$`),
      status: 200,
    });
    t.true(applied.length <= 1, `${id} was written ${applied.length} times`);
  }
  // The object is the memory, not the log: what was written and not yet told when the process was killed stays untold.
  t.true(untold <= 2 * writeConcurrency, `${untold} transitions were not told`);
});
