import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { ResourceCache } from '../../../../src/main/kubernetes/objects/resource-cache.ts';
import type { ResourceCacheOptions } from '../../../../src/main/kubernetes/objects/resource-cache-options.ts';
import {
  type IdentityRecord,
  parseIdentity,
} from '../../../../src/main/kubernetes/objects/resource-records.ts';
import type { Change } from '../../../../src/main/kubernetes/objects/resource-store.ts';
import { systemClock } from '../../../../src/shared/clock.ts';
import { eventually } from '../../../fixtures/eventually.ts';
import { runCache } from '../../../fixtures/kubernetes/running-cache.ts';
import {
  type Answer,
  bookmark,
  errorEvent,
  event,
  hastyClock,
  identity,
  json,
  page,
  type Script,
  ScriptedApi,
  status,
  watch,
} from '../../../fixtures/kubernetes/scripted-api.ts';

async function start(
  t: ExecutionContext,
  script: Script,
  options: Partial<ResourceCacheOptions<IdentityRecord>> = {},
) {
  const api = await ScriptedApi.start(t, script);
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 5_000 });
  const clock = hastyClock();
  const errors: Error[] = [];
  const malformed: string[] = [];
  const changes: string[] = [];
  const recoveries: number[] = [];
  const cache = new ResourceCache({
    client,
    resource: 'identities',
    namespace: '',
    parse: parseIdentity,
    clock,
    onError: (error) => errors.push(error),
    onRecovered: () => recoveries.push(errors.length),
    onMalformed: (name, error) => malformed.push(`${name}: ${error.message}`),
    random: () => 0.5,
    ...options,
  });
  cache.onChange((change: Change<IdentityRecord>) => {
    const { type, record, previous } = change;
    changes.push(`${type} ${record.name} ${previous?.resourceVersion ?? '-'}>${record.resourceVersion}`);
  });
  const { stop, run } = runCache(t, cache, client);
  const names = () =>
    [...cache.values()].map((record) => `${record.name}@${record.resourceVersion}`).toSorted();
  return { api, cache, clock, errors, recoveries, malformed, changes, names, stop, run };
}

const quiet = watch([]);

/** So long a watch must last that ends an outage. */
const goodWatchMs = 5_000;

/** The pauses between attempts. */
function pausesOf({ pauses }: { readonly pauses: readonly number[] }): readonly number[] {
  return pauses.filter((ms) => ms !== goodWatchMs);
}

function broken(version: string): unknown {
  return { metadata: { name: 'broken', namespace: 'shop', resourceVersion: version } };
}

test('lists in pages, then watches from the version of the list', async (t) => {
  const { api, cache, names, changes } = await start(t, {
    list: [page([identity('a', '5'), identity('b', '6')], '10', 'token 1'), page([identity('c', '7')], '10')],
    watch: [quiet],
  });
  await cache.whenSynced(AbortSignal.timeout(20_000));
  await eventually('the watch', () => cache.counters.watches === 1);
  t.deepEqual(names(), ['a@5', 'b@6', 'c@7']);
  t.deepEqual(changes, ['put a ->5', 'put b ->6', 'put c ->7']);
  t.is(api.lists[0]?.query.get('limit'), '500');
  t.is(api.lists[1]?.query.get('continue'), 'token 1');
  const query = api.watches[0]?.query;
  t.is(query?.get('resourceVersion'), '10');
  t.is(query?.get('allowWatchBookmarks'), 'true');
  t.is(query?.get('timeoutSeconds'), '270');
  t.deepEqual(cache.counters, { lists: 1, watches: 1, events: 0, errors: 0 });
  t.true(cache.synced && cache.lastError === null && cache.lastContactMs > 0);
});

test('does not count as synced, and shows nothing, before the last page', async (t) => {
  const { cache, api } = await start(t, {
    list: [page([identity('a', '5')], '10', 'more'), () => {}],
  });
  await eventually('the second page', () => api.lists.length === 2);
  t.false(cache.synced);
  t.is(cache.size, 0);
  await t.throwsAsync(cache.whenSynced(AbortSignal.timeout(20)), { name: 'TimeoutError' });
});

test('follows what the watch reports', async (t) => {
  const { cache, changes, names } = await start(t, {
    list: [page([identity('a', '5'), identity('b', '6')], '10')],
    watch: [
      watch([
        event('ADDED', identity('c', '11')),
        event('MODIFIED', identity('a', '12')),
        event('DELETED', identity('b', '13')),
      ]),
    ],
  });
  await eventually('three events', () => cache.counters.events === 3);
  t.deepEqual(names(), ['a@12', 'c@11']);
  t.deepEqual(changes.slice(2), ['put c ->11', 'put a 5>12', 'delete b 6>6']);
  t.is(cache.get('shop', 'a')?.resourceVersion, '12');
  t.is(cache.get('shop', 'b'), undefined);
  t.is(cache.get('other', 'a'), undefined);
});

test('a broken watch goes on from the last bookmark or event, without a list', async (t) => {
  const { api, cache } = await start(t, {
    list: [page([], '10')],
    watch: [
      (response, request) => {
        watch([event('ADDED', identity('a', '11')), bookmark('20')])(response, request);
        setTimeout(() => response.destroy(), 20);
      },
      watch([event('ADDED', identity('b', '21'))], { end: true }),
      quiet,
    ],
  });
  await eventually('three watches', () => cache.counters.watches === 3);
  t.deepEqual(
    api.watches.map((request) => request.query.get('resourceVersion')),
    ['10', '20', '21'],
  );
  t.is(cache.size, 2);
  t.is(cache.counters.lists, 1);
});

for (const [how, answer] of [
  ['status', status(410, 'Expired')],
  ['event', watch([errorEvent(410, 'Expired')], { end: true })],
] as const) {
  test(`a forgotten version (410 as ${how}) lists again and reports what is gone`, async (t) => {
    const { cache, changes, names } = await start(t, {
      list: [
        page([identity('same', '1'), identity('changed', '2'), identity('gone', '3')], '10'),
        page([identity('same', '1'), identity('changed', '15'), identity('new', '16')], '20'),
      ],
      watch: [answer, quiet],
    });
    await cache.whenSynced(AbortSignal.timeout(20_000));
    const same = cache.get('shop', 'same');
    await eventually('the second watch', () => cache.counters.watches >= 1 && cache.counters.lists === 2);
    t.deepEqual(names(), ['changed@15', 'new@16', 'same@1']);
    t.deepEqual(changes.slice(3).toSorted(), ['delete gone 3>3', 'put changed 2>15', 'put new ->16']);
    t.is(cache.get('shop', 'same'), same, 'a record that did not change is the same object');
  });
}

test('a list whose pages expire begins again and mixes nothing', async (t) => {
  const { cache, names, api } = await start(t, {
    list: [
      page([identity('old', '1')], '10', 'token'),
      status(410, 'Expired'),
      page([identity('new', '11')], '12'),
    ],
    watch: [quiet],
  });
  await cache.whenSynced(AbortSignal.timeout(20_000));
  t.deepEqual(names(), ['new@11']);
  t.is(api.lists[2]?.query.get('continue'), null);
});

test('a silent connection is given up and taken up again; silent twice, all is listed', async (t) => {
  const { api, cache, errors } = await start(
    t,
    {
      list: [page([identity('a', '1')], '10'), page([], '30')],
      watch: [watch([bookmark('11')]), quiet, quiet, quiet],
    },
    { idleTimeoutMs: 50 },
  );
  await eventually('a second list', () => cache.counters.lists === 2);
  t.deepEqual(
    api.watches.slice(0, 3).map((request) => request.query.get('resourceVersion')),
    ['10', '11', '11'],
  );
  t.true(api.watches.length <= 4);
  t.regex(errors[0]?.message ?? '', /watch identities: nothing within 50 ms/);
  t.is(cache.size, 0);
});

test('an API server that sends no bookmarks may be silent: that is no failure, but listed again after two', async (t) => {
  const { api, cache, errors } = await start(
    t,
    { list: [page([identity('a', '1')], '10'), page([], '30')], watch: [quiet, quiet, quiet] },
    { idleTimeoutMs: 50 },
  );
  await eventually('a second list', () => cache.counters.lists === 2);
  t.deepEqual(
    api.watches.slice(0, 2).map((request) => request.query.get('resourceVersion')),
    ['10', '10'],
  );
  t.deepEqual(errors, []);
  t.is(cache.size, 0);
});

const tooLarge = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'Timeout',
  code: 504,
  message: 'Timeout: Too large resource version: 2306, current: 17',
  details: {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  },
};

for (const [how, answer] of [
  ['"Too large resource version" as status', json(tooLarge, 504, { 'retry-after': '1' })],
  ['"Too large resource version" by its cause alone', json({ ...tooLarge, message: 'as yet unknown' }, 504)],
  ['"Too large resource version" as event', watch([{ type: 'ERROR', object: tooLarge }], { end: true })],
  [
    '"Too large resource version" of an old API server, without the cause',
    json({ ...tooLarge, details: { retryAfterSeconds: 1 } }, 504),
  ],
  ['Gone of an old API server', watch([errorEvent(410, 'Gone')], { end: true })],
  [
    'Expired without a code',
    watch([{ type: 'ERROR', object: { kind: 'Status', reason: 'Expired' } }], { end: true }),
  ],
] as const) {
  test(`a version that cannot be gone on from is listed again at once: ${how}`, async (t) => {
    const { api, cache, names } = await start(t, {
      list: [page([identity('a', '2300')], '2306'), page([identity('a', '10'), identity('new', '12')], '17')],
      watch: [answer, quiet],
    });
    await eventually('the second watch', () => api.watches.length === 2);
    t.deepEqual(names(), ['a@10', 'new@12']);
    t.is(api.watches[1]?.query.get('resourceVersion'), '17');
    t.is(cache.counters.errors, 1);
  });
}

for (const [how, answer] of [
  ['errors of the API server', watch([errorEvent(500, 'InternalError')], { end: true })],
  ['errors of no known kind', watch([{ type: 'ERROR', object: 'what?' }], { end: true })],
  ['a refusal', status(400, 'BadRequest')],
  ['what is not an event', watch([{ type: 'ADDED', object: {} }], { end: true })],
] as const) {
  test(`${how}, three times for one version, are waited for; then all is listed`, async (t) => {
    const { api, names } = await start(t, {
      list: [page([identity('a', '1')], '10'), page([identity('b', '2')], '20')],
      watch: [answer, answer, answer, quiet],
    });
    await eventually('the watch after the list', () => api.watches.length === 4);
    t.deepEqual(
      api.watches.map((request) => request.query.get('resourceVersion')),
      ['10', '10', '10', '20'],
    );
    t.deepEqual(names(), ['b@2']);
  });
}

for (const [code, reason] of [
  [503, 'ServiceUnavailable'],
  [403, 'Forbidden'],
  [429, 'TooManyRequests'],
] as const) {
  const answer = status(code, reason);
  test(`a watch that is refused with ${code} has a good version: nothing is listed`, async (t) => {
    const { api, cache } = await start(t, {
      list: [page([identity('a', '1')], '10')],
      watch: [...Array.from({ length: 6 }, () => answer), quiet],
    });
    await eventually('a good watch', () => cache.counters.watches === 1);
    t.is(api.lists.length, 1);
  });
}

for (const [how, answer] of [
  ['errors', watch([errorEvent(429, 'TooManyRequests')], { end: true })],
  ['nothing', watch([], { end: true })],
] as const) {
  test(`a watch that is accepted and gets ${how} is not contact`, async (t) => {
    const hasty = hastyClock();
    const { api, cache } = await start(
      t,
      { list: [page([], '10')], watch: [answer] },
      {
        clock: {
          ...hasty,
          sleep: (ms, signal) => (ms === goodWatchMs ? systemClock : hasty).sleep(ms, signal),
        },
      },
    );
    await eventually('the first watch', () => api.watches.length === 1);
    const listed = cache.lastContactMs;
    await eventually('more watches', () => api.watches.length > 4);
    t.is(cache.lastContactMs, listed);
  });
}

test('a version that says "any" is not one to watch from', async (t) => {
  const { api, errors, cache } = await start(t, {
    list: [page([], ''), page([], '0'), page([], '5')],
    watch: [watch([bookmark('0')], { end: true }), quiet],
  });
  await eventually('a good watch', () => cache.counters.watches === 2);
  t.deepEqual(
    errors.map((error) => error.message),
    [
      'list identities: the answer.metadata.resourceVersion must be a version',
      'list identities: the answer.metadata.resourceVersion must be a version',
      'watch identities: the event.object.metadata.resourceVersion must be a version',
    ],
  );
  t.deepEqual(
    api.watches.map((request) => request.query.get('resourceVersion')),
    ['5', '5'],
  );
});

test('a list that expires in the middle again and again has larger and larger pages, then usual ones', async (t) => {
  let progress = 0;
  const expired: Answer[] = [page([identity('a', '1')], '10', 'token'), status(410, 'Expired')];
  const { api, cache } = await start(
    t,
    {
      list: [...expired, ...expired, ...expired, ...expired, ...expired, page([], '20'), page([], '30')],
      watch: [status(410, 'Expired'), quiet],
    },
    {
      pageSize: 100,
      onProgress: () => {
        progress += 1;
      },
    },
  );
  await eventually('two lists', () => cache.counters.lists === 2);
  t.deepEqual(
    api.lists.map((request) => Number(request.query.get('limit'))),
    [100, 100, 200, 200, 400, 400, 800, 800, 800, 800, 800, 100],
  );
  t.is(
    progress,
    6,
    'each of the first lists, which begin again with larger pages; none once one is complete',
  );
});

/** More than the monitor reads of an answer. */
const hugePage: Answer = (response) => {
  response.end(`{"items":["${'x'.repeat(33 * 1024 * 1024)}"]}`);
};

test('pages of objects that are too large for an answer have fewer objects, for good', async (t) => {
  const { api, cache, errors } = await start(
    t,
    {
      list: [hugePage, hugePage, page([identity('a', '1')], '10', 'token'), page([], '10'), page([], '30')],
      watch: [status(410, 'Expired'), quiet],
    },
    { pageSize: 100 },
  );
  await eventually('two lists', () => cache.counters.lists === 2);
  t.deepEqual(
    api.lists.map((request) => Number(request.query.get('limit'))),
    [100, 25, 7, 7, 7],
  );
  t.deepEqual(
    errors.map(({ message }) => message).filter((message) => /bytes/.test(message)),
    [],
  );
});

test('all objects at once, from a server that knows no pages, are a list like any other', async (t) => {
  const { cache, api } = await start(
    t,
    { list: [page([identity('a', '1'), identity('b', '2')], '10')], watch: [quiet] },
    { pageSize: 1 },
  );
  await eventually('the watch', () => cache.counters.watches === 1);
  t.is(cache.size, 2);
  t.is(api.lists.length, 1);
});

test('watches that break soon, again and again, are no reason to list', async (t) => {
  const { cache } = await start(t, {
    list: [page([identity('a', '1')], '10')],
    watch: [
      ...Array.from({ length: 4 }, () => watch([], { end: true })),
      watch([event('ADDED', identity('b', '11'))]),
    ],
  });
  await eventually('the event', () => cache.size === 2);
  t.is(cache.counters.watches, 5);
  t.is(cache.counters.lists, 1);
});

test('a line that is cut off is not believed; the next watch brings it whole', async (t) => {
  const line = JSON.stringify(event('ADDED', identity('b', '12')));
  const { api, cache, errors } = await start(t, {
    list: [page([], '10')],
    watch: [
      (response) => {
        response.writeHead(200);
        response.write(`${JSON.stringify(event('ADDED', identity('a', '11')))}\n${line.slice(0, 40)}`);
        response.end();
      },
      watch([event('ADDED', identity('b', '12'))]),
    ],
  });
  await eventually('both', () => cache.size === 2);
  t.is(api.watches[1]?.query.get('resourceVersion'), '11');
  t.regex(errors[0]?.message ?? '', /middle of a line/);
});

test('a line that is no event is an error, not a change', async (t) => {
  const { cache, errors } = await start(t, {
    list: [page([identity('a', '1')], '10')],
    watch: [watch(['nonsense'], { end: true }), watch([{ type: 'WHAT', object: {} }], { end: true }), quiet],
  });
  await eventually('a good watch', () => cache.counters.watches === 3);
  t.is(cache.size, 1);
  t.deepEqual(
    errors.map((error) => error.message),
    [
      'watch identities: the event must be an object, not string',
      'watch identities: the event has an unknown type',
    ],
  );
});

test('obeys Retry-After', async (t) => {
  const { cache, clock } = await start(t, {
    list: [status(429, 'TooManyRequests', 'slow down', { 'retry-after': '7' }), page([], '10')],
    watch: [status(429, 'TooManyRequests', 'slow down', { 'retry-after': '9' }), quiet],
  });
  await eventually('the watch', () => cache.counters.watches === 1);
  t.deepEqual(pausesOf(clock), [7_000, 9_000]);
  t.is(cache.counters.lists, 1, 'a refused watch is no reason to list');
});

test('waits longer and longer while the API server fails, and starts afresh after a good watch', async (t) => {
  const { cache, clock } = await start(t, {
    list: [...Array.from({ length: 8 }, () => status(500, 'InternalError')), page([], '10')],
    watch: [watch([bookmark('11')], { end: true }), status(503, 'ServiceUnavailable'), quiet],
  });
  await eventually('the second good watch', () => cache.counters.watches === 2);
  t.deepEqual(pausesOf(clock), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 500]);
  t.is(cache.counters.errors, 9);
  t.is(cache.lastError, null);
});

test('keeps what it has while the API server is away, and goes on when it is back', async (t) => {
  const { api, cache } = await start(t, {
    list: [page([identity('a', '1')], '10')],
    watch: [watch([bookmark('11')])],
  });
  await eventually('the watch', () => cache.counters.watches === 1);
  await api.down();
  await eventually('an error', () => cache.lastError !== null && cache.counters.errors >= 3);
  t.is(cache.size, 1);
  t.true(cache.synced);
  api.script = { list: [status(500, 'Unexpected')], watch: [watch([event('ADDED', identity('b', '12'))])] };
  await api.up();
  await eventually('the new object', () => cache.size === 2);
  t.is(cache.lastError, null);
});

test('the end of an outage is told once, by a watch that brings something or that lasts', async (t) => {
  const { recoveries, errors, cache } = await start(t, {
    list: [status(500, 'InternalError'), status(503, 'ServiceUnavailable'), page([], '10')],
    watch: [
      watch([bookmark('11')], { end: true }),
      watch([bookmark('12')], { end: true }),
      status(403, 'Forbidden'),
      // Lasts: by the hasty clock that is soon.
      quiet,
    ],
  });
  await eventually('both recoveries', () => recoveries.length === 2);
  t.deepEqual(recoveries, [2, 3], 'after so many errors');
  t.is(errors.length, 3);
  t.is(cache.counters.watches, 3);
});

test('watches that are accepted and ended at once are no end of an outage', async (t) => {
  const hasty = hastyClock();
  const { recoveries, errors } = await start(
    t,
    { list: [page([], '10')], watch: [watch([], { end: true })] },
    {
      clock: {
        ...hasty,
        sleep: (ms, signal) => (ms === goodWatchMs ? systemClock : hasty).sleep(ms, signal),
      },
    },
  );
  await eventually('some attempts', () => errors.length >= 3);
  t.deepEqual(recoveries, []);
});

test('pauses grow no longer than they may', async (t) => {
  const { clock, cache } = await start(
    t,
    {
      list: [...Array.from({ length: 4 }, () => status(500, 'InternalError')), page([], '10')],
      watch: [quiet],
    },
    { maxPauseMs: 1_500 },
  );
  await eventually('the watch', () => cache.counters.watches === 1);
  t.deepEqual(pausesOf(clock), [500, 1_000, 1_500, 1_500]);
});

test('a malformed object is reported by name, once, and has no record; the others stand', async (t) => {
  const { cache, malformed, names, changes } = await start(t, {
    list: [
      page([identity('a', '1'), broken('2'), identity('b', '3')], '10'),
      page([identity('a', '1'), broken('2'), identity('b', '3')], '20'),
    ],
    watch: [
      watch([event('MODIFIED', broken('11')), errorEvent(410, 'Expired')]),
      watch([
        event('MODIFIED', { metadata: { name: 'b', namespace: 'shop', resourceVersion: '21' } }),
        event('MODIFIED', identity('broken', '22')),
      ]),
      quiet,
    ],
  });
  await eventually('the mended object', () => cache.get('shop', 'broken') !== undefined);
  t.deepEqual(malformed, [
    'shop/broken: metadata.uid must be a string, not nothing',
    'shop/b: metadata.uid must be a string, not nothing',
  ]);
  t.deepEqual(names(), ['a@1', 'broken@22']);
  t.deepEqual(changes.slice(2), ['delete b 3>3', 'put broken ->22']);
});

test('an older event does not undo our own write, and a write does not bring back what was deleted', async (t) => {
  const go = Promise.withResolvers<void>();
  const { cache, names, changes } = await start(t, {
    list: [page([identity('a', '5'), identity('b', '6')], '10')],
    watch: [
      (response, request) => {
        watch([])(response, request);
        void go.promise.then(() => {
          const events = [
            event('MODIFIED', identity('a', '11')),
            event('MODIFIED', identity('a', '12')),
            event('DELETED', identity('b', '13')),
          ];
          for (const line of events) response.write(`${JSON.stringify(line)}\n`);
        });
      },
    ],
  });
  await eventually('the watch', () => cache.counters.watches === 1);
  cache.put(parseIdentity(identity('a', '12')));
  cache.put(parseIdentity(identity('b', '9')));
  cache.put(parseIdentity(identity('b', '7')));
  t.deepEqual(names(), ['a@12', 'b@9']);
  go.resolve();
  await eventually('the events', () => cache.counters.events === 3);
  t.deepEqual(names(), ['a@12']);
  t.deepEqual(changes.slice(2), ['put a 5>12', 'put b 6>9', 'delete b 9>9'], 'an echo is no change');
  cache.put(parseIdentity(identity('b', '12')));
  t.deepEqual(names(), ['a@12']);
});

test('a write while a list is read is not undone by the list', async (t) => {
  const second = Promise.withResolvers<void>();
  const { cache, api, names, changes } = await start(t, {
    list: [
      page([identity('a', '5'), identity('b', '6')], '10'),
      page([identity('a', '5')], '20', 'more'),
      (response, request) =>
        void second.promise.then(() => page([identity('b', '6')], '20')(response, request)),
    ],
    watch: [watch([errorEvent(410, 'Expired')]), quiet],
  });
  await eventually('the second page of the second list', () => api.lists.length === 3);
  cache.put(parseIdentity(identity('a', '21')));
  cache.put(parseIdentity(identity('b', '22')));
  second.resolve();
  await eventually('the second list', () => cache.counters.lists === 2);
  t.deepEqual(names(), ['a@21', 'b@22']);
  t.deepEqual(changes.slice(2), ['put a 5>21', 'put b 6>22']);
});

test('versions that run backwards are a restored backup: what the API server says then stands', async (t) => {
  const { cache, names } = await start(t, {
    list: [page([identity('a', '500'), identity('b', '600')], '1000'), page([identity('a', '40')], '50')],
    watch: [watch([bookmark('45')]), quiet],
  });
  await eventually('the second list', () => cache.counters.lists === 2);
  t.deepEqual(names(), ['a@40']);
});

test('a listener that throws disturbs neither the others nor the cache', async (t) => {
  const { cache, errors } = await start(t, {
    list: [page([], '10')],
    watch: [
      (response, request) => {
        watch([])(response, request);
        setTimeout(() => response.write(`${JSON.stringify(event('ADDED', identity('a', '11')))}\n`), 50);
      },
    ],
  });
  const seen: string[] = [];
  cache.onChange(() => {
    throw new Error('a defect');
  });
  const end = cache.onChange(({ record }) => seen.push(record.name));
  await eventually('the event', () => cache.size === 1);
  t.deepEqual(seen, ['a']);
  t.is(errors[0]?.message, 'a defect');
  end();
});

test('ends soon after the signal, whatever it waits for, and never rejects', async (t) => {
  const hung = await start(t, { list: [() => {}] });
  await eventually('the list', () => hung.api.lists.length === 1);
  hung.stop.abort();
  await t.notThrowsAsync(hung.run);
  const watching = await start(t, { list: [page([], '1')], watch: [quiet] });
  await eventually('the watch', () => watching.cache.counters.watches === 1);
  watching.stop.abort();
  await t.notThrowsAsync(watching.run);
  t.is(watching.errors.length, 0);
});

test('an answer that is no list is an error', async (t) => {
  const { cache, errors } = await start(t, {
    list: [
      (response) => response.end('<html>a proxy</html>'),
      (response) => response.end('{"items": 5, "metadata": {}}'),
      page([], '1'),
    ],
    watch: [quiet],
  });
  await cache.whenSynced(AbortSignal.timeout(20_000));
  t.regex(errors[0]?.message ?? '', /list identities: the response is not JSON/);
  t.is(errors[1]?.message, 'list identities: the answer.items must be a list');
});
