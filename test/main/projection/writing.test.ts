// What becomes of writes beyond a poll: their lines, their settling and their end, against an API server that a test
// scripts. Of all answers only the name of the object is sent; what it holds by then is the object of the script.

import { ProxyTracerProvider } from '@opentelemetry/api';
import test from 'ava';
import type { KubernetesClient } from '../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { RecentTransitions } from '../../../src/main/projection/recent-transitions.ts';
import { WriteQueue } from '../../../src/main/projection/write-queue.ts';
import { type Onlooker, Writing } from '../../../src/main/projection/writing.ts';
import { serverFields, serverWords } from '../../../src/main/server-health/status/server-fields.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import { healthyCondition, installed, observation, serverRecord } from '../../fixtures/monitor/records.ts';
import { serverKind } from '../../fixtures/monitor/server-kind.ts';
import { ScriptedClock } from '../../fixtures/scripted-clock.ts';

const region = { namespace: 'default', name: 'region-1' };
const stopped = observation({ phase: 'Stopped' });
const drainMs = 5_000;

class ScriptedApi {
  server = serverRecord({ name: 'web', conditions: [healthyCondition()] });
  /** What becomes of a patch. */
  patches: 'done' | 'lost' | 'hung' = 'done';
  reads: 'done' | 'failed' = 'done';
  /** Names that patches were sent under. */
  readonly managers: (string | undefined)[] = [];

  async get(): Promise<unknown> {
    if (this.reads === 'failed') throw failure('get', 503);
    return this.server.name;
  }

  async patch(...[, , options]: Parameters<KubernetesClient['patch']>): Promise<unknown> {
    if (options?.mayBeSent?.() === false) throw failure('patch', 0, 'Withheld');
    this.managers.push(options?.query?.['fieldManager']);
    if (this.patches === 'hung') return new Promise(() => {});
    this.server = { ...this.server, phase: 'Stopped', resourceVersion: '2' };
    if (this.patches === 'lost') throw failure('patch', 0);
    return this.server.name;
  }

  async *stream(): AsyncGenerator<unknown, void, undefined> {}
}

function failure(verb: string, status: number, reason = ''): ApiError {
  return new ApiError('as scripted', { status, verb, resource: 'servers', reason, retryAfterMs: null });
}

interface SetUp {
  readonly shadow?: boolean;
  readonly namesNamespaces?: boolean;
  readonly onlooker?: Onlooker<ServerRecord>;
}

function setUp({ shadow = false, namesNamespaces = false, onlooker }: SetUp = {}) {
  const api = new ScriptedApi();
  const log = new RecordedLog();
  const told: string[] = [];
  const heard: string[] = [];
  const settled: string[] = [];
  const clock = new ScriptedClock();
  const ours = { now: true };
  const queue = new WriteQueue({ concurrency: 4, onRegionIdle: () => {} });
  const transitions = new RecentTransitions(clock);
  const writing = new Writing({
    shadow,
    namesNamespaces,
    client: api,
    definitions: installed('v1.16'),
    queue,
    transitions,
    listeners: [{ phase: (_, { name }) => heard.push(name), health: () => {} }],
    mayWrite: () => ours.now,
    clock,
    logger: log,
    metrics: { statusWrite: () => {}, shadowWrite: () => {} },
    tracer: new ProxyTracerProvider().getTracer('test'),
  });
  const view = { get: () => api.server };
  const cache = { parse: () => api.server, put: () => {}, onChange: () => () => {} };
  const writes = writing.of(serverKind({ clock, told }), { cache, view, onlooker });
  const submit = async () => {
    writes.submit({
      object: api.server,
      observation: stopped,
      region,
      signal: new AbortController().signal,
      settled: ({ kind }) => settled.push(kind),
    });
    await clock.pass(0);
  };
  /** A write that was done, though its answer was lost and the object cannot be read. */
  const lose = async () => {
    api.patches = 'lost';
    api.reads = 'failed';
    await submit();
    await clock.pass(300);
  };
  return { api, log, told, heard, settled, clock, ours, transitions, writing, submit, lose };
}

test('the writes of a process are sent under one name', async (t) => {
  const { api, told, settled, submit } = setUp();
  await submit();
  t.deepEqual(settled, ['stands']);
  t.deepEqual(told, ['Running > Stopped']);
  t.is(api.managers.length, 1);
  t.regex(api.managers[0] ?? '', /^region-monitor-/);
});

test('a write whose object is another replica’s by then is not sent', async (t) => {
  const { api, ours, settled, submit } = setUp();
  ours.now = false;
  await submit();
  t.deepEqual(settled, ['gone']);
  t.deepEqual(api.managers, []);
});

test('in shadow mode nothing is sent, and the line names the object as other lines do', async (t) => {
  const { api, log, settled, submit } = setUp({ shadow: true, namesNamespaces: true });
  await submit();
  t.deepEqual(settled, ['stands']);
  t.deepEqual(api.managers, []);
  t.like(log.lines, [
    { msg: 'shadow: would write status', fields: { instance_id: 'web', namespace: 'default' } },
  ]);
});

test('an onlooker takes the place of the writer', async (t) => {
  const { api, settled, submit } = setUp({
    onlooker: (writer) => ({
      isIdle: (object, seen) => writer.isIdle(object, seen),
      write: async () => ({ kind: 'failed', error: new Error('as the onlooker says') }),
    }),
  });
  await submit();
  t.deepEqual(settled, ['failed']);
  t.deepEqual(api.managers, []);
});

test('a transition is in the log, among the latest, and heard by listeners', (t) => {
  for (const namesNamespaces of [false, true]) {
    const { api, log, heard, transitions, writing } = setUp({ namesNamespaces });
    writing.log(serverWords).phase(api.server, { from: 'Running', to: 'Stopped' });
    t.is(log.lines[0]?.fields['namespace'], namesNamespaces ? 'default' : undefined);
    t.is(log.lines[0]?.fields['instance_id'], 'web');
    t.like(transitions.newestFirst(), [{ name: 'web', from: 'Running', to: 'Stopped' }]);
    t.deepEqual(heard, ['web']);
    const { namespace } = api.server;
    const fields = serverFields(api.server);
    t.deepEqual(writing.fields(serverWords)(api.server), namesNamespaces ? { ...fields, namespace } : fields);
  }
});

test('what became of a write is found out when its object is another replica’s', async (t) => {
  const { api, told, ours, settled, writing, lose } = setUp();
  await lose();
  t.deepEqual(settled, ['failed']);
  api.reads = 'done';
  const { signal } = new AbortController();
  await writing.settle(signal);
  t.deepEqual(told, [], 'the next write finds out');
  ours.now = false;
  await writing.settle(signal);
  t.deepEqual(told, ['Running > Stopped']);
});

test('a stop finds out what became of a write, and says nothing when all is known', async (t) => {
  const { api, log, told, writing, clock, lose } = setUp();
  await lose();
  api.reads = 'done';
  await writing.drain(drainMs);
  t.deepEqual(told, ['Running > Stopped']);
  t.deepEqual(log.lines, []);
  t.is(clock.sleeping, 0, 'no timer is left');
});

test('a stop waits for the writes in flight', async (t) => {
  const { api, log, told, clock, settled, writing, submit } = setUp();
  api.patches = 'lost';
  await submit();
  let drained = false;
  const draining = writing.drain(drainMs).then(() => {
    drained = true;
  });
  await clock.pass(0);
  t.false(drained);
  await clock.pass(300);
  await draining;
  t.deepEqual(settled, ['stands']);
  t.deepEqual(told, ['Running > Stopped']);
  t.deepEqual(log.lines, []);
});

const left = 'status write did not end before the stop, its transition may not be logged';

test('a stop waits no longer than it may, and names the object whose write did not end', async (t) => {
  const { api, log, clock, writing, submit } = setUp({ namesNamespaces: true });
  api.patches = 'hung';
  await submit();
  const draining = writing.drain(drainMs);
  await clock.pass(drainMs - 1);
  t.deepEqual(log.lines, []);
  await clock.pass(1);
  await draining;
  t.is(log.lines.length, 1);
  const fields = { instance_id: 'web', drain_timeout: '5s' };
  t.like(log.lines[0], { level: 'error', msg: left, error: null, fields });
});

test('a stop names the object of which it cannot be read what became of its write, once', async (t) => {
  const { log, told, clock, writing, lose } = setUp();
  await lose();
  const draining = writing.drain(drainMs);
  await clock.pass(drainMs);
  await draining;
  t.deepEqual(log.take(), [left]);
  t.deepEqual(told, []);
  t.is(clock.sleeping, 0);
});
