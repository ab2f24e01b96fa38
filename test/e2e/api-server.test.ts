// What other writers and the API server do to status writes and watches. The first tests share a monitor, each with a
// server of its own; those in which the API server goes away have one each.

import test from 'ava';
import type { SandboxProject, SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { findCondition } from '../../src/shared/conditions.ts';
import { pendingEntryAnnotation } from '../../src/shared/labels.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { ago, healthy, namespace, type Sandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;
let region: SandboxRegion;
let project: SandboxProject;

const phaseLine = 'instance phase transition';
const stateLine = 'instance state transition';
const unchecked = 'failed to check server, skipping';
const well = 'True/Healthy: server is healthy';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared));
  region = await sandbox.addRegion('alpha');
  project = region.addProject();
});

test.after.always('nothing secret was shown', async () => shared.release());

/** A server that the monitor has brought up to date; `stop` changes it in the cloud. */
async function addSettled(id: string): Promise<{ stop: () => void }> {
  const { providerId } = sandbox.addServer(project, {
    id,
    status: { phase: 'Running', conditions: [healthy('True', 'Healthy', { message: 'server is healthy' })] },
  });
  await monitor.untilRegionPolled('alpha');
  return { stop: () => region.cloud.stop(providerId) };
}

const statusOf = (id: string) => new RegExp(`/servers/${id}/status`);

/** The transitions Running → Stopped and Healthy → Degraded are in the log once, and in the object. */
async function stoppedOnce(id: string): Promise<boolean> {
  await sandbox.untilPhase(id, 'Stopped');
  await monitor.untilLogged(phaseLine, { instance_id: id });
  await monitor.untilLogged(stateLine, { instance_id: id });
  await monitor.untilRegionPolled('alpha', 2);
  return (
    monitor.logged(phaseLine, { instance_id: id }).length === 1 &&
    monitor.logged(stateLine, { instance_id: id }).length === 1 &&
    sandbox.health(id) === 'False/Degraded: server is in state SHUTOFF'
  );
}

test('what the API server warns of is a line, once', async (t) => {
  const text = 'the policy audit will refuse this soon';
  const { stop } = await addSettled('warned');
  const match = { method: 'PATCH', path: statusOf('warned'), times: Number.POSITIVE_INFINITY };
  const warning = sandbox.cluster.faults.add(match, { kind: 'warn', text });
  stop();
  t.true(await stoppedOnce('warned'));
  t.true(warning.hits > 0);
  t.is(monitor.logged(text).length, 1);
});

test("409: the other writer's condition survives, ours is applied on top, said once", async (t) => {
  const { stop } = await addSettled('conflict');
  const available = {
    type: 'Available',
    status: 'False',
    reason: 'Errored',
    message: 'by another writer',
    lastTransitionTime: ago(0),
  };
  const fault = sandbox.cluster.faults.conflict({
    path: statusOf('conflict'),
    change: (object) => {
      const conditions = [available, healthy('True', 'Healthy', { message: 'server is healthy' })];
      return { ...object, status: { ...object.status, conditions, publicIP: '192.0.2.7' } };
    },
  });
  stop();
  t.true(await stoppedOnce('conflict'));
  t.is(fault.hits, 1);
  t.is(sandbox.cluster.requests.count({ path: statusOf('conflict'), status: 409 }), 1);
  t.deepEqual(findCondition(sandbox.server('conflict').conditions, 'Available'), available);
  t.is(sandbox.object('conflict').status?.['publicIP'], '192.0.2.7');
  t.deepEqual(monitor.logged(unchecked, { server: 'conflict' }), []);
});

test('409 because another writer changed the phase: what is said is what was so when we wrote', async (t) => {
  const { stop } = await addSettled('conflict-phase');
  sandbox.cluster.faults.conflict({
    path: statusOf('conflict-phase'),
    change: (object) => ({ ...object, status: { ...object.status, phase: 'Stopping' } }),
  });
  stop();
  t.true(await stoppedOnce('conflict-phase'));
  t.is(monitor.logged(phaseLine, { instance_id: 'conflict-phase', from_phase: 'Stopping' }).length, 1);
});

test('409 five times in a row is outlasted', async (t) => {
  const { stop } = await addSettled('conflict-often');
  const fault = sandbox.cluster.faults.conflict({ path: statusOf('conflict-often'), times: 5 });
  stop();
  t.true(await stoppedOnce('conflict-often'));
  t.is(fault.hits, 5);
});

test('a write whose answer is lost after it was applied: said once, written once', async (t) => {
  const { stop } = await addSettled('lost-answer');
  const fault = sandbox.cluster.faults.add({ path: statusOf('lost-answer') }, { kind: 'truncate' });
  stop();
  t.true(await stoppedOnce('lost-answer'));
  t.is(fault.hits, 1);
  t.is(sandbox.patches('lost-answer'), 1);
});

test('a write whose connection breaks before it was applied: tried again, said once', async (t) => {
  const { stop } = await addSettled('dropped');
  const fault = sandbox.cluster.faults.add({ path: statusOf('dropped'), times: 2 }, { kind: 'drop' });
  stop();
  t.true(await stoppedOnce('dropped'));
  t.is(fault.hits, 2);
});

test('500 on a write: tried again, said once', async (t) => {
  const { stop } = await addSettled('failing');
  const fault = sandbox.cluster.faults.add(
    { path: statusOf('failing'), times: 2 },
    { kind: 'respond', status: 500 },
  );
  stop();
  t.true(await stoppedOnce('failing'));
  t.is(fault.hits, 2);
});

test('422 on a write costs that server only: said once, not counted, written when it may be', async (t) => {
  const own = await sandbox.addRegion('refusing');
  const ownProject = own.addProject();
  const fault = sandbox.cluster.faults.rejectWrites({
    path: statusOf('refused'),
    times: Number.POSITIVE_INFINITY,
    message: 'phase is of a later definition',
  });
  sandbox.addServer(ownProject, { id: 'refused' });
  sandbox.addServer(ownProject, { id: 'not-refused' });
  const line = await monitor.untilLogged(unchecked, { server: 'refused' });
  t.true(line.error.includes('phase is of a later definition') && line.error.includes('422'), line.error);
  await sandbox.untilPhase('not-refused', 'Running');
  await monitor.untilStates('refusing', { running: 1 });
  await monitor.untilRegionPolled('refusing', 2);
  t.is(monitor.logged(unchecked, { server: 'refused' }).length, 1);
  t.deepEqual(monitor.logged(phaseLine, { instance_id: 'refused' }), []);
  fault.remove();
  await sandbox.untilPhase('refused', 'Running');
  await monitor.untilLogged('server checked again', { server: 'refused' });
  await monitor.untilStates('refusing', { running: 2 });
  t.is(monitor.logged(phaseLine, { instance_id: 'refused' }).length, 1);
});

test('an annotation that cannot be written is said; the server counts, its status stands', async (t) => {
  const fault = sandbox.cluster.faults.rejectWrites({
    path: /\/servers\/unstamped(\?|$)/,
    times: Number.POSITIVE_INFINITY,
  });
  const own = await sandbox.addRegion('stamping');
  const cloud = { status: 'BUILD', powerState: 0 };
  sandbox.addServer(own.addProject(), { id: 'unstamped', cloud });
  const line = await monitor.untilLogged('failed to patch pending-entry annotation', {
    instance_id: 'unstamped',
    region_id: 'stamping',
  });
  t.is(line.level, 'error');
  t.is(line.fields['org_id'], 'sandbox');
  await monitor.untilStates('stamping', { pending: 1 });
  fault.remove();
  await eventually('a stamp', () => sandbox.server('unstamped').pendingEntryTime);
});

test('a conflict on the annotation: tried again, the other annotation survives', async (t) => {
  sandbox.cluster.faults.conflict({ path: /\/servers\/stamp-conflict(\?|$)/ });
  sandbox.addServer(project, { id: 'stamp-conflict', cloud: { status: 'BUILD', powerState: 0 } });
  await eventually('a stamp', () => sandbox.server('stamp-conflict').pendingEntryTime);
  const annotations = Object.keys(sandbox.object('stamp-conflict').metadata.annotations ?? {});
  t.deepEqual(annotations.toSorted(), [pendingEntryAnnotation, 'sandbox/changed'].toSorted());
  t.deepEqual(
    monitor.logged('failed to patch pending-entry annotation', { instance_id: 'stamp-conflict' }),
    [],
  );
});

test('a Server that is deleted and created again in mid-poll gets nothing that was meant for the old one', async (t) => {
  const own = await sandbox.addRegion('recreating');
  const ownProject = own.addProject();
  const { providerId } = sandbox.addServer(ownProject, { id: 'reborn' });
  await monitor.untilStates('recreating', { running: 1 });
  await monitor.untilRegionPolled('recreating');
  const old = sandbox.server('reborn').uid;
  own.cloud.stop(providerId);
  // The write for the old object is on its way when the object is replaced, and its server with it.
  const fault = sandbox.cluster.faults.add(
    { path: statusOf('reborn') },
    {
      kind: 'before',
      run: () => {
        sandbox.cluster.delete('servers', namespace, 'reborn');
        own.cloud.deleteServer(providerId);
        sandbox.addServer(ownProject, { id: 'reborn' });
      },
    },
  );
  await eventually('the replacement', () => fault.hits === 1);
  await monitor.untilLogged(phaseLine, { instance_id: 'reborn', from_phase: '', to_phase: 'Running' });
  await monitor.untilRegionPolled('recreating', 2);
  t.not(sandbox.server('reborn').uid, old);
  t.is(sandbox.server('reborn').phase, 'Running');
  // A line follows its write, which polls do not wait for.
  const transitions = await eventually('both lines', () => {
    const lines = monitor.logged(phaseLine, { instance_id: 'reborn' });
    return lines.length > 1 && lines;
  });
  t.deepEqual(
    transitions.map(({ fields }) => [fields['from_phase'], fields['to_phase']]),
    [
      ['', 'Running'],
      ['', 'Running'],
    ],
    'of the old object, then of the new one',
  );
  t.deepEqual(monitor.logged(unchecked, { server: 'reborn' }), []);
});

test('a Server that is deleted in mid-poll is gone without a word', async (t) => {
  const own = await sandbox.addRegion('deleting');
  sandbox.cluster.faults.add(
    { path: statusOf('short-lived') },
    { kind: 'before', run: () => sandbox.cluster.delete('servers', namespace, 'short-lived') },
  );
  sandbox.addServer(own.addProject(), { id: 'short-lived' });
  await eventually(
    'the deletion',
    () => sandbox.cluster.get('servers', namespace, 'short-lived') === undefined,
  );
  await monitor.untilRegionPolled('deleting', 2);
  t.deepEqual(
    monitor.lines.filter(({ fields }) => Object.values(fields).includes('short-lived')),
    [],
  );
});

test('watches that are closed, or told 410, go on or list again: changes are seen as before', async (t) => {
  const { stop } = await addSettled('watched');
  t.true(sandbox.cluster.faults.closeWatches() >= 4);
  sandbox.cluster.faults.expireNextWatches({ as: 'event', path: /\/servers\?.*watch=/ });
  sandbox.cluster.compact();
  sandbox.addServer(project, { id: 'added-meanwhile' });
  stop();
  await sandbox.untilHealth('added-meanwhile', well);
  t.true(await stoppedOnce('watched'));
  sandbox.cluster.faults.expireWatches();
  sandbox.addServer(project, { id: 'added-after' });
  await sandbox.untilHealth('added-after', well);
  await eventually('lists again', async () => {
    return (await monitor.total('unikorn_region_monitor_cache_lists_total', 'resource="servers"')) >= 3;
  });
});

test('429 with Retry-After on writes pauses them all, then everything is written and said once', async (t) => {
  const { sandbox: own, monitor: paused } = await startWatchedSandbox(t);
  const ownRegion = await own.addRegion('throttled');
  const ownProject = ownRegion.addProject();
  const fault = own.cluster.faults.tooManyRequests({ method: 'PATCH', times: 1, retryAfterSeconds: 1 });
  const ids = Array.from({ length: 40 }, (_, index) => `throttled-${index}`);
  for (const id of ids) own.addServer(ownProject, { id });
  for (const id of ids) await own.untilHealth(id, well);
  t.is(fault.hits, 1);
  const patches = own.cluster.requests.matching({ method: 'PATCH', path: /throttled-/ });
  const refused = patches.find(({ status }) => status === 429);
  // Those that were on their way at that moment are the exception: no more than may be in flight at once.
  const early = patches.filter(({ at }) => at > (refused?.at ?? 0) && at < (refused?.at ?? 0) + 900);
  t.true(early.length <= 16, `${early.length} writes during the pause`);
  await paused.untilStates('throttled', { running: 40 });
  for (const id of ids) t.is(paused.logged(phaseLine, { instance_id: id }).length, 1);
});

test('an API server that goes away and comes back: polls go on, what changed is written and said once', async (t) => {
  const { sandbox: own, monitor: steady } = await startWatchedSandbox(t);
  const ownRegion = await own.addRegion('steady');
  const ownProject = ownRegion.addProject();
  const changing = own.addServer(ownProject, { id: 'changing' });
  own.addServer(ownProject, { id: 'unchanged' });
  await steady.untilStates('steady', { running: 2 });
  await own.cluster.pause();
  ownRegion.cloud.stop(changing.providerId);
  await steady.untilRegionPolled('steady', 2);
  t.is((await steady.get('/healthz')).status, 200);
  t.is(await steady.total('unikorn_region_monitor_region_up', 'region_id="steady"'), 1);
  t.deepEqual(await steady.states('steady'), { running: 1 }, 'whose status stands is counted');
  t.is(steady.logged(unchecked, { server: 'changing' }).length, 1);
  t.deepEqual(steady.logged(phaseLine, { instance_id: 'changing', to_phase: 'Stopped' }), []);
  await own.cluster.resume();
  await own.untilPhase('changing', 'Stopped');
  await steady.untilStates('steady', { running: 1, stopped: 1 });
  await steady.untilRegionPolled('steady', 2);
  t.is(steady.logged(phaseLine, { instance_id: 'changing', to_phase: 'Stopped' }).length, 1);
  t.is(steady.logged(stateLine, { instance_id: 'changing', to_state: 'Degraded' }).length, 1);
  const errors = steady.logged('failed to list or watch, trying again', { resource: 'servers' });
  t.true(errors.length > 0);
  t.is(
    new Set(errors.map(({ error }) => error)).size,
    errors.length,
    'a line for each reason, not for each attempt',
  );

  // Objects that come afterwards are seen: the watches are back.
  own.addServer(ownProject, { id: 'new' });
  await own.untilPhase('new', 'Running');
});
