// Status writes that hang, are slow, or are many: polls go on at their pace, and no region's writes hold up another's. All
// tests share a monitor; each has a region of its own, and beside them all is one that must not notice anything.

import test from 'ava';
import { namespace } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { FaultSuite } from '../fixtures/fault-suite.ts';

test.afterEach(assertDocumented);

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start();
});

test.after.always('all is as it was before', async (t) => suite.finish(t));

const phaseLine = 'instance phase transition';
/** After which a PATCH without an answer is given up. */
const writeTimeoutMs = 15_000;
const always = { times: Number.POSITIVE_INFINITY };

function patchesOf(prefix: string) {
  return { method: 'PATCH', path: new RegExp(`/servers/${prefix}[^/]*/status`) };
}

test.serial('one PATCH hangs: only its own server waits, its region is polled and written', async (t) => {
  const { region, lively, steady } = await suite.addRegion('one-hangs');
  const { sandbox, monitor } = suite;
  const assertPace = await suite.watchPace();
  const hung = sandbox.cluster.faults.add({ ...patchesOf(lively.id), ...always }, { kind: 'hang' });
  region.cloud.updateServer(lively.providerId, { status: 'SHUTOFF', powerState: 4 });
  await eventually('the PATCH hangs', () => hung.hits === 1);
  const beganMs = Date.now();
  // Both are in one project: the other is written while the first hangs.
  region.cloud.updateServer(steady.providerId, { status: 'SHUTOFF', powerState: 4 });
  await sandbox.untilPhase(steady.id, 'Stopped');
  await monitor.untilRegionPolled('one-hangs');
  // On a slow machine, the one that hangs is given up meanwhile, and leaves the gauge.
  await eventually('the other one in the gauge', async () => {
    const { running = 0, stopped = 0 } = await monitor.states('one-hangs');
    return stopped === 1 && running <= 1;
  });
  t.is(sandbox.server(lively.id).phase, 'Running', 'it hangs still');
  // A slow machine may see the first given up, and another begin.
  t.true(hung.hits <= 1 + (Date.now() - beganMs) / writeTimeoutMs, 'one write at a time');
  hung.remove();
  await sandbox.untilPhase(lively.id, 'Stopped');
  await monitor.untilStates('one-hangs', { stopped: 2 });
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  await suite.assertTold(t, steady, ['Running Healthy', 'Stopped Degraded']);
  await assertPace(t);
});

test.serial('64 PATCHes of a region hang: another region’s change is written meanwhile', async (t) => {
  const { sandbox, monitor } = suite;
  const { region, project } = await suite.addRegion('many-hang');
  const ids = Array.from({ length: 64 }, (_, index) => `many-hang-${index}`);
  const servers = ids.map((id) => sandbox.addServer(project, { id }));
  await monitor.untilStates('many-hang', { running: 66 });
  const other = await suite.addRegion('goes-on');
  const assertPace = await suite.watchPace();
  const hung = sandbox.cluster.faults.add({ ...patchesOf('many-hang-\\d'), ...always }, { kind: 'hang' });
  for (const { providerId } of servers)
    region.cloud.updateServer(providerId, { status: 'SHUTOFF', powerState: 4 });
  await eventually('PATCHes hang', () => hung.hits >= 12);
  other.region.cloud.updateServer(other.lively.providerId, { status: 'SHUTOFF', powerState: 4 });
  await sandbox.untilPhase(other.lively.id, 'Stopped');
  t.is(ids.filter((id) => sandbox.server(id).phase === 'Stopped').length, 0, 'they hang still');
  await monitor.untilRegionPolled('many-hang', 2);
  hung.remove();
  await monitor.untilStates('many-hang', { running: 2, stopped: 64 });
  for (const server of servers) await suite.assertTold(t, server, ['Running Healthy', 'Stopped Degraded']);
  await assertPace(t);
});

test.serial('hundreds of servers are written slowly: every region keeps its pace', async (t) => {
  const { sandbox, monitor } = suite;
  const { region, project } = await suite.addRegion('slowly');
  const servers = Array.from({ length: 240 }, (_, index) =>
    sandbox.addServer(project, { id: `slowly-${index}` }),
  );
  await monitor.untilStates('slowly', { running: 242 });
  const assertPace = await suite.watchPace();
  // 12 places at once: 16 seconds at least, many polls.
  const slow = sandbox.cluster.faults.add(
    { ...patchesOf('slowly-\\d'), ...always },
    { kind: 'delay', ms: 800 },
  );
  for (const { providerId } of servers)
    region.cloud.updateServer(providerId, { status: 'SHUTOFF', powerState: 4 });
  await eventually('the first are written', () => slow.hits > 0);
  await monitor.untilRegionPolled('slowly');
  const written = () => servers.filter(({ id }) => sandbox.server(id).phase === 'Stopped').length;
  t.true(written() < servers.length, 'polled while it is being written');
  // What is observed of a server that waits for its write counts when its turn comes.
  const last = servers.findLast(({ id }) => sandbox.server(id).phase === 'Running');
  if (last === undefined) throw new Error('no server waits');
  region.cloud.updateServer(last.providerId, { status: 'ERROR', powerState: 4 });
  await monitor.untilStates('slowly', { running: 2, stopped: 240 });
  await eventually('the newest observation', () => sandbox.health(last.id).startsWith('False/Errored'));
  slow.remove();
  for (const { id } of servers)
    t.is(monitor.logged(phaseLine, { instance_id: id, to_phase: 'Stopped' }).length, 1);
  t.is(await monitor.total('unikorn_region_monitor_polls_skipped_total', 'region_id="slowly"'), 0);
  await assertPace(t);
});

test.serial('a PATCH gets status 200 without an object: it does not count as written', async (t) => {
  const { region, lively } = await suite.addRegion('no-object');
  const { sandbox, monitor } = suite;
  const answered = sandbox.cluster.faults.add(
    { ...patchesOf(lively.id), times: 3 },
    { kind: 'respond', status: 200, body: { status: 'ok' } },
  );
  region.cloud.updateServer(lively.providerId, { status: 'SHUTOFF', powerState: 4 });
  await sandbox.untilPhase(lively.id, 'Stopped');
  t.is(answered.hits, 3);
  await monitor.untilRegionPolled('no-object', 2);
  await suite.assertTold(t, lively, ['Running Healthy', 'Stopped Degraded']);
  t.is(sandbox.cluster.get('servers', namespace, lively.id)?.metadata.name, lively.id);
});
