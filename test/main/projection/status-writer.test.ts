// Status writes whose answers are lost, against the stand-in for the API server: each transition is told once, whatever
// the watch has brought by then.

import { ProxyTracerProvider } from '@opentelemetry/api';
import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../src/main/kubernetes/client.ts';
import { parseServer } from '../../../src/main/kubernetes/objects/resource-records.ts';
import type { ChangeListener } from '../../../src/main/kubernetes/objects/resource-store.ts';
import { StatusWriter } from '../../../src/main/projection/status-writer.ts';
import { SandboxKubernetes } from '../../../src/sandbox/kubernetes/api.ts';
import { isJsonObject } from '../../../src/sandbox/kubernetes/object.ts';
import { type Clock, systemClock } from '../../../src/shared/clock.ts';
import { apiGroup, apiVersion } from '../../../src/shared/labels.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { degraded, healthyCondition, installed, observation } from '../../fixtures/monitor/records.ts';

const namespace = 'region';
const stopped = observation({ phase: 'Stopped', health: degraded });
const attributes = { region_id: '', region_name: '', flavor_id: '', flavor_name: '' };

interface SetUp {
  readonly requestTimeoutMs?: number;
  readonly sleep?: Clock['sleep'];
}

async function setUp(
  t: ExecutionContext,
  { requestTimeoutMs = 10_000, sleep = (ms, signal) => systemClock.sleep(ms, signal) }: SetUp = {},
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
  let nowMs = Date.now();
  const listeners: ChangeListener<ServerRecord>[] = [];
  const writer = new StatusWriter({
    client,
    // A watch that brings nothing: what the writer knows of its own writes it knows by itself.
    servers: {
      parse: parseServer,
      put: () => {},
      onChange: (listener) => {
        listeners.push(listener);
        return () => {};
      },
    },
    // No two writes in the same second: their transition times tell them apart.
    clock: { ...systemClock, sleep, now: () => (nowMs += 1_000) },
    log: {
      phase: (_, { from, to }) => told.push(`${from} > ${to}`),
      health: (_, { from, to }) => told.push(`${from} > ${to}`),
      invalidPendingTime: () => {},
      clockSkew: () => {},
      bootClockSkew: () => {},
    },
    fieldManager: 'region-monitor-test-1',
    definitions: installed('v1.16'),
    metrics: {
      statusWrite: () => {},
      transition: () => {},
      recordProvision: () => {},
      recordScheduling: () => {},
    },
    tracer: new ProxyTracerProvider().getTracer('test'),
  });
  const server = (name = 'web'): ServerRecord => parseServer(cluster.get('servers', namespace, name));
  return {
    cluster,
    add,
    writer,
    told,
    server,
    write: async (known: ServerRecord, seen: Observation, signal = new AbortController().signal) =>
      writer.write({ server: known, observation: seen, attributes, signal }),
    deleted: (record: ServerRecord) => {
      for (const listener of listeners) listener({ type: 'delete', record, previous: record });
    },
  };
}

const patches = { method: 'PATCH', path: /\/status/ };
const reads = { method: 'GET', path: /\/servers\/web/ };
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
  const { cluster, write, told, server } = await setUp(t, { requestTimeoutMs: 300 });
  cluster.faults.add(patches, { kind: 'hang' });
  // It is applied after all, when nobody waits for it any more and the second one is on its way.
  cluster.faults.add(patches, { kind: 'before', run: () => applyFirst(cluster) });
  cluster.faults.add(patches, { kind: 'hang' });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
  t.is(cluster.requests.count(patches), 2);
});

test('a write that was lost for good is written anew, and told once', async (t) => {
  const { cluster, write, told, server } = await setUp(t);
  cluster.faults.add({ ...patches, times: 3 }, { kind: 'drop' });
  t.is((await write(server(), stopped)).kind, 'stands');
  t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
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

test('nothing is kept of an object that is gone', async (t) => {
  const { cluster, write, writer, deleted, server } = await setUp(t);
  const known = server();
  cluster.faults.add({ ...always }, { kind: 'drop' });
  await write(known, stopped);
  t.false(writer.isIdle(known, observation()));
  deleted(known);
  t.true(writer.isIdle(known, observation()));
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
    pauses.every((ms) => ms > 10_000 && ms <= 28_000),
    pauses.join(),
  );
  t.is(cluster.requests.count(patches), 1);
  over.resolve();
  t.like(await first, { kind: 'stands', server: { phase: 'Stopped' } });
  t.like(await second, { kind: 'stands', server: { phase: 'Stopped' } });
});

test('429 on the annotation is waited out', async (t) => {
  const { cluster, write, server } = await setUp(t);
  const stamps = { method: 'PATCH', path: /\/servers\/web$/ };
  const fault = cluster.faults.tooManyRequests({ ...stamps, retryAfterSeconds: 1 });
  const written = await write(server(), observation({ phase: 'Pending' }));
  t.is(fault.hits, 1);
  t.like(written, { kind: 'stands', server: { phase: 'Pending' } });
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
