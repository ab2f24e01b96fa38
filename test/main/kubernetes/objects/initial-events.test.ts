import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/main/kubernetes/client.ts';
import { ResourceCache } from '../../../../src/main/kubernetes/objects/resource-cache.ts';
import { parseIdentity } from '../../../../src/main/kubernetes/objects/resource-records.ts';
import { runCache } from '../../../fixtures/kubernetes/running-cache.ts';
import {
  type Answer,
  bookmark,
  event,
  hastyClock,
  identity,
  page,
  ScriptedApi,
  status,
  watch,
} from '../../../fixtures/kubernetes/scripted-api.ts';

const end = {
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion: '20', annotations: { 'k8s.io/initial-events-end': 'true' } } },
};

const pages = [
  page([identity('a', '1'), identity('b', '2')], '10', 'next'),
  page([identity('c', '3')], '10'),
];

/** A cache of three objects in two pages; `stream` answers when it asks for them as a stream. */
async function synced(t: ExecutionContext, stream: Answer, list = pages) {
  const api = await ScriptedApi.start(t, {
    list,
    watch: [
      (response, request) => {
        const answer = request.query.get('sendInitialEvents') === 'true' ? stream : watch([]);
        answer(response, request);
      },
    ],
  });
  const client = new KubernetesClient(api.access, { requestTimeoutMs: 5_000 });
  const malformed: string[] = [];
  let progress = 0;
  const cache = new ResourceCache({
    client,
    resource: 'identities',
    namespace: '',
    labelSelector: 'shard=1',
    parse: parseIdentity,
    clock: hastyClock(),
    pageSize: 2,
    streamed: true,
    onProgress: () => {
      progress += 1;
    },
    onMalformed: (name) => malformed.push(name),
  });
  runCache(t, cache, client);
  await cache.whenSynced(AbortSignal.timeout(5_000));
  const names = [...cache.values()].map((record) => `${record.name}@${record.resourceVersion}`).toSorted();
  const positions = () => api.watches.map(({ query }) => query.get('resourceVersion'));
  return { api, cache, names, malformed, positions, progress: () => progress };
}

test('a first list of several pages comes as a stream, with the changes while it does', async (t) => {
  const { api, cache, names, positions, progress } = await synced(
    t,
    watch([
      event('ADDED', identity('a', '1')),
      event('ADDED', identity('b', '2')),
      event('ADDED', identity('c', '3')),
      bookmark('12'),
      event('MODIFIED', identity('b', '14')),
      event('DELETED', identity('c', '15')),
      end,
    ]),
  );
  t.deepEqual(names, ['a@1', 'b@14']);
  t.is(cache.size, 2);
  t.is(cache.counters.lists, 1);
  t.is(api.lists.length, 1, 'the first page shows that there are more');
  t.like(Object.fromEntries(api.watches[0]?.query ?? []), {
    resourceVersionMatch: 'NotOlderThan',
    labelSelector: 'shard=1',
  });
  while (positions().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(positions()[1], '20', 'the watch goes on where the stream ended');
  t.is(progress(), 2, 'the first page, and as many objects again as two pages have');
});

test('an object that cannot be read any more is not in the list', async (t) => {
  const broken = { metadata: { name: 'a', namespace: 'shop', resourceVersion: '11' } };
  const { names, malformed } = await synced(
    t,
    watch([event('ADDED', identity('a', '1')), event('MODIFIED', broken), end]),
  );
  t.deepEqual(names, []);
  t.deepEqual(malformed, ['shop/a']);
});

test('the pages after a stream that broke are progress, though the stream had got as far', async (t) => {
  const objects = ['a', 'b', 'ghost', 'phantom'].map((name) => event('ADDED', identity(name, '9')));
  const { names, progress } = await synced(t, watch(objects, { end: true }));
  t.deepEqual(names, ['a@1', 'b@2', 'c@3']);
  t.is(progress(), 3, 'the first page, a page more in the stream, and the second page');
});

test('a stream is tried once: a list that fails after it begins again with pages', async (t) => {
  const [first, second] = pages;
  const list = [first, status(500, 'InternalError'), first, second].filter((answer) => answer !== undefined);
  const { api, names } = await synced(t, watch([], { end: true }), list);
  t.deepEqual(names, ['a@1', 'b@2', 'c@3']);
  t.is(api.watches.filter(({ query }) => query.has('sendInitialEvents')).length, 1);
});

for (const [how, stream] of Object.entries<Answer>({
  'is refused': status(422, 'Invalid', 'sendInitialEvents is forbidden'),
  'ends before the list is complete': watch([event('ADDED', identity('ghost', '9'))], { end: true }),
  'is not what it should be': watch([event('ADDED', identity('ghost', '9')), { type: 'SURPRISE' }]),
}))
  test(`a stream that ${how} leaves nothing, and the pages are read instead`, async (t) => {
    const { cache, names } = await synced(t, stream);
    t.deepEqual(names, ['a@1', 'b@2', 'c@3']);
    t.is(cache.counters.lists, 1);
    t.is(cache.counters.errors, 0);
  });
