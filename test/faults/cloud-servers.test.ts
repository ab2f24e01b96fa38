// What clouds say of servers when they say it oddly: lists that lack servers, records that are not as they should be,
// names that are not unique or change, cells that are down. The monitor lists all servers at every poll.

import test, { type ExecutionContext } from 'ava';
import type { RecordDefect } from '../../src/sandbox/openstack/faults.ts';
import type { NewServer } from '../../src/sandbox/openstack/server.ts';
import type { SandboxServer } from '../../src/sandbox/sandbox-region.ts';
import { nameLabel } from '../../src/shared/labels.ts';
import { namespace } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { FaultSuite, type WatchedRegion } from '../fixtures/fault-suite.ts';
import type { State } from '../fixtures/monitor/told.ts';

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start('--reconcile-every=1');
});

test.afterEach(assertDocumented);

test.after.always('all is as it was before', async (t) => suite.finish(t));

const login = 'POST /v3/auth/tokens';
const confirming =
  'most servers of a project are missing at once, confirming with a new login before reporting it';
const missing = 'server not found in provider, skipping';
const found = 'server found in provider again';
const unreadable = 'failed to read a server record of the region, skipping';
const unchecked = 'failed to check server, skipping';
const checked = 'server checked again';

const running: State = 'Running Healthy';
const stopped: State = 'Stopped Degraded';

/** A test in a region of its own, beside which the healthy one keeps its pace, and in which no poll fails. */
function inRegion(
  id: string,
  name: string,
  body: (watched: WatchedRegion, t: ExecutionContext) => Promise<void>,
): void {
  test(name, async (t) => {
    const watched = await suite.addRegion(id);
    const assertPace = await suite.watchPace();
    await body(watched, t);
    t.is(await suite.failedPolls(id), 0);
    await assertPace(t);
  });
}

/** How often each message was said of a region. */
function said(id: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { msg } of suite.problems(id)) counts[msg] = (counts[msg] ?? 0) + 1;
  return counts;
}

/** Stops the lively server and waits until that is seen: the region is watched as before. */
async function assertWatched({ id, region, lively }: WatchedRegion): Promise<void> {
  region.cloud.stop(lively.providerId);
  await suite.sandbox.untilPhase(lively.id, 'Stopped');
  await suite.monitor.untilRegionPolled(id);
}

inRegion(
  'empty-once',
  'an empty list with status 200, once: it is not believed until a new login confirms it',
  async (watched, t) => {
    const { id, region, project, steady, lively } = watched;
    const { projectId } = project.credentials;
    region.cloud.faults.add({ kind: 'empty-list' }, { projectId, times: 1 });
    await suite.monitor.untilLogged(confirming, { region: id, servers: 2 });
    await suite.monitor.untilStates(id, { running: 2 });
    await assertWatched(watched);
    t.deepEqual(said(id), { [confirming]: 1 });
    t.is(region.cloud.requests.count({ route: login, projectId, status: 201 }), 2);
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, lively, [running, stopped]);
  },
);

inRegion(
  'vanished',
  'most servers vanish at once and come back: reported when a second list agrees, never shown as stopped',
  async (watched, t) => {
    const { id, region, project, steady, lively } = watched;
    const { projectId } = project.credentials;
    const vanished = region.cloud.faults.add({ kind: 'empty-list' }, { projectId });
    for (const { id: server } of [steady, lively]) await suite.monitor.untilLogged(missing, { server });
    await suite.monitor.untilStates(id, {});
    vanished.remove();
    await suite.monitor.untilStates(id, { running: 2 });
    await assertWatched(watched);
    t.deepEqual(said(id), { [confirming]: 1, [missing]: 2, [found]: 2 });
    t.is(region.cloud.requests.count({ route: login, projectId, status: 201 }), 2);
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, lively, [running, stopped]);
  },
);

inRegion(
  'deleted',
  'most servers were deleted in the cloud: confirmed, reported once, and their status is kept',
  async (watched, t) => {
    const { id, region, project, steady, lively } = watched;
    const third = suite.sandbox.addServer(project, { id: `${id}-third` });
    await suite.monitor.untilStates(id, { running: 3 });
    for (const { providerId } of [steady, third]) region.cloud.deleteServer(providerId);
    for (const { id: server } of [steady, third]) await suite.monitor.untilLogged(missing, { server });
    await suite.monitor.untilStates(id, { running: 1 });
    await assertWatched(watched);
    t.deepEqual(said(id), { [confirming]: 1, [missing]: 2 });
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, third, [running]);
    await suite.assertTold(t, lively, [running, stopped]);
  },
);

for (const [defect, name] of [
  ['missing-id', 'a record without an id'],
  ['wrong-types', 'a record with fields of wrong types'],
  ['not-an-object', 'a record that is not an object'],
] as const)
  inRegion(defect, `${name}: only its server is affected`, async (watched, t) => {
    const { id, region, steady, lively } = watched;
    const serverId = steady.providerId;
    const fault = region.cloud.faults.add({ kind: 'malformed-record', defect, serverId });
    const { error } = await suite.monitor.untilLogged(unreadable, { region: id });
    t.regex(error, /is not of the documented shape: /);
    await suite.monitor.untilLogged(unchecked, { server: steady.id });
    await assertWatched(watched);
    await suite.monitor.untilStates(id, { stopped: 1 });
    fault.remove();
    await suite.monitor.untilLogged(checked, { server: steady.id });
    await suite.monitor.untilStates(id, { running: 1, stopped: 1 });
    t.deepEqual(said(id), { [unreadable]: 1, [unchecked]: 1, [checked]: 1 });
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, lively, [running, stopped]);
  });

/** A record that is odd for a while, and how its server is shown meanwhile. */
interface Oddity {
  readonly id: string;
  readonly name: string;
  readonly defect?: RecordDefect;
  readonly changes?: Omit<NewServer, 'id' | 'createdMs'>;
  /** Null where nothing changes. */
  readonly shown: { readonly state: State; readonly health: string } | null;
}

const oddities: readonly Oddity[] = [
  {
    id: 'null-status',
    name: 'a null status: shown as Running Unknown',
    defect: 'null-status',
    shown: { state: 'Running Unknown', health: 'Unknown/Unknown: unable to determine server status' },
  },
  {
    id: 'unknown-status',
    name: 'an unknown status: shown as Running Degraded',
    changes: { status: 'TELEPORTING' },
    shown: { state: 'Running Degraded', health: 'False/Degraded: server is in state TELEPORTING' },
  },
  { id: 'power-99', name: 'the power state 99: changes nothing', changes: { powerState: 99 }, shown: null },
  { id: 'odd-dates', name: 'invalid dates: changes nothing', defect: 'odd-dates', shown: null },
  {
    id: 'long-name',
    name: 'a name of 10,000 characters: changes nothing',
    changes: { name: 'x'.repeat(10_000) },
    shown: null,
  },
];

for (const { id, name, defect, changes, shown } of oddities)
  inRegion(id, name, async (watched, t) => {
    const { region, steady, lively } = watched;
    const { providerId } = steady;
    const before = region.cloud.server(providerId);
    if (before === undefined) throw new Error('the cloud has the server');
    if (defect !== undefined)
      region.cloud.faults.add({ kind: 'malformed-record', defect, serverId: providerId });
    if (changes !== undefined) region.cloud.updateServer(providerId, changes);
    if (shown !== null) await suite.sandbox.untilHealth(steady.id, shown.health);
    await assertWatched(watched);
    await suite.monitor.untilStates(id, { running: 1, stopped: 1 });

    region.cloud.faults.clear();
    const { status, powerState, name: nameBefore } = before;
    region.cloud.updateServer(providerId, { status, powerState, name: nameBefore });
    await suite.sandbox.untilHealth(steady.id, 'True/Healthy: server is healthy');
    await suite.monitor.untilRegionPolled(id);
    t.deepEqual(said(id), {});
    await suite.assertTold(t, steady, shown === null ? [running] : [running, shown.state, running]);
    await suite.assertTold(t, lively, [running, stopped]);
    for (const { msg } of suite.monitor.lines) t.true(msg.length < 1_000);
  });

inRegion(
  'twins',
  'two servers with one name: distinguished by their metadata, or by the one that was known first',
  async (watched, t) => {
    const { id, region, project, steady } = watched;
    const { sandbox, monitor } = suite;
    const { projectId } = project.credentials;
    const old = sandbox.addServer(project, { id: `${id}-old`, name: 'twin', owned: false });
    await monitor.untilStates(id, { running: 3 });
    // A namesake that is newer, so that lists have it first, and two more that metadata gives to others.
    region.cloud.createServer(projectId, { name: 'twin', status: 'ERROR' });
    const metadata = { 'region:server_id': steady.id };
    region.cloud.updateServer(steady.providerId, { name: 'twin', metadata });
    const owned = sandbox.addServer(project, {
      id: `${id}-owned`,
      name: 'twin',
      cloud: { status: 'SHUTOFF' },
    });
    await sandbox.untilPhase(owned.id, 'Stopped');
    await monitor.untilRegionPolled(id);
    await assertWatched(watched);
    region.cloud.stop(old.providerId);
    await sandbox.untilPhase(old.id, 'Stopped');
    t.deepEqual(said(id), {});
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, owned, [stopped]);
    await suite.assertTold(t, old, [running, stopped]);
  },
);

inRegion(
  'renamed',
  'renames on both sides, and another server under the old name: no server is lost or mistaken for another',
  async (watched, t) => {
    const { id, region, project, lively } = watched;
    const { sandbox, monitor } = suite;
    const { projectId } = project.credentials;
    const plain = sandbox.addServer(project, { id: `${id}-plain`, name: 'before', owned: false });
    await monitor.untilStates(id, { running: 3 });
    const relabel = ({ id: server }: SandboxServer, name: string) =>
      sandbox.cluster.patch('servers', namespace, server, { metadata: { labels: { [nameLabel]: name } } });
    for (const server of [plain, lively]) {
      region.cloud.rename(server.providerId, `${server.id}-cloud`);
      relabel(server, `${server.id}-label`);
    }
    region.cloud.createServer(projectId, { name: 'before', status: 'ERROR' });
    region.cloud.createServer(projectId, { name: `${lively.id}-label`, status: 'ERROR' });
    await monitor.untilRegionPolled(id);
    region.cloud.stop(plain.providerId);
    await sandbox.untilPhase(plain.id, 'Stopped');
    await assertWatched(watched);
    t.deepEqual(said(id), {});
    await suite.assertTold(t, plain, [running, stopped]);
    await suite.assertTold(t, lively, [running, stopped]);
  },
);

inRegion(
  'cell',
  'a cell is down: Unknown, phase kept; its changes are seen when it is back',
  async (watched, t) => {
    const { id, region, steady, lively } = watched;
    const { sandbox, monitor } = suite;
    const which = { serverIds: [lively.providerId] };
    region.cloud.setCellDown(which, true);
    await sandbox.untilHealth(lively.id, 'Unknown/Unknown: unable to determine server status');
    region.cloud.stop(lively.providerId);
    region.cloud.setCellDown(which, true);
    await monitor.untilRegionPolled(id);
    t.is(sandbox.server(lively.id).phase, 'Running');
    t.deepEqual(await monitor.states(id), { running: 2 });
    region.cloud.setCellDown(which, false);
    await sandbox.untilPhase(lively.id, 'Stopped');
    await monitor.untilRegionPolled(id);
    t.deepEqual(said(id), {});
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, lively, [running, 'Running Unknown', stopped]);
  },
);

for (const scope of ['unscoped', 'domain'] as const)
  test(`tokens of a wrong scope (${scope}), which show the servers of all projects as UNKNOWN: never used`, async (t) => {
    const { sandbox, monitor } = suite;
    const id = `strangers-${scope}`;
    const { region, project, steady, lively } = await suite.addRegion(id, { tokenLifetimeMs: 10_000 });
    // The service account may have a token of its domain, and servers of its own.
    const spec = { userID: region.serviceAccount.userId, password: region.serviceAccount.password };
    sandbox.cluster.patch('openstackidentities', namespace, project.identityId, {
      spec: { ...spec, projectID: region.serviceAccount.projectId },
    });
    const servers = [steady, lively].map(({ id: server, name }) =>
      region.cloud.createServer(region.serviceAccount.projectId, {
        name,
        metadata: { 'region:server_id': server },
      }),
    );
    await monitor.untilRegionPolled(id, 2);
    await monitor.untilStates(id, { running: 2 });
    region.cloud.faults.add({ kind: 'scope', scope });
    // The session that there is goes on; when it is due, its successor is refused, and so is every other.
    await monitor.untilLogged(unchecked, { server: lively.id, code: 'wrong-scope' });
    const lists = () => region.cloud.requests.count({ route: 'GET /servers/detail' });
    const before = lists();
    region.cloud.stop(servers[1]?.id ?? '');
    await suite.untilFailed(id, (await suite.failedPolls(id)) + 3);
    t.is(lists(), before);
    t.deepEqual(await monitor.states(id), {});
    region.cloud.faults.clear();
    await monitor.untilStates(id, { running: 1, stopped: 1 });
    await eventually('the end of it', () => said(id)[checked] === 2);
    t.deepEqual(monitor.logged(missing, { region: id }), []);
    t.is(monitor.logged(unchecked, { region: id, code: 'wrong-scope' }).length, 2);
    await suite.assertTold(t, steady, [running]);
    await suite.assertTold(t, lively, [running, stopped]);
  });
