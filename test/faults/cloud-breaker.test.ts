// How a region that fails is spared: its breaker, the time that it asks to be left alone, and how much is said of it.

import test, { type ExecutionContext } from 'ava';
import type { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { FaultSuite } from '../fixtures/fault-suite.ts';

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start();
});

test.afterEach(assertDocumented);

test.after.always('all is as it was before', async (t) => suite.finish(t));

const list = 'GET /servers/detail';
const login = 'POST /v3/auth/tokens';
const opened = 'region breaker opened, asking for one project only until it answers';
const closed = 'region breaker closed';
const unresolved = 'failed to resolve region, skipping';
const resolved = 'region resolved again';
const unchecked = 'failed to check server, skipping';
const checked = 'server checked again';
const leftOut = 'more lines with this message suppressed';

test('the breaker opens after three failures, asks for one project (another each time), and closes with the first answer', async (t) => {
  const { monitor, sandbox } = suite;
  const id = 'breaker';
  const { region, project } = await suite.addRegion(id);
  const others = [region.addProject(), region.addProject()];
  for (const [index, other] of others.entries()) sandbox.addServer(other, { id: `${id}-${index}` });
  await monitor.untilStates(id, { running: 4 });
  const assertPace = await suite.watchPace();
  t.false(await suite.breakerOpen(id));

  region.cloud.faults.add({ kind: 'status', status: 500 }, { route: list });
  const line = await monitor.untilLogged(opened, { region: id });
  t.is(line.level, 'error');
  t.like(line.fields, { code: 'server-error', failures: 3 });
  await eventually('the metric of it', async () => suite.breakerOpen(id));
  t.deepEqual(monitor.logged(closed, { region: id }), []);
  // Until then all projects were asked each time; from now on one is.
  const failed = await suite.failedPolls(id);
  const asked = () => region.cloud.requests.count({ route: list, status: 500 });
  const before = asked();
  t.true(before >= 9, `${before} requests`);
  await suite.untilFailed(id, failed + 3);
  const probes = region.cloud.requests.latest({ route: list, status: 500 }).slice(-3);
  t.is(new Set(probes.map(({ projectId }) => projectId)).size, 3);
  t.true(asked() - before <= (await suite.failedPolls(id)) - failed + 1);

  region.cloud.faults.clear();
  await monitor.untilLogged(closed, { region: id });
  await monitor.untilStates(id, { running: 4 });
  await monitor.untilRegionPolled(id);
  t.false(await suite.breakerOpen(id));
  for (const message of [opened, closed, unresolved, resolved])
    t.is(monitor.logged(message, { region: id }).length, 1, message);
  t.is(suite.problems(id).length, 4);
  t.is(region.cloud.requests.count({ route: login, projectId: project.credentials.projectId }), 1);
  await assertPace(t);
});

test('a project that keeps failing does not keep the breaker of its region open', async (t) => {
  const { monitor, sandbox } = suite;
  const id = 'stubborn';
  const { region, project } = await suite.addRegion(id);
  sandbox.addServer(region.addProject(), { id: `${id}-other` });
  await monitor.untilStates(id, { running: 3 });
  const { projectId } = project.credentials;
  const outage = region.cloud.faults.add({ kind: 'status', status: 500 }, { route: list });
  await monitor.untilLogged(opened, { region: id });
  region.cloud.faults.add({ kind: 'hang' }, { route: list, projectId });
  outage.remove();
  await monitor.untilLogged(closed, { region: id });
  await monitor.untilStates(id, { running: 1 });
  t.true(await suite.isUp(id));
  region.cloud.faults.clear();
  await monitor.untilStates(id, { running: 3 });
});

/** While nothing is asked, as the region wished: polls of others go on. */
async function assertLeftAlone(
  t: ExecutionContext,
  { region, untilMs }: { region: SandboxRegion; untilMs: number },
): Promise<void> {
  const refused = region.cloud.requests.latest({ status: 429 });
  const [first] = [...refused, ...region.cloud.requests.latest({ status: 503 })];
  if (first === undefined) throw new Error('nothing was refused');
  const { startedMs } = first;
  const next = await eventually('the next request', () =>
    region.cloud.requests.latest().find((request) => request.startedMs > startedMs),
  );
  t.true(next.startedMs >= untilMs, `asked again ${untilMs - next.startedMs} ms too early`);
}

for (const [id, name, status, after] of [
  ['seconds', '429 with Retry-After in seconds', 429, (seconds: number) => `${seconds}`],
  [
    'date',
    '429 with Retry-After as a date',
    429,
    (seconds: number) => new Date(Date.now() + seconds * 1000).toUTCString(),
  ],
  ['maintenance', '503 with Retry-After', 503, (seconds: number) => `${seconds}`],
] as const)
  test(`${name}: the region is not asked until then`, async (t) => {
    const { monitor } = suite;
    const { region, lively } = await suite.addRegion(id);
    await monitor.untilRegionPolled(id);
    const assertPace = await suite.watchPace();
    // Several periods, whatever the period is.
    const seconds = 8;
    const retryAfter = after(seconds);
    const fault = region.cloud.faults.add({ kind: 'status', status, retryAfter }, { route: list });
    const line = await monitor.untilLogged(unresolved, { region: id });
    t.is(line.fields['code'], status === 429 ? 'rate-limited' : 'server-error');
    const [refused] = region.cloud.requests.latest({ route: list, status });
    fault.remove();
    region.cloud.stop(lively.providerId);
    const begin = refused?.startedMs ?? 0;
    const untilMs = id === 'date' ? Date.parse(retryAfter) : begin + seconds * 1000;
    await assertLeftAlone(t, { region, untilMs });
    await monitor.untilStates(id, { running: 1, stopped: 1 });
    t.is(await suite.failedPolls(id), 1);
    t.deepEqual(
      suite.problems(id).map(({ msg }) => msg),
      [unresolved, resolved],
    );
    await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
    await assertPace(t);
  });

test('429 with Retry-After for one project: only the other projects are asked until then', async (t) => {
  const { monitor, sandbox } = suite;
  const id = 'one-busy';
  const { region, project, steady, lively } = await suite.addRegion(id);
  sandbox.addServer(region.addProject(), { id: `${id}-other` });
  await monitor.untilStates(id, { running: 3 });
  const { projectId } = project.credentials;
  region.cloud.faults.add(
    { kind: 'status', status: 429, retryAfter: '6' },
    { route: list, projectId, times: 1 },
  );
  for (const { id: server } of [steady, lively])
    await monitor.untilLogged(unchecked, { server, code: 'rate-limited' });
  const refused = region.cloud.requests.latest({ route: list, projectId, status: 429 })[0]?.startedMs ?? 0;
  region.cloud.stop(lively.providerId);
  await monitor.untilStates(id, { running: 1 });
  t.true(await suite.isUp(id));
  const polled = await monitor.regionPolls(id);
  const next = await eventually('the next request', () =>
    region.cloud.requests.latest({ route: list, projectId }).find(({ startedMs }) => startedMs > refused),
  );
  t.true(next.startedMs >= refused + 6_000, `asked again ${refused + 6_000 - next.startedMs} ms too early`);
  // Counted when it has ended: where polls are far apart, the one that asks again may be the first since.
  await eventually('a poll has ended', async () => (await monitor.regionPolls(id)) > polled);
  await monitor.untilStates(id, { running: 2, stopped: 1 });
  t.is(await suite.failedPolls(id), 0);
  await monitor.untilLogged(checked, { server: lively.id });
  t.is(suite.problems(id).length, 4);
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
});

test('a mass failure logs a bounded number of lines: the first ones, then a count', async (t) => {
  const { monitor, sandbox } = suite;
  const id = 'masses';
  const { region, project } = await suite.addRegion(id);
  for (let index = 0; index < 48; index++) sandbox.addServer(project, { id: `${id}-${index}` });
  await monitor.untilStates(id, { running: 50 });

  // What concerns the project is told of its servers.
  const fault = region.cloud.faults.add({ kind: 'status', status: 403 }, { route: list });
  await monitor.untilLogged(leftOut, { region: id, message: unchecked, count: 30 });
  await suite.untilFailed(id, 3);
  t.is(monitor.logged(unchecked, { region: id }).length, 20);
  fault.remove();
  await monitor.untilLogged(leftOut, { region: id, message: checked, count: 30 });
  t.is(monitor.logged(checked, { region: id }).length, 20);
  t.is(suite.problems(id).length, 42);

  // What concerns the region is one line, with their number.
  region.cloud.faults.add({ kind: 'status', status: 500 }, { route: list });
  const line = await monitor.untilLogged(unresolved, { region: id });
  t.is(line.fields['servers'], 50);
  await suite.untilFailed(id, 5);
  region.cloud.faults.clear();
  await monitor.untilStates(id, { running: 50 });
  t.true(suite.problems(id).length <= 46);
});
