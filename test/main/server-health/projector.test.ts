import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import test from 'ava';
import { EventLoopTurns } from '../../../src/main/polls/event-loop-turns.ts';
import type { ObjectWrite } from '../../../src/main/projection/object-writes.ts';
import { WriteProblems } from '../../../src/main/projection/write-problems.ts';
import { Region } from '../../../src/main/regions/region.ts';
import { RegionPoll } from '../../../src/main/server-health/poll.ts';
import { writeProblem } from '../../../src/main/server-health/problems.ts';
import { flavorAttributes, ServerProjector } from '../../../src/main/server-health/projector.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { MalformedRecord } from '../../../src/shared/server-health.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { createdAt, observation, serverRecord } from '../../fixtures/monitor/records.ts';
import { openstackAccess, projectCredentials, regionRecord } from '../../fixtures/monitor/region-records.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

const minute = 60_000;
const invalid = { code: 'invalid-response', message: 'not a record' } as const;

/** A region with one project of these servers, as they were planned; each observation names its server. */
function setUp(planned: readonly ServerRecord[], { metal = [] as string[] } = {}) {
  const record = regionRecord();
  const region = new Region(record, minute);
  const openstack = record.openstack === null ? null : { ...record.openstack, baremetalFlavorIds: metal };
  region.define({ ...record, openstack });
  region.use(openstackAccess);
  const flavors = [{ id: 'flavor-1', name: 'small' }];
  region.takeFlavors({ outcome: { ok: true, flavors }, session: null }, 0);
  const project = region.project('identity-1');
  project.use(projectCredentials);
  project.servers = planned;

  const cache = new Map(planned.map((server) => [server.name, server]));
  const looked: Observation[] = [];
  const submitted: ObjectWrite<ServerRecord, Observation>[] = [];
  const skipped: [string, string, number][] = [];
  const queue = { full: false };
  const writeProblems = new WriteProblems(writeProblem);
  const clock = new ScriptedClock({ wallMs: createdAt });
  const stop = new AbortController();
  const projector = new ServerProjector({
    servers: { get: (_, name) => cache.get(name) },
    writes: {
      isIdle: (server, seen) => {
        if (submitted.some(({ object }) => object.uid === server.uid)) return false;
        looked.push(seen);
        return server.phase === (seen.phase ?? server.phase);
      },
      submit: (write) => {
        if (!queue.full) submitted.push(write);
        return !queue.full;
      },
    },
    writeProblems,
    metrics: { serversSkipped: (...counted) => skipped.push(counted) },
    clock,
    turns: new EventLoopTurns(),
  });
  const look = async (seen: readonly Observation[] = [], malformed: readonly MalformedRecord[] = []) => {
    const outcome = {
      ok: true,
      complete: true,
      observations: seen,
      malformed,
      watermark: null,
      pages: [],
    } as const;
    const asked = { pollNumber: 1, nowMs: 0, complete: true };
    drained(project.take({ identityId: 'identity-1', outcome, session: null }, asked));
    const poll = new RegionPoll('region-1', 0);
    const span = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    await projector.project(project, { poll, region, span, signal: stop.signal });
    return poll;
  };
  return { region, project, cache, looked, submitted, skipped, queue, writeProblems, clock, stop, look };
}

function seen(name: string, changes: Partial<Observation> = {}): Observation {
  return observation({ providerId: `nova-of-${name}`, ownerId: name, ...changes });
}

function counted(poll: RegionPoll): string {
  const counts = poll.countsOf('identity-1').values();
  return counts.map(({ state, count }) => `${count} ${state}`).join();
}

const server = serverRecord({ name: 'web' });

test('a server that shows what was observed is counted, and not written', async (t) => {
  const { submitted, skipped, look } = setUp([server]);
  const poll = await look([seen('web')]);
  t.deepEqual(poll.countsOf('identity-1').values(), [
    {
      state: 'running',
      region_id: 'region-1',
      region_name: 'north',
      flavor_id: 'flavor-1',
      flavor_name: 'small',
      count: 1,
    },
  ]);
  t.deepEqual(submitted, []);
  t.deepEqual(skipped, [['not-found', 'region-1', 0]]);
});

test('until its write ends a server is counted as its object shows it, and then as it was written', async (t) => {
  const { region, submitted, look } = setUp([server]);
  const poll = await look([seen('web', { phase: 'Stopped' })]);
  t.is(counted(poll), '1 running');
  const [write] = submitted;
  t.like(write, { object: server, region });
  t.like(flavorAttributes(server, region), { region_name: 'north', flavor_name: 'small' });
  t.is(write?.observation.phase, 'Stopped');
  write?.settled({ kind: 'stands', object: { ...server, phase: 'Stopped' } });
  t.is(counted(poll), '1 stopped');
});

test('a server is counted once, whatever becomes of its write', async (t) => {
  const { submitted, look } = setUp([server]);
  const poll = await look([seen('web', { phase: 'Stopped' })]);
  submitted[0]?.settled({ kind: 'gone' });
  t.is(counted(poll), '');
  const blank = setUp([serverRecord({ name: 'web', phase: '' })]);
  const first = await blank.look([seen('web')]);
  t.is(counted(first), '', 'a server without a phase has no state yet');
  blank.submitted[0]?.settled({ kind: 'stands', object: server });
  t.is(counted(first), '1 running');
});

test('a write that failed is reported until a later one stands; meanwhile the server is not counted', async (t) => {
  const { region, submitted, writeProblems, look } = setUp([server]);
  await look([seen('web', { phase: 'Stopped' })]);
  submitted.splice(0)[0]?.settled({ kind: 'failed', error: new Error('refused') });
  t.like(writeProblems.of(region), [{ error: 'cannot write status: refused', fields: { server: 'web' } }]);
  t.is(counted(await look([seen('web', { phase: 'Stopped' })])), '');
  submitted.splice(0)[0]?.settled({ kind: 'stands', object: { ...server, phase: 'Stopped' } });
  t.deepEqual(writeProblems.of(region), []);
});

test('a problem ends when the cloud is as the object shows it, too', async (t) => {
  const { region, submitted, writeProblems, look } = setUp([server]);
  await look([seen('web', { phase: 'Stopped' })]);
  submitted.splice(0)[0]?.settled({ kind: 'failed', error: new Error('refused') });
  await look([seen('web')]);
  t.deepEqual(writeProblems.of(region), []);
});

test('a write that fails because the monitor stops is not a problem', async (t) => {
  const { region, submitted, writeProblems, stop, look } = setUp([server]);
  await look([seen('web', { phase: 'Stopped' })]);
  stop.abort();
  submitted[0]?.settled({ kind: 'failed', error: new Error('stopped') });
  t.deepEqual(writeProblems.of(region), []);
});

test('what is observed while a write is under way is written after it, even what the object shows now', async (t) => {
  const { submitted, look } = setUp([server]);
  await look([seen('web', { phase: 'Stopped' })]);
  await look([seen('web')]);
  t.deepEqual(
    submitted.map(({ observation }) => observation.phase),
    ['Stopped', 'Running'],
  );
});

test('a server that the full queue did not take is not counted', async (t) => {
  const { queue, look } = setUp([server]);
  queue.full = true;
  t.is(counted(await look([seen('web', { phase: 'Stopped' })])), '');
});

test('what was observed is not projected onto another object of the name, nor onto one that goes or is gone', async (t) => {
  const servers = ['replaced', 'deleting', 'gone', 'same'].map((name) => serverRecord({ name }));
  const { cache, submitted, look } = setUp(servers);
  cache.set('replaced', serverRecord({ name: 'replaced', uid: 'another' }));
  cache.set('deleting', serverRecord({ name: 'deleting', deleting: true }));
  cache.delete('gone');
  const poll = await look(servers.map(({ name }) => seen(name, { phase: 'Stopped' })));
  t.deepEqual(
    submitted.map(({ object }) => object.name),
    ['same'],
  );
  t.is(counted(poll), '1 running');
  t.deepEqual(poll.problems(), []);
});

test('a server that is not there is a problem of its own, and skipped', async (t) => {
  const { submitted, skipped, look } = setUp([server, serverRecord({ name: 'other' })]);
  const poll = await look([seen('other')]);
  t.like(poll.problems(), [{ message: 'server not found in provider, skipping', fields: { server: 'web' } }]);
  t.is(counted(poll), '1 running');
  t.deepEqual(skipped, [['not-found', 'region-1', 1]]);
  t.deepEqual(submitted, []);
});

test('a server whose record cannot be read is one whose check failed', async (t) => {
  const { submitted, look } = setUp([server]);
  const poll = await look([], [{ providerId: 'nova-1', ownerId: 'web', error: invalid }]);
  t.like(poll.problems(), [
    { error: "the region's record of server web cannot be read", fields: { code: 'invalid-response' } },
  ]);
  t.is(poll.outcome, 'partial');
  t.deepEqual(submitted, []);
});

test('a server that may be in a cell which the cloud cannot reach is of unknown health, and keeps its phase', async (t) => {
  const { looked, look } = setUp([server]);
  const poll = await look([observation({ providerId: 'nova-9', partial: true, name: null })]);
  t.like(looked, [
    {
      providerId: '',
      partial: true,
      phase: null,
      taskRuns: false,
      inTransition: false,
      deleted: false,
      health: { status: 'Unknown', reason: 'Unknown' },
    },
  ]);
  t.is(counted(poll), '1 running');
  t.deepEqual(poll.problems(), []);
});

test('a power state that is not supported is a problem, and the rest is projected', async (t) => {
  const { look } = setUp([server]);
  const poll = await look([seen('web', { phase: null, unsupportedPowerState: 'PAUSED' })]);
  t.like(poll.problems(), [
    { message: 'caught unsupported server power state', fields: { powerState: 'PAUSED' } },
  ]);
  t.is(counted(poll), '1 running');
});

test('many servers are all looked at', async (t) => {
  const servers = Array.from({ length: 600 }, (_, index) => serverRecord({ name: `server-${index}` }));
  const { look } = setUp(servers);
  t.is(counted(await look(servers.map(({ name }) => seen(name)))), '600 running');
});

/** Whether the project of one server is unsettled then. */
async function unsettled(record: Partial<ServerRecord>, observed: Partial<Observation>): Promise<boolean> {
  const { project, look } = setUp([serverRecord({ name: 'web', ...record })]);
  await look([seen('web', observed)]);
  return project.unsettled;
}

test('a server that will soon be different is asked for between two polls, too', async (t) => {
  t.false(await unsettled({}, {}));
  t.true(await unsettled({}, { inTransition: true }));
  t.true(await unsettled({ rebuild: { targetImageId: 'image', state: 'Rebuilding' } }, {}));
  t.true(await unsettled({ phase: 'Pending' }, { phase: null }));
  t.false(await unsettled({ phase: 'Pending' }, { phase: 'Running' }), 'it has come');
});

test('a server that makes no progress is watched for a quarter of an hour', async (t) => {
  const { project, clock, look } = setUp([server]);
  await look([seen('web', { inTransition: true })]);
  await clock.pass(15 * minute - 1);
  await look([seen('web', { inTransition: true })]);
  t.true(project.unsettled);
  await clock.pass(1);
  await look([seen('web', { inTransition: true })]);
  t.false(project.unsettled);
});

test('one unsettled server is enough, whichever it is; when it settled, the project did', async (t) => {
  const servers = ['a', 'b', 'c'].map((name) => serverRecord({ name }));
  const { project, look } = setUp(servers);
  await look([seen('a'), seen('b', { inTransition: true }), seen('c')]);
  t.true(project.unsettled);
  await look(servers.map(({ name }) => seen(name)));
  t.false(project.unsettled);
});

test('bare-metal servers that are building are asked for, and shown with the state of their node', async (t) => {
  const servers = [
    serverRecord({ name: 'metal', flavorId: 'metal', phase: 'Pending' }),
    serverRecord({ name: 'virtual', phase: 'Pending' }),
    serverRecord({ name: 'built', flavorId: 'metal', phase: 'Pending' }),
  ];
  const { project, submitted, look } = setUp(servers, { metal: ['metal'] });
  const observed = [
    seen('metal', { stage: 'building' }),
    seen('virtual', { stage: 'building' }),
    seen('built'),
  ];
  const nodes = { 'nova-of-metal': 'deploying', 'nova-of-virtual': 'active', 'nova-of-built': 'active' };
  const answer = { outcome: { ok: true, states: nodes, ambiguous: [] }, session: null } as const;
  project.nodes.take(answer, 0);
  await look(observed);
  t.deepEqual(
    submitted.map(({ object, observation }) => [object.name, observation.node]),
    [
      ['metal', 'deploying'],
      ['virtual', undefined],
      ['built', undefined],
    ],
  );
  const task = project.nodes.task(servers, ['metal'], { credentials: projectCredentials, nowMs: 0 });
  t.deepEqual(task?.building, ['nova-of-metal']);
});

test('a server whose node is not known is shown as Nova has it', async (t) => {
  const metal = serverRecord({ name: 'metal', flavorId: 'metal', phase: 'Pending' });
  const { submitted, look } = setUp([metal], { metal: ['metal'] });
  await look([seen('metal', { stage: 'building' })]);
  t.false('node' in (submitted[0]?.observation ?? {}));
});

test('a server without a region is counted in none', async (t) => {
  const poll = await setUp([serverRecord({ name: 'web', regionId: undefined })]).look([seen('web')]);
  t.like(poll.countsOf('identity-1').values(), [{ region_id: '' }]);
});

test('a server whose region is gone, or that names none, has no names in the metrics', (t) => {
  const nameless = { region_name: '', flavor_id: 'flavor-1', flavor_name: '' };
  t.deepEqual(flavorAttributes(server, undefined), { ...nameless, region_id: 'region-1' });
  const nowhere = serverRecord({ regionId: undefined });
  t.deepEqual(flavorAttributes(nowhere, undefined), { ...nameless, region_id: '' });
});

test('a flavor that is not known yet has no name in the metrics', (t) => {
  const { region } = setUp([server]);
  t.is(flavorAttributes(serverRecord({ flavorId: 'flavor-9' }), region).flavor_name, '');
});
