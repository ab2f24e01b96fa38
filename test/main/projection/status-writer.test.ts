// Status writes whose answers are lost, against the stand-in for the API server: each transition is told once, whatever
// the watch has brought by then.

import type { Span } from '@opentelemetry/api';
import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../src/main/kubernetes/client.ts';
import type { Definitions, Profile } from '../../../src/main/kubernetes/objects/profile.ts';
import { parseServer } from '../../../src/main/kubernetes/objects/resource-records.ts';
import type { ChangeListener } from '../../../src/main/kubernetes/objects/resource-store.ts';
import { StatusWriter } from '../../../src/main/projection/status-writer.ts';
import { WritePause } from '../../../src/main/projection/write-pause.ts';
import { SandboxKubernetes } from '../../../src/sandbox/kubernetes/api.ts';
import { isJsonObject, type KubernetesObject } from '../../../src/sandbox/kubernetes/object.ts';
import { type Clock, systemClock } from '../../../src/shared/clock.ts';
import { apiGroup, apiVersion } from '../../../src/shared/labels.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { RecordedSpans } from '../../fixtures/monitor/recorded-spans.ts';
import { degraded, healthyCondition, installed, observation } from '../../fixtures/monitor/records.ts';
import { serverKind } from '../../fixtures/monitor/server-kind.ts';

const namespace = 'region';
const stopped = observation({ phase: 'Stopped', health: degraded });

interface SetUp {
  readonly requestTimeoutMs?: number;
  readonly sleep?: Clock['sleep'];
  readonly definitions?: Definitions;
  readonly mayWrite?: () => boolean;
}

async function setUp(
  t: ExecutionContext,
  {
    requestTimeoutMs = 10_000,
    sleep = (ms, signal) => systemClock.sleep(ms, signal),
    definitions = installed('v1.16'),
    mayWrite = () => true,
  }: SetUp = {},
) {
  const cluster = await SandboxKubernetes.start();
  t.teardown(async () => cluster.close());
  const add = (name: string) =>
    cluster.apply({
      apiVersion: `${apiGroup}/${apiVersion}`,
      kind: 'Server',
      metadata: { name, namespace },
      spec: {
        provider: 'openstack',
        flavorID: '22222222-2222-4222-8222-222222222222',
        image: { id: '33333333-3333-4333-8333-333333333333' },
        networks: [],
      },
      status: { phase: 'Running', conditions: [{ ...healthyCondition() }] },
    });
  add('web');
  const access = {
    server: cluster.url,
    tls: {},
    skipTlsVerify: false,
    defaultNamespace: null,
    authorization: async () => undefined,
  };
  const client = new KubernetesClient(access, { requestTimeoutMs });
  t.teardown(async () => client.close());
  const told: string[] = [];
  const outcomes: string[] = [];
  const durations: (number | null)[] = [];
  const spans = new RecordedSpans();
  let nowMs = Date.now();
  const time = { monotonicMs: 1_000 };
  // No two writes in the same second: their transition times tell them apart.
  // Time for retries passes only when a test says so: a busy machine is not a slow API server.
  const clock = { now: () => (nowMs += 1_000), monotonicMs: () => time.monotonicMs, sleep };
  const listeners: ChangeListener<ServerRecord>[] = [];
  const ended = new AbortController();
  const writer = new StatusWriter({
    client,
    // A watch that brings nothing: what the writer knows of its own writes it knows by itself.
    objects: {
      parse: parseServer,
      put: () => {},
      onChange: (listener) => {
        listeners.push(listener);
        return () => {};
      },
    },
    clock,
    kind: serverKind({ clock, definitions, told }),
    pause: new WritePause(clock),
    fieldManager: 'region-monitor-test-1',
    ended: ended.signal,
    definitions,
    mayWrite,
    metrics: {
      statusWrite: (outcome, seconds) => {
        outcomes.push(outcome);
        durations.push(seconds);
      },
    },
    tracer: spans.tracer,
  });
  const server = (name = 'web'): ServerRecord => parseServer(cluster.get('servers', namespace, name));
  return {
    cluster,
    add,
    writer,
    ended,
    time,
    told,
    outcomes,
    durations,
    spans,
    server,
    write: async (
      known: ServerRecord,
      seen: Observation,
      signal = new AbortController().signal,
      span?: Span,
    ) => writer.write({ object: known, observation: seen, signal, span }),
    deleted: (record: ServerRecord) => {
      for (const listener of listeners) listener({ type: 'delete', record, previous: record });
    },
    changed: (record: ServerRecord, previous: ServerRecord) => {
      for (const listener of listeners) listener({ type: 'put', record, previous });
    },
  };
}

const patches = { method: 'PATCH', path: /\/status/ };
const stamps = { method: 'PATCH', path: /\/servers\/web(\?|$)/ };
const reads = { method: 'GET', path: /\/servers\/web/ };
/** Definitions that stay as they are, and count how often they are asked for. */
function countedDefinitions() {
  const definitions = {
    ...installed('v1.16'),
    rechecks: 0,
    recheck: async () => {
      definitions.rechecks++;
    },
  };
  return definitions;
}

/** As it is stored. */
function objectOf(cluster: SandboxKubernetes, name: string): KubernetesObject {
  const object = cluster.get('servers', namespace, name);
  if (object === undefined) throw new Error(`no server ${name}`);
  return object;
}

/** Does what the first patch that was received asks for. */
function applyFirst(cluster: SandboxKubernetes): void {
  const [first] = cluster.requests.matching(patches);
  const status = isJsonObject(first?.body) ? first.body['status'] : undefined;
  if (status === undefined) throw new Error('no patch was received');
  cluster.patchStatus('servers', namespace, 'web', { status });
}

const always = { times: Number.POSITIVE_INFINITY };

test('a write whose answer is lost, in an outage that lasts into the next poll, is told once', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  const known = server();
  cluster.faults.add(patches, { kind: 'truncate' });
  const away = cluster.faults.add({ ...reads, ...always }, { kind: 'drop' });
  t.is((await write(known, stopped)).kind, 'failed');
  t.is(server().phase, 'Stopped', 'the write stands');
  t.is((await write(known, stopped)).kind, 'failed');
  t.deepEqual(told, []);
  away.remove();
  t.is((await write(known, stopped)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
  t.is(cluster.requests.count(patches), 1);
});

test('of two writes without an answer, the one that was applied is told, even if it was the first', async (t) => {
  const { cluster, write, told, server } = await setUp(t, { requestTimeoutMs: 1_000 });
  cluster.faults.add(patches, { kind: 'hang' });
  // It is applied after all, when nobody waits for it any more and the second one is on its way.
  cluster.faults.add(patches, { kind: 'before', run: () => applyFirst(cluster) });
  cluster.faults.add(patches, { kind: 'hang' });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
  t.is(cluster.requests.count(patches), 2);
});

test('a write that was lost for good is written anew, and told once', async (t) => {
  const { cluster, write, writer, told, server } = await setUp(t);
  cluster.faults.add({ ...patches, times: 3 }, { kind: 'drop' });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
  t.true(writer.isIdle(server(), stopped), 'nothing is open any more');
});

test('what an answer that was lost had changed is seen, though the cloud went back and the watch is silent', async (t) => {
  const { cluster, write, writer, told, server } = await setUp(t);
  const known = server();
  cluster.faults.add(patches, { kind: 'truncate' });
  const away = cluster.faults.add({ ...reads, ...always }, { kind: 'drop' });
  await write(known, stopped);
  away.remove();
  t.false(writer.isIdle(known, observation()), 'by the cache there would be nothing to do');
  t.is((await write(known, observation())).kind, 'stands');
  t.is(server().phase, 'Running');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded', 'Stopped > Running', 'Degraded > Healthy']);
});

test('a change that was lost and is no longer wanted is forgotten', async (t) => {
  const { cluster, write, writer, told, server } = await setUp(t);
  const known = server();
  const away = cluster.faults.add({ ...always }, { kind: 'drop' });
  await write(known, stopped);
  away.remove();
  t.is((await write(known, observation())).kind, 'stands');
  t.true(writer.isIdle(known, observation()));
  t.deepEqual(told, []);
});

test('an answer of 2xx that nobody can read is an answer that was lost', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  cluster.faults.add(patches, { kind: 'before', run: () => applyFirst(cluster) });
  cluster.faults.add(patches, { kind: 'respond', status: 200, body: '<html>a proxy</html>' });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
});

test('a stop does not end a write whose answer was lost: what it did is found out first', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  const stop = new AbortController();
  cluster.faults.add(patches, { kind: 'before', run: () => stop.abort() });
  cluster.faults.add(patches, { kind: 'lost' });
  cluster.faults.add({ ...reads, times: 1 }, { kind: 'delay', ms: 50 });
  t.is((await write(server(), stopped, stop.signal)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
});

test('a stop begins no write again that was refused', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  const stop = new AbortController();
  cluster.faults.add(patches, { kind: 'before', run: () => stop.abort() });
  cluster.faults.add(patches, { kind: 'respond', status: 409 });
  t.is((await write(server(), stopped, stop.signal)).kind, 'failed');
  t.deepEqual(told, []);
  t.is(cluster.requests.count(patches), 1);
});

test('at the end, a write that was given up is found out about, also when reads fail at first', async (t) => {
  const { cluster, write, writer, told, server } = await setUp(t);
  cluster.faults.add(patches, { kind: 'lost' });
  cluster.faults.add({ ...reads, times: 2 }, { kind: 'respond', status: 503 });
  t.is((await write(server(), stopped)).kind, 'failed');
  t.deepEqual(await writer.settleLast(() => true, new AbortController().signal), []);
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
});

test('at the end, an object that cannot be read in time is named', async (t) => {
  const { cluster, write, writer, ended, server } = await setUp(t);
  cluster.faults.add(patches, { kind: 'lost' });
  cluster.faults.add({ ...reads, ...always }, { kind: 'hang' });
  const stop = new AbortController();
  const wrote = write(server(), stopped, stop.signal);
  await eventually('a read', () => cluster.requests.count(reads) > 0);
  stop.abort();
  ended.abort();
  t.is((await wrote).kind, 'failed');
  const left = await writer.settleLast(() => true, ended.signal);
  t.deepEqual(
    left.map(({ name }) => name),
    ['web'],
  );
});

test('nothing is kept of an object that is gone', async (t) => {
  const { cluster, write, writer, deleted, server } = await setUp(t);
  const known = server();
  cluster.faults.add({ ...always }, { kind: 'drop' });
  await write(known, stopped);
  t.false(writer.isIdle(known, observation()));
  deleted(known);
  t.true(writer.isIdle(known, observation()));
});

test('what is open of an object outlasts its changes, but not its replacement by another of its name', async (t) => {
  const { cluster, write, writer, changed, server } = await setUp(t);
  const known = server();
  cluster.faults.add({ ...always }, { kind: 'drop' });
  await write(known, stopped);
  changed({ ...known, displayName: 'renamed' }, known);
  t.false(writer.isIdle(known, observation()));
  changed({ ...known, uid: 'another' }, known);
  t.true(writer.isIdle(known, observation()));
});

/** A write whose answer never comes: its object goes to another replica meanwhile. */
async function losingTheObject(t: ExecutionContext, fault: 'truncate' | 'drop') {
  let ours = true;
  const parts = await setUp(t, { mayWrite: () => ours });
  const { cluster, write, server } = parts;
  cluster.faults.add(patches, { kind: fault });
  const away = cluster.faults.add({ ...reads, ...always }, { kind: 'drop' });
  const { signal } = new AbortController();
  t.is((await write(server(), stopped)).kind, 'failed');
  ours = false;
  return { ...parts, away, signal };
}

test('a write whose answer is lost is logged once, though another replica has the object by then', async (t) => {
  const { writer, told, away, signal } = await losingTheObject(t, 'truncate');
  await writer.settle(signal);
  t.deepEqual(told, [], 'nothing is known yet');
  away.remove();
  await writer.settle(signal);
  await writer.settle(signal);
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
});

test('also when the other replica has already written what came after it', async (t) => {
  const { cluster, writer, told, away, signal } = await losingTheObject(t, 'truncate');
  cluster.patchStatus('servers', namespace, 'web', {
    status: { phase: 'Running', conditions: [{ ...healthyCondition() }] },
  });
  away.remove();
  await writer.settle(signal);
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
});

test('a write that was not applied is not logged, whatever the other replica writes', async (t) => {
  const { cluster, writer, told, away, signal, server } = await losingTheObject(t, 'drop');
  away.remove();
  await writer.settle(signal);
  t.false(writer.isIdle(server(), observation()), 'it may yet be applied');
  cluster.patchStatus('servers', namespace, 'web', { status: { phase: 'Pending' } });
  cluster.patchStatus('servers', namespace, 'web', { status: { phase: 'Stopped' } });
  await writer.settle(signal);
  t.deepEqual(told, []);
  t.true(writer.isIdle(server(), observation({ phase: 'Stopped' })));
});

test('429 pauses all writes, for as long as the API server said', async (t) => {
  const pauses: number[] = [];
  const over = Promise.withResolvers<void>();
  const sleep = async (ms: number) => {
    pauses.push(ms);
    await over.promise;
  };
  const { cluster, add, write, server } = await setUp(t, { sleep });
  add('other');
  cluster.faults.tooManyRequests({ ...patches, retryAfterSeconds: 28 });
  const first = write(server(), stopped);
  await eventually('the first write to pause', () => pauses.length === 1);
  const second = write(server('other'), stopped);
  await eventually('the other write to pause', () => pauses.length === 2);
  t.true(
    pauses.every((ms) => ms === 28_000),
    pauses.join(),
  );
  t.is(cluster.requests.count(patches), 1);
  over.resolve();
  t.like(await first, { kind: 'stands', object: { phase: 'Stopped' } });
  t.like(await second, { kind: 'stands', object: { phase: 'Stopped' } });
});

test('429 on the annotation is waited out', async (t) => {
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    pauses.push(ms);
  };
  const { cluster, write, server } = await setUp(t, { sleep });
  const fault = cluster.faults.tooManyRequests({ ...stamps, retryAfterSeconds: 1 });
  const written = await write(server(), observation({ phase: 'Pending' }));
  t.is(fault.hits, 1);
  t.deepEqual(pauses, [1_000]);
  t.like(written, { kind: 'stands', object: { phase: 'Pending' } });
  t.not(server().pendingEntryTime, undefined);
  t.false('annotationError' in written);
});

test('an annotation that is refused is told beside the status that stands', async (t) => {
  const { cluster, write, server } = await setUp(t);
  cluster.faults.rejectWrites({ path: /\/servers\/web$/ });
  const written = await write(server(), observation({ phase: 'Pending' }));
  t.is(written.kind, 'stands');
  const error = written.kind === 'stands' ? written.annotationError : undefined;
  t.regex(error?.message ?? '', /patch servers web in namespace region: 422/);
  t.is(server().phase, 'Pending');
});

test('what another wrote meanwhile is read, and kept', async (t) => {
  const { cluster, write, told, outcomes, server } = await setUp(t);
  const known = server();
  cluster.patchStatus('servers', namespace, 'web', { status: { privateIP: '10.0.0.7' } });
  const written = await write(known, stopped);
  t.like(written, { kind: 'stands', object: { phase: 'Stopped' } });
  t.like(cluster.get('servers', namespace, 'web'), { status: { phase: 'Stopped', privateIP: '10.0.0.7' } });
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
  t.deepEqual(outcomes, ['conflict', 'applied']);
});

test('what another wrote meanwhile may be what was to be written', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  const known = server();
  await write(known, stopped);
  t.like(await write(known, stopped), { kind: 'stands', object: { phase: 'Stopped' } });
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
  t.is(cluster.requests.count(patches), 2);
});

test('an object that goes while it is written is gone, as is one that another took the place of', async (t) => {
  const { cluster, add, write, told, outcomes, server } = await setUp(t);
  const known = server();
  cluster.delete('servers', namespace, 'web');
  t.deepEqual(await write(known, stopped), { kind: 'gone' });
  add('web');
  t.not(server().uid, known.uid);
  t.deepEqual(await write(known, stopped), { kind: 'gone' });
  t.is(server().phase, 'Running', 'the new one is not touched');
  t.deepEqual(told, []);
  t.deepEqual(outcomes, ['gone', 'conflict', 'gone']);
});

test('an object that is there, but not its status, is a failure that says so', async (t) => {
  const { cluster, write, told, outcomes, server } = await setUp(t);
  cluster.faults.add({ ...patches, ...always }, { kind: 'respond', status: 404 });
  const written = await write(server(), stopped);
  const message = written.kind === 'failed' ? written.error.message : written.kind;
  t.regex(
    message,
    /404 NotFound.*\(the Server is there: does its definition have the subresource status\?\)$/,
  );
  t.deepEqual(told, []);
  t.deepEqual(outcomes, ['failed']);
});

test('conflicts without end are given up', async (t) => {
  const { cluster, write, told, outcomes, server } = await setUp(t);
  cluster.faults.add({ ...patches, ...always }, { kind: 'respond', status: 409, body: {} });
  const written = await write(server(), stopped);
  t.is(written.kind, 'failed');
  t.is(cluster.requests.count(patches), 6);
  t.deepEqual(told, []);
  t.deepEqual(outcomes, [...Array.from({ length: 6 }, () => 'conflict'), 'failed']);
});

test('a write that takes long is left to the next poll: others wait for its place', async (t) => {
  const { cluster, time, write, server } = await setUp(t);
  const slow = { kind: 'before', run: () => (time.monotonicMs += 5_001) } as const;
  cluster.faults.add({ ...patches, ...always }, slow);
  cluster.faults.add({ ...patches, ...always }, { kind: 'respond', status: 409, body: {} });
  t.is((await write(server(), stopped)).kind, 'failed');
  t.is(cluster.requests.count(patches), 2);
});

test('a refusal that another try would meet again is not tried again', async (t) => {
  const { cluster, write, outcomes, server } = await setUp(t);
  cluster.faults.add({ ...patches, ...always }, { kind: 'respond', status: 403, body: {} });
  t.is((await write(server(), stopped)).kind, 'failed');
  t.is(cluster.requests.count(patches), 1);
  t.deepEqual(outcomes, ['failed']);
});

test('failures of the API server are tried again after growing pauses', async (t) => {
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    pauses.push(ms);
  };
  const { cluster, write, server } = await setUp(t, { sleep });
  cluster.faults.add({ ...patches, times: 4 }, { kind: 'respond', status: 500, body: {} });
  t.is((await write(server(), stopped)).kind, 'stands');
  const bounds = [200, 400, 800, 1_600].map((usual) => [usual * 0.5, usual * 1.5] as const);
  t.is(pauses.length, bounds.length);
  for (const [index, [least = 0, most = 0]] of bounds.entries()) {
    const ms = pauses[index] ?? 0;
    t.true(ms >= least && ms <= most, `${ms} ms`);
  }
});

test('a status that the schema refuses is written again when the definitions have changed', async (t) => {
  const definitions: { profile: Profile; recheck: () => Promise<void> } = {
    profile: 'v1.16',
    recheck: async () => {
      definitions.profile = 'v1.19';
    },
  };
  const { cluster, write, server } = await setUp(t, { definitions });
  cluster.faults.rejectWrites({ path: /\/status/, times: 1 });
  t.is((await write(server(), stopped)).kind, 'stands');
  cluster.faults.rejectWrites({ path: /\/status/, times: 1 });
  t.is((await write(server(), observation())).kind, 'failed', 'they have not changed again');
});

test('a monitor that stops begins no write, and counts none', async (t) => {
  const { cluster, write, outcomes, server } = await setUp(t);
  t.is((await write(server(), stopped, AbortSignal.abort())).kind, 'failed');
  t.is(cluster.requests.count({ method: 'PATCH' }), 0);
  t.deepEqual(outcomes, []);
});

test('the annotation of a server that left Pending goes, and with the definitions of v1.19 it is left alone', async (t) => {
  const { write, server } = await setUp(t);
  const pending = observation({ phase: 'Pending' });
  await write(server(), pending);
  const stamped = server().pendingEntryTime;
  t.not(stamped, undefined);
  await write(server(), pending);
  t.is(server().pendingEntryTime, stamped, 'it is since then');
  await write(server(), observation());
  t.is(server().pendingEntryTime, undefined);
  const later = await setUp(t, { definitions: installed('v1.19') });
  await later.write(later.server(), pending);
  t.is(later.server().pendingEntryTime, undefined);
});

test('an annotation whose object changed meanwhile is written to the object as it is now', async (t) => {
  const { cluster, write, server } = await setUp(t);
  const change = () =>
    cluster.patchStatus('servers', namespace, 'web', { status: { privateIP: '10.0.0.7' } });
  cluster.faults.add(stamps, { kind: 'before', run: change });
  const written = await write(server(), observation({ phase: 'Pending' }));
  t.false('annotationError' in written);
  t.not(server().pendingEntryTime, undefined);
  t.is(cluster.requests.count(stamps), 2);
});

test('a write is idle only if status and annotation are as they should be', async (t) => {
  const { writer, server, write } = await setUp(t);
  t.true(writer.isIdle(server(), observation()));
  t.false(writer.isIdle(server(), stopped));
  t.false(writer.isIdle({ ...server(), pendingEntryTime: '2026-11-22T07:00:00Z' }, observation()));
  await write(server(), stopped);
  t.true(writer.isIdle(server(), stopped));
});

test('an answer of 2xx with another object says nothing of the write, though that object looks as wanted', async (t) => {
  const definitions = countedDefinitions();
  const { cluster, add, write, told, outcomes, server } = await setUp(t, {
    definitions,
    sleep: async () => {},
  });
  add('other');
  cluster.patchStatus('servers', namespace, 'other', { status: { phase: 'Stopped' } });
  const body = objectOf(cluster, 'other');
  const fault = cluster.faults.add({ ...patches, times: 1 }, { kind: 'respond', status: 200, body });
  t.like(await write(server(), observation({ phase: 'Stopped' })), {
    kind: 'stands',
    object: { name: 'web', phase: 'Stopped' },
  });
  t.is(fault.hits, 1);
  t.deepEqual(told, ['Running > Stopped']);
  t.deepEqual(outcomes, ['applied']);
  t.is(definitions.rechecks, 0);
  cluster.faults.add({ ...patches, ...always }, { kind: 'respond', status: 200, body });
  t.like(await write(server(), observation()), {
    kind: 'failed',
    error: {
      message: 'the answer to the status patch is not the Server that was patched: what answered?',
      status: 200,
      verb: 'patch',
      resource: 'servers/status',
      reason: 'InvalidResponse',
    },
  });
});

test('an answer with the object as it was asks for the definitions: they may not have what was written', async (t) => {
  const definitions = countedDefinitions();
  const { cluster, write, told, server } = await setUp(t, { definitions });
  const body = objectOf(cluster, 'web');
  cluster.faults.add(patches, { kind: 'respond', status: 200, body });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.is(definitions.rechecks, 1);
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
});

test('a write takes as long as its request; one that failed, as all its attempts', async (t) => {
  const { cluster, time, write, outcomes, durations, server } = await setUp(t);
  const slow = { kind: 'before', run: () => (time.monotonicMs += 2_000) } as const;
  cluster.faults.add({ ...patches, ...always }, slow);
  cluster.faults.add({ ...patches, times: 1 }, { kind: 'respond', status: 409, body: {} });
  await write(server(), stopped);
  cluster.faults.add({ ...patches, times: 1 }, { kind: 'respond', status: 409, body: {} });
  cluster.faults.add({ ...patches, times: 1 }, { kind: 'respond', status: 403, body: {} });
  await write(server(), observation());
  t.deepEqual(outcomes, ['conflict', 'applied', 'conflict', 'failed']);
  t.deepEqual(durations, [2, 2, 2, 4]);
});

test('each attempt of a write is a span of the poll that asked for it, and failed where the attempt did', async (t) => {
  const { cluster, write, spans, server } = await setUp(t);
  const poll = spans.tracer.startSpan('poll');
  const { signal } = new AbortController();
  cluster.faults.add(patches, { kind: 'respond', status: 409, body: {} });
  await write(server(), stopped, signal, poll);
  t.deepEqual(spans.ended(), ['write status', 'write status']);
  t.deepEqual(spans.failed(), ['write status']);
  await write(server(), observation());
  t.is(spans.ended().length, 2, 'a write outside a poll has none');
});

test('what another replica may write by then is not sent, and not counted as gone', async (t) => {
  const { cluster, write, told, outcomes, server } = await setUp(t, { mayWrite: () => false });
  t.deepEqual(await write(server(), stopped), { kind: 'gone' });
  t.is(cluster.requests.count({ method: 'PATCH' }), 0);
  t.deepEqual(told, []);
  t.deepEqual(outcomes, []);
});

test('an annotation of an object that goes to another replica is left to that one', async (t) => {
  let asked = 0;
  const { cluster, write, server } = await setUp(t, { mayWrite: () => ++asked === 1 });
  const written = await write(server(), observation({ phase: 'Pending' }));
  t.like(written, { kind: 'stands', object: { phase: 'Pending' } });
  t.false('annotationError' in written);
  t.is(cluster.requests.count(stamps), 0);
});

test('an annotation that always meets another version is given up', async (t) => {
  const { cluster, write, server } = await setUp(t);
  const fault = cluster.faults.add({ ...stamps, ...always }, { kind: 'respond', status: 409, body: {} });
  const written = await write(server(), observation({ phase: 'Pending' }));
  t.like(written, { kind: 'stands', object: { phase: 'Pending' }, annotationError: { status: 409 } });
  t.is(fault.hits, 6);
});

test('an annotation that something takes out again is not written in a loop', async (t) => {
  const { cluster, write, server } = await setUp(t);
  const body = { ...objectOf(cluster, 'web'), status: { phase: 'Pending' } };
  const fault = cluster.faults.add({ ...stamps, ...always }, { kind: 'respond', status: 200, body });
  await write(server(), observation({ phase: 'Pending' }));
  t.is(fault.hits, 1);
});

test('an object that goes before its annotation is written needs none', async (t) => {
  for (const status of [404, 409]) {
    const { cluster, write, server } = await setUp(t);
    const goes = () => cluster.delete('servers', namespace, 'web');
    cluster.faults.add(stamps, { kind: 'before', run: goes });
    cluster.faults.add(stamps, { kind: 'respond', status, body: {} });
    const written = await write(server(), observation({ phase: 'Pending' }));
    t.like(written, { kind: 'stands', object: { phase: 'Pending' } });
    t.false('annotationError' in written);
  }
});

test('a stop that comes before the annotation is no failure of it', async (t) => {
  const { cluster, write, server } = await setUp(t);
  const stop = new AbortController();
  cluster.faults.add(stamps, { kind: 'before', run: () => stop.abort() });
  cluster.faults.tooManyRequests({ ...stamps, retryAfterSeconds: 1 });
  const written = await write(server(), observation({ phase: 'Pending' }), stop.signal);
  t.like(written, { kind: 'stands', object: { phase: 'Pending' } });
  t.false('annotationError' in written);
});

test('a time that a failing API server names is a pause of all writes; a conflict is none', async (t) => {
  const pauses: number[] = [];
  const sleep = async (ms: number) => {
    pauses.push(ms);
  };
  const { cluster, write, server } = await setUp(t, { sleep });
  cluster.faults.add(patches, { kind: 'respond', status: 409, body: {} });
  cluster.faults.add(patches, { kind: 'respond', status: 503, retryAfterSeconds: 7 });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.deepEqual(pauses, [7_000]);
});

test('an answer with the version as it was is the answer of a write that stands, if it shows what was written', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  const body = objectOf(cluster, 'web');
  cluster.faults.add(patches, { kind: 'respond', status: 200, body });
  t.like(await write({ ...server(), phase: 'Stopped' }, observation()), {
    kind: 'stands',
    object: { name: 'web', phase: 'Running' },
  });
  t.deepEqual(told, ['Stopped > Running']);
  t.is(cluster.requests.count(patches), 1);
});

test('what cannot be read after a conflict is a failure, of the status as of the annotation', async (t) => {
  const { cluster, write, server } = await setUp(t);
  cluster.faults.add({ ...reads, ...always }, { kind: 'respond', status: 503, body: {} });
  cluster.faults.add(patches, { kind: 'respond', status: 409, body: {} });
  t.like(await write(server(), stopped), { kind: 'failed', error: { status: 503, verb: 'get' } });
  cluster.faults.add(stamps, { kind: 'respond', status: 409, body: {} });
  t.like(await write(server(), observation({ phase: 'Pending' })), {
    kind: 'stands',
    annotationError: { status: 503, verb: 'get' },
  });
});

test('a write without an answer is forgotten with its object, also if only the next write finds it gone', async (t) => {
  const { cluster, write, writer, told, outcomes, server } = await setUp(t);
  const known = server();
  const away = cluster.faults.add({ ...always }, { kind: 'drop' });
  await write(known, stopped);
  away.remove();
  cluster.delete('servers', namespace, 'web');
  t.false(writer.isIdle(known, observation()));
  t.deepEqual(await write(known, stopped), { kind: 'gone' });
  t.true(writer.isIdle(known, observation()));
  t.deepEqual(told, []);
  t.deepEqual(outcomes, ['failed', 'gone']);
});
