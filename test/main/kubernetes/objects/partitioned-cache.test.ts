// Real caches of a scripted API server, a selector each; what a selector has is as a test says.

import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { PartitionedCache } from '../../../../src/main/kubernetes/objects/partitioned-cache.ts';
import { ResourceCache } from '../../../../src/main/kubernetes/objects/resource-cache.ts';
import {
  type IdentityRecord,
  parseIdentity,
} from '../../../../src/main/kubernetes/objects/resource-records.ts';
import { eventually } from '../../../fixtures/eventually.ts';
import { runCache } from '../../../fixtures/kubernetes/running-cache.ts';
import {
  type Answer,
  event,
  hastyClock,
  identity,
  page,
  ScriptedApi,
  type SeenRequest,
  status,
  watch,
} from '../../../fixtures/kubernetes/scripted-api.ts';

function selectorOf({ query }: SeenRequest): string {
  return query.get('labelSelector') ?? 'all';
}

async function start(
  t: ExecutionContext,
  lists: Record<string, Answer>,
  watches: Record<string, Answer> = {},
) {
  const api = await ScriptedApi.start(t, {
    list: [(response, request) => lists[selectorOf(request)]?.(response, request)],
    watch: [(response, request) => (watches[selectorOf(request)] ?? watch([]))(response, request)],
  });
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 5_000 });
  const opened: ResourceCache<IdentityRecord>[] = [];
  const cache = new PartitionedCache({
    open: (labelSelector) => {
      const part = new ResourceCache({
        client,
        resource: 'identities',
        namespace: '',
        parse: parseIdentity,
        clock: hastyClock(),
        ...(labelSelector === undefined ? {} : { labelSelector }),
      });
      opened.push(part);
      return part;
    },
    parse: parseIdentity,
  });
  const changes: string[] = [];
  const listen = cache.onChange(({ type, record }) => changes.push(`${type} ${record.name}`));
  const { stop, run } = runCache(t, cache, client);
  const names = () => [...cache.values()].map(({ name }) => name);
  return { api, cache, opened, changes, unlisten: listen, names, stop, run };
}

/** A page that comes when a test says so. */
function held(answer: Answer): { readonly answer: Answer; readonly release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    answer: (response, request) => void promise.then(() => answer(response, request)),
    release: resolve,
  };
}

test('parts are one cache: found in any, counted together, heard of alike', async (t) => {
  const { cache, names, changes, unlisten, api } = await start(
    t,
    {
      'region in (a)': page([identity('a1', '1'), identity('a2', '2')], '10'),
      'region in (b)': page([identity('b1', '3')], '10'),
    },
    { 'region in (b)': watch([event('ADDED', identity('b2', '11'))]) },
  );
  t.deepEqual([cache.size, cache.lastContactMs, cache.get('shop', 'a1')], [0, 0, undefined]);
  t.true(await cache.select(0, 'region in (a)'));
  t.true(await cache.select(1, 'region in (b)'));
  await eventually('the event', () => cache.size === 4);
  t.deepEqual(names(), ['a1', 'a2', 'b1', 'b2']);
  t.is(cache.get('shop', 'b1')?.resourceVersion, '3');
  t.is(cache.get('shop', 'c1'), undefined);
  t.deepEqual(changes.toSorted(), ['put a1', 'put a2', 'put b1', 'put b2']);
  await eventually('both watches', () => cache.counters.watches === 2);
  t.deepEqual(cache.counters, { lists: 2, watches: 2, events: 1, errors: 0 });
  t.deepEqual(new Set(api.watches.map(selectorOf)), new Set(['region in (a)', 'region in (b)']));
  unlisten();
  const written = cache.parse(identity('a1', '12'));
  t.deepEqual(written, parseIdentity(identity('a1', '12')));
  cache.put(written);
  t.is(
    cache.get('shop', 'a1')?.resourceVersion,
    '12',
    'a write of ours reaches the part that has the object',
  );
  t.is(changes.length, 4);
});

test('a part with another selector keeps what it has until the new list is complete', async (t) => {
  const second = held(page([identity('a1', '5'), identity('b1', '6')], '20'));
  const { cache, names, changes } = await start(t, {
    'region in (a)': page([identity('a1', '1'), identity('a2', '2')], '10'),
    'region in (a,b)': second.answer,
  });
  await cache.select(0, 'region in (a)');
  const selected = cache.select(0, 'region in (a,b)');
  cache.put(parseIdentity(identity('a2', '3')));
  t.deepEqual(names(), ['a1', 'a2']);
  t.is(cache.get('shop', 'a2')?.resourceVersion, '3');
  second.release();
  t.true(await selected);
  t.deepEqual(names(), ['a1', 'b1']);
  t.deepEqual(changes.slice(-2), ['put a1', 'put b1']);
  t.is(cache.counters.lists, 2, 'those of the selector before count on');
});

test('a selection that another one overtakes says so, and the newest stands', async (t) => {
  const first = held(page([identity('old', '1')], '10'));
  const { cache, names } = await start(t, { old: first.answer, new: page([identity('new', '2')], '10') });
  const overtaken = cache.select(0, 'old');
  t.true(await cache.select(0, 'new'));
  first.release();
  t.false(await overtaken);
  t.deepEqual(names(), ['new']);
});

test('a part that is dropped has nothing, asks nothing more, and can be selected again', async (t) => {
  const hung = held(page([identity('b1', '1')], '10'));
  const { api, cache, names } = await start(t, { a: page([identity('a1', '1')], '10'), b: hung.answer });
  let open = 0;
  api.script.watch = [
    (response, request) => {
      open += 1;
      response.on('close', () => {
        open -= 1;
      });
      watch([])(response, request);
    },
  ];
  await cache.select(0, 'a');
  await eventually('the watch', () => open === 1);
  const selected = cache.select(0, 'b');
  cache.drop(0);
  t.false(await selected);
  t.deepEqual([names(), cache.size, cache.get('shop', 'a1')], [[], 0, undefined]);
  await eventually('the end of the watch', () => open === 0);
  t.true(await cache.select(0, 'a'));
  t.deepEqual(names(), ['a1']);
  cache.drop(7);
});

test('the failure of any part is shown, and the silence of the quietest', async (t) => {
  const { cache, opened } = await start(t, {
    a: page([], '10'),
    b: status(403, 'Forbidden', 'no right to list'),
  });
  await cache.select(0, 'a');
  t.is(cache.lastError, null);
  const contactMs = cache.lastContactMs;
  t.true(contactMs > 0);
  void cache.select(1, 'b');
  await eventually('the failure', () => cache.lastError !== null);
  t.regex(cache.lastError?.message ?? '', /no right to list/);
  t.true(cache.counters.errors > 0);
  t.true(cache.lastContactMs >= contactMs, 'a part that is not complete does not count');
  cache.drop(1);
  await eventually('the watch', () => opened[0]?.counters.watches === 1);
  t.is(cache.lastError, null);
});

test('the cache has heard as long ago as its quietest part', async (t) => {
  const lists = { a: page([], '10'), b: page([], '10') };
  const { cache, opened } = await start(t, lists, { a: () => {}, b: () => {} });
  await cache.select(0, 'a');
  await cache.select(1, 'b');
  const [a = 0, b = 0] = opened.map(({ lastContactMs }) => lastContactMs);
  t.true(b > a);
  t.is(cache.lastContactMs, a);
});

test('when it ends, all parts do; none is opened before it runs or afterwards', async (t) => {
  const { cache, stop, run, names, api } = await start(t, { a: page([identity('a1', '1')], '10') });
  await cache.select(0, 'a');
  stop.abort();
  await run;
  t.deepEqual(names(), []);
  const lists = api.lists.length;
  t.false(await cache.select(0, 'a'));
  t.is(api.lists.length, lists);
});
