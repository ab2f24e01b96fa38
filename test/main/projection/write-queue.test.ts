import test from 'ava';
import * as fc from 'fast-check';
import type {
  WriteRequest as AnyRequest,
  Written as AnyWritten,
  ObjectWriter,
} from '../../../src/main/projection/object-writer.ts';
import { ObjectWrites } from '../../../src/main/projection/object-writes.ts';
import { WriteQueue } from '../../../src/main/projection/write-queue.ts';
import { serverWords } from '../../../src/main/server-health/status/server-fields.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { observation, serverRecord } from '../../fixtures/monitor/records.ts';

type WriteRequest = AnyRequest<ServerRecord, Observation>;
type Written = AnyWritten<ServerRecord>;

/** A writer whose writes end when a test says so. It writes the phase, and nothing else. */
class ScriptedWriter implements ObjectWriter<ServerRecord, Observation> {
  readonly begun: WriteRequest[] = [];
  readonly objects = new Map<string, ServerRecord>();
  mostAtOnce = 0;
  overlapped = false;
  readonly #ends = new Map<WriteRequest, (written: Written) => void>();

  get(_namespace: string, name: string): ServerRecord | undefined {
    return this.objects.get(name);
  }

  add(name: string, regionId = 'region-1'): ServerRecord {
    const server = serverRecord({ name, uid: `uid-of-${name}`, regionId, phase: 'Pending' });
    this.objects.set(name, server);
    return server;
  }

  isIdle(server: ServerRecord, seen: Observation): boolean {
    return seen.phase === server.phase;
  }

  async write(request: WriteRequest): Promise<Written> {
    const { uid } = request.object;
    if ([...this.#ends.keys()].some(({ object }) => object.uid === uid)) this.overlapped = true;
    this.begun.push(request);
    const ended = Promise.withResolvers<Written>();
    this.#ends.set(request, ended.resolve);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#ends.size);
    return ended.promise;
  }

  /** Ends the write in flight of an object: it stands, unless it is said to fail. */
  async end(name: string, error?: Error): Promise<void> {
    const entry = [...this.#ends].find(([{ object }]) => object.name === name);
    if (entry === undefined) throw new Error(`no write of ${name} is in flight`);
    const [request, end] = entry;
    this.#ends.delete(request);
    const after = { ...request.object, phase: request.observation.phase ?? '' };
    if (error === undefined) this.objects.set(name, after);
    end(error === undefined ? { kind: 'stands', object: after } : { kind: 'failed', error });
    await turn();
  }

  inFlight(): readonly string[] {
    return [...this.#ends.keys()].map(({ object }) => object.name);
  }
}

async function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function setUp(concurrency = 4) {
  const writer = new ScriptedWriter();
  const idle: string[] = [];
  const settled: string[] = [];
  const queue = new WriteQueue({
    concurrency,
    onRegionIdle: ({ name }) => idle.push(name),
  });
  const writes = new ObjectWrites({ queue, writer, objects: writer, fields: serverWords.fields });
  const submit = (server: ServerRecord, phase: 'Pending' | 'Running' | 'Stopped'): boolean =>
    writes.submit({
      object: server,
      observation: observation({ phase }),
      region: { namespace: 'default', name: server.regionId ?? '' },
      signal: new AbortController().signal,
      settled: ({ kind }) => settled.push(`${server.name} ${phase} ${kind}`),
    });
  return { writer, writes, queue, submit, idle, settled };
}

test('an object has one write at a time; of what is observed meanwhile the newest counts', async (t) => {
  const { writer, queue, submit, settled, idle } = setUp();
  const web = writer.add('web');
  submit(web, 'Running');
  submit(web, 'Stopped');
  submit(web, 'Pending');
  t.is(writer.begun.length, 1);
  t.true(queue.has(web.uid));
  await writer.end('web');
  t.deepEqual(writer.inFlight(), ['web']);
  t.is(writer.begun[1]?.object.phase, 'Running', 'projected from the object as it is by then');
  t.deepEqual(idle, []);
  await writer.end('web');
  t.deepEqual(settled, ['web Running stands', 'web Pending stands']);
  t.false(queue.has(web.uid));
  t.deepEqual(idle, ['region-1']);
});

test('an object has nothing to write only if it shows what was observed, and no write will change that', async (t) => {
  const { writer, writes, submit } = setUp();
  const web = writer.add('web');
  const isIdle = (phase: 'Pending' | 'Running') => writes.isIdle(web, observation({ phase }));
  t.deepEqual([isIdle('Pending'), isIdle('Running')], [true, false]);
  submit(web, 'Running');
  t.deepEqual([isIdle('Pending'), isIdle('Running')], [false, false]);
  await writer.end('web');
  t.deepEqual([isIdle('Pending'), isIdle('Running')], [true, false]);
});

test('what the object shows when its turn comes is not written', async (t) => {
  const { writer, submit, settled } = setUp(1);
  const web = writer.add('web');
  submit(writer.add('first'), 'Running');
  submit(web, 'Running');
  writer.objects.set('web', { ...web, phase: 'Running' });
  await writer.end('first');
  t.is(writer.begun.length, 1);
  t.deepEqual(settled, ['first Running stands', 'web Running stands']);
});

test('an object that was deleted, or replaced by another of its name, is not written', async (t) => {
  const { writer, submit, settled } = setUp(1);
  const [gone, replaced, deleting] = ['gone', 'replaced', 'deleting'].map((name) => writer.add(name));
  submit(writer.add('first'), 'Running');
  for (const server of [gone, replaced, deleting]) if (server !== undefined) submit(server, 'Running');
  writer.objects.delete('gone');
  writer.objects.set('replaced', serverRecord({ name: 'replaced', uid: 'another' }));
  if (deleting !== undefined) writer.objects.set('deleting', { ...deleting, deleting: true });
  await writer.end('first');
  t.is(writer.begun.length, 1);
  t.deepEqual(settled.slice(1), ['gone Running gone', 'replaced Running gone', 'deleting Running gone']);
});

test('a region whose writes hang leaves places for the others', async (t) => {
  const { writer, submit } = setUp(16);
  for (let index = 0; index < 64; index++) submit(writer.add(`hung-${index}`, 'hung'), 'Running');
  t.is(writer.inFlight().length, 12);
  for (const region of ['a', 'b', 'c'])
    for (let index = 0; index < 5; index++) submit(writer.add(`${region}-${index}`, region), 'Running');
  const others = () => writer.inFlight().filter((name) => !name.startsWith('hung'));
  t.true(others().length > 0);
  while (others().length > 0) {
    t.true(writer.inFlight().length <= 16);
    for (const name of others()) await writer.end(name);
  }
  t.is(writer.begun.filter(({ object }) => object.regionId !== 'hung').length, 15, 'all were written');
});

test('regions take turns', async (t) => {
  const { writer, submit } = setUp(1);
  for (const name of ['a1', 'a2', 'a3']) submit(writer.add(name, 'a'), 'Running');
  for (const name of ['b1', 'b2']) submit(writer.add(name, 'b'), 'Running');
  const order: string[] = [];
  for (let [next] = writer.inFlight(); next !== undefined; [next] = writer.inFlight()) {
    order.push(next);
    await writer.end(next);
  }
  t.deepEqual(order, ['a1', 'a2', 'b1', 'a3', 'b2']);
});

test('writes in flight can be waited for, and named until they end', async (t) => {
  const { writer, queue, submit } = setUp();
  submit(writer.add('quick'), 'Running');
  submit(writer.add('hung'), 'Running');
  await writer.end('quick');
  t.deepEqual(
    queue.inFlight.map(({ fields }) => fields()['instance_id']),
    ['hung'],
  );
  const idle = queue.whenIdle();
  await writer.end('hung');
  await idle;
  t.deepEqual(queue.inFlight, []);
});

test('each time, the last write is waited for', async (t) => {
  const { writer, queue, submit } = setUp();
  for (const name of ['first', 'second']) {
    let isIdle = false;
    submit(writer.add(name), 'Running');
    const idle = queue.whenIdle().then(() => {
      isIdle = true;
    });
    await turn();
    t.false(isIdle, name);
    await writer.end(name);
    await idle;
  }
});

test('what comes meanwhile is waited for, too, and a write that only waits is not in flight', async (t) => {
  const { writer, queue, submit } = setUp(1);
  submit(writer.add('first'), 'Running');
  const idle = queue.whenIdle();
  submit(writer.add('second'), 'Running');
  submit(writer.add('first'), 'Stopped');
  await writer.end('first');
  t.deepEqual(writer.inFlight(), ['second']);
  t.deepEqual(
    queue.inFlight.map(({ fields }) => fields()['instance_id']),
    ['second'],
  );
  await writer.end('second');
  await writer.end('first');
  await idle;
  t.deepEqual(queue.inFlight, []);
});

test('what does not fit into the backlog is refused, and fits when a write has ended', async (t) => {
  const ends = new Map<string, () => void>();
  const queue = new WriteQueue({ concurrency: 1, onRegionIdle: () => {} });
  const submit = (uid: string): boolean =>
    queue.submit({
      region: { namespace: 'default', name: 'region-1' },
      uid,
      write: async () =>
        new Promise((resolve) => {
          ends.set(uid, () => resolve(() => {}));
        }),
      fields: () => ({}),
    });
  t.true(submit('in flight'));
  for (let index = 0; index < 50_000; index++) submit(`waits-${index}`);
  t.is(queue.size, 50_001);
  t.false(submit('one more'));
  t.true(submit('waits-0'), 'a newer write takes the place of the older one');
  t.is(queue.size, 50_001);
  ends.get('in flight')?.();
  await turn();
  t.true(submit('one more'));
});

test('whatever is submitted and however writes end, each object ends as it was last observed', async (t) => {
  const phase = fc.constantFrom('Pending' as const, 'Running' as const, 'Stopped' as const);
  const step = fc.record({
    server: fc.nat(5),
    phase,
    ends: fc.array(fc.tuple(fc.nat(5), fc.boolean()), { maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.array(step, { maxLength: 30 }),
      async (concurrency, steps) => {
        const { writer, queue, submit } = setUp(concurrency);
        const servers = Array.from({ length: 6 }, (_, index) => writer.add(`s${index}`, `r${index % 2}`));
        const newest = new Map<string, string>();
        for (const { server: index, phase: seen, ends } of steps) {
          const server = servers[index];
          if (server === undefined) continue;
          submit(server, seen);
          newest.set(server.name, seen);
          for (const [victim, fails] of ends) {
            const name = `s${victim}`;
            if (!writer.inFlight().includes(name)) continue;
            await writer.end(name, fails ? new Error('refused') : undefined);
            // A write that failed is brought again by the next poll.
            const wanted = newest.get(name);
            const object = writer.objects.get(name);
            if (
              fails &&
              object !== undefined &&
              (wanted === 'Running' || wanted === 'Stopped' || wanted === 'Pending')
            )
              submit(object, wanted);
          }
        }
        while (queue.size > 0) {
          for (const name of writer.inFlight()) await writer.end(name);
          await turn();
        }
        for (const [name, wanted] of newest) t.is(writer.objects.get(name)?.phase, wanted);
        t.false(writer.overlapped);
        t.true(writer.mostAtOnce <= concurrency);
      },
    ),
    { numRuns: 200 },
  );
});
