// What becomes of a write without an answer, where the API server answers the questions about it late, oddly or not at all.

import test from 'ava';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { isFields } from '../../../src/main/kubernetes/objects/object-fields.ts';
import { UnansweredWrites } from '../../../src/main/projection/unanswered-writes.ts';
import type { Clock } from '../../../src/shared/clock.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { degraded, healthyCondition, observation, serverRecord } from '../../fixtures/monitor/records.ts';
import { serverKind } from '../../fixtures/monitor/server-kind.ts';

const { signal } = new AbortController();
const before = serverRecord({ resourceVersion: '10', phase: 'Running', conditions: [healthyCondition()] });
const clock = { now: () => Date.UTC(2026, 10, 22, 8) };

function refusal(status: number): ApiError {
  return new ApiError(`as scripted: ${status}`, {
    status,
    verb: 'get',
    resource: 'servers',
    reason: '',
    retryAfterMs: null,
  });
}

interface Script {
  /** The object as it is now. */
  readonly get?: () => Promise<ServerRecord>;
  /** What followed the version that was written to. */
  readonly next?: () => AsyncGenerator<unknown, void, undefined>;
  readonly sleep?: Clock['sleep'];
}

function setUp({ get = async () => before, next = nothing, sleep = async () => {} }: Script) {
  const told: string[] = [];
  const asked: string[] = [];
  const records = new Map<unknown, ServerRecord>();
  const kind = serverKind({ clock, told });
  const writes = new UnansweredWrites({
    kind,
    client: {
      get: async (path) => {
        asked.push(path);
        return answerOf(await get());
      },
      stream: () => next(),
    },
    objects: {
      parse: (answer) => records.get(isFields(answer) ? answer['metadata'] : answer) ?? before,
    },
    fieldManager: 'region-monitor-host-1',
    clock: { sleep },
  });
  function answerOf(record: ServerRecord): unknown {
    const { name, namespace, uid, resourceVersion } = record;
    const metadata = { name, namespace, uid, resourceVersion };
    records.set(metadata, record);
    return { metadata };
  }
  const stopped = kind.project(before, observation({ phase: 'Stopped' }));
  const degradedToo = kind.project(before, observation({ phase: 'Stopped', health: degraded }));
  const settle = async (record: ServerRecord) => writes.settle({ record, answer: answerOf(record) }, signal);
  return { writes, told, asked, answerOf, settle, stopped, degradedToo };
}

async function* nothing(): AsyncGenerator<unknown, void, undefined> {}

async function* failing(error: Error): AsyncGenerator<unknown, void, undefined> {
  yield* nothing();
  throw error;
}

/** As another writer left it: it does not show whether ours was applied before. */
const overwritten = { ...before, resourceVersion: '12', phase: 'Pending' };

test('of the writes that a version could show, the one that explains most of it is told', async (t) => {
  for (const backwards of [false, true]) {
    const { writes, told, settle, stopped, degradedToo } = setUp({});
    const sent = [stopped, degradedToo];
    for (const projection of backwards ? sent.toReversed() : sent) writes.add(before, projection);
    await settle({ ...degradedToo.after, resourceVersion: '11' });
    t.deepEqual(told, ['Running > Stopped', 'Healthy > Degraded']);
    t.false(writes.has(before.uid));
  }
});

test('two who settle the same write at the same time tell it once', async (t) => {
  const { writes, told, settle, stopped, answerOf } = setUp({
    next: async function* () {
      yield { type: 'MODIFIED', object: answerOf({ ...stopped.after, resourceVersion: '11' }) };
    },
  });
  writes.add(before, stopped);
  await Promise.all([settle(overwritten), settle(overwritten)]);
  t.deepEqual(told, ['Running > Stopped']);
});

test('what the API server knows no more of is settled untold; what it only fails to answer is kept', async (t) => {
  const cases: readonly [next: () => AsyncGenerator<unknown, void, undefined>, settled: boolean][] = [
    [nothing, true],
    [() => failing(refusal(410)), true],
    [() => failing(refusal(500)), false],
    [() => failing(new Error('broken')), false],
  ];
  for (const [next, settled] of cases) {
    const { writes, told, settle, stopped } = setUp({ next });
    writes.add(before, stopped);
    if (settled) await settle(overwritten);
    else await t.throwsAsync(settle(overwritten));
    t.is(writes.has(before.uid), !settled);
    t.deepEqual(told, []);
  }
});

test('an object that is gone, or another of its name, takes its writes along; an outage does not', async (t) => {
  const cases: readonly [get: () => Promise<ServerRecord>, kept: boolean][] = [
    [async () => Promise.reject(refusal(404)), false],
    [async () => ({ ...before, uid: 'another', resourceVersion: '20' }), false],
    [async () => Promise.reject(refusal(503)), true],
    [async () => Promise.reject(new Error('no connection')), true],
    [async () => before, true],
  ];
  for (const [get, kept] of cases) {
    const { writes, told, stopped } = setUp({ get });
    writes.add(before, stopped);
    await writes.settleThose(() => false, signal);
    t.true(writes.has(before.uid));
    await writes.settleThose(() => true, signal);
    t.is(writes.has(before.uid), kept);
    t.deepEqual(told, []);
  }
});

test('objects are read by one at a time, and again when that has failed', async (t) => {
  const answer = Promise.withResolvers<ServerRecord>();
  const { writes, asked, stopped } = setUp({ get: async () => answer.promise });
  writes.add(before, stopped);
  const first = writes.settleThose(() => true, signal);
  await writes.settleThose(() => true, signal);
  t.is(asked.length, 1);
  answer.reject(refusal(503));
  await first;
  await writes.settleThose(() => true, signal);
  t.is(asked.length, 2);
});

test('at the end, an object that cannot be read is read again until it is', async (t) => {
  const pauses: number[] = [];
  let failures = 2;
  const { writes, told, asked, stopped } = setUp({
    get: async () => {
      if (failures-- > 0) throw refusal(503);
      return { ...stopped.after, resourceVersion: '11' };
    },
    sleep: async (ms) => {
      pauses.push(ms);
    },
  });
  writes.add(before, stopped);
  t.deepEqual(await writes.settleLast(() => true, signal), []);
  t.is(asked.length, 3);
  t.deepEqual(pauses, [250, 250]);
  t.deepEqual(told, ['Running > Stopped']);
  t.false(writes.has(before.uid));
});

test('at the end, only the objects that are wanted are read, and those that cannot be in time are left', async (t) => {
  const over = new AbortController();
  const { writes, asked, stopped } = setUp({
    get: async () => Promise.reject(refusal(503)),
    sleep: async (_, until) => {
      over.abort();
      until?.throwIfAborted();
    },
  });
  const other = serverRecord({ name: 'other' });
  writes.add(before, stopped);
  writes.add(other, { ...stopped, after: other });
  t.deepEqual(await writes.settleLast((uid) => uid === before.uid, over.signal), [before]);
  t.is(asked.length, 1);
  t.deepEqual(await writes.settleLast(() => true, over.signal), [before, other], 'there is no time for any');
  t.is(asked.length, 1);
});
