import { CoreV1Api, CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import test, { type ExecutionContext } from 'ava';
import { SandboxKubernetes, type SandboxKubernetesOptions } from '../../../src/sandbox/kubernetes/api.ts';
import {
  isJsonArray,
  type JsonObject,
  type KubernetesObject,
} from '../../../src/sandbox/kubernetes/object.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { at, group, items, KubernetesClient, text } from './client.ts';

const servers = `${group}/namespaces/fleet/servers`;

const uuid = '6f0f5d2e-54a4-4a3e-9a8b-0c1d2e3f4a5b';

function server(name: string, more: JsonObject = {}): KubernetesObject {
  return {
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    kind: 'Server',
    metadata: { name, namespace: 'fleet' },
    spec: { flavorID: uuid, image: { id: uuid } },
    ...more,
  };
}

async function started(t: ExecutionContext, options: SandboxKubernetesOptions = {}) {
  const kubernetes = await SandboxKubernetes.start(options);
  const { token } = options;
  const client = new KubernetesClient({ url: kubernetes.url, ...(token === undefined ? {} : { token }) });
  t.teardown(async () => {
    await client.close();
    await kubernetes.close();
  });
  return { kubernetes, client };
}

/** Collects the events of an open watch until the watch ends. */
function collect(client: KubernetesClient, path: string) {
  const stop = new AbortController();
  const events: JsonObject[] = [];
  const state = { ended: false };
  const run = async () => {
    try {
      for await (const event of client.follow(path, stop.signal)) events.push(event);
    } catch {
      // Broken off: that is an end as well.
    }
    state.ended = true;
  };
  const done = run();
  return { events, state, done, stop: () => stop.abort() };
}

function types(events: readonly JsonObject[]): readonly string[] {
  return events.map((event) => text(event['type']));
}

test('the OpenAPI document tells the profiles apart, and its hash changes with the profile', async (t) => {
  const { kubernetes, client } = await started(t);
  const find = async () => {
    const index = await client.get('/openapi/v3');
    const path = text(at(index.json, 'paths', group.slice(1), 'serverRelativeURL'));
    const document = await client.get(path);
    const schema = at(document.json, 'components', 'schemas', 'org.unikorn-cloud.region.v1alpha1.Server');
    return { path, phases: at(schema, 'properties', 'status', 'properties', 'phase', 'enum') };
  };
  kubernetes.apply(server('a'));
  const before = await find();
  t.deepEqual(before.phases, ['Pending', 'Running', 'Stopping', 'Stopped']);
  t.is((await client.patch(`${servers}/a/status`, { status: { phase: 'Queued' } })).status, 422);

  kubernetes.setProfile('v1.19');
  const after = await find();
  t.deepEqual(after.phases, ['Pending', 'Queued', 'Building', 'Running', 'Stopping', 'Stopped']);
  t.not(after.path, before.path);
  t.is((await client.patch(`${servers}/a/status`, { status: { phase: 'Queued' } })).status, 200);
  const old = await client.get(before.path);
  t.is(old.status, 301, 'an old hash leads to the new document');
  t.is(old.headers['location'], after.path);
});

test('what an older definition no longer allows may stay, but not be written anew', async (t) => {
  const { kubernetes, client } = await started(t, { profile: 'v1.19' });
  kubernetes.apply(server('a', { status: { phase: 'Queued' } }));
  kubernetes.apply(server('b'));
  kubernetes.setProfile('v1.16');
  t.is((await client.patch(`${servers}/a/status`, { status: { privateIP: '10.0.0.1' } })).status, 200);
  t.is((await client.patch(`${servers}/b/status`, { status: { phase: 'Queued' } })).status, 422);
});

test('the kubeconfig serves the client library, token and all', async (t) => {
  const { kubernetes } = await started(t, { token: 'secret-token' });
  kubernetes.apply(server('a'));
  kubernetes.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'fleet' },
    stringData: { password: 'p' },
  });
  const config = new KubeConfig();
  config.loadFromString(kubernetes.kubeconfig('fleet'));
  const secret = await config
    .makeApiClient(CoreV1Api)
    .readNamespacedSecret({ name: 's', namespace: 'fleet' });
  t.is(secret.data?.['password'], 'cA==');
  const found: unknown = await config.makeApiClient(CustomObjectsApi).listNamespacedCustomObject({
    group: 'region.unikorn-cloud.org',
    version: 'v1alpha1',
    namespace: 'fleet',
    plural: 'servers',
  });
  t.true(JSON.stringify(found).includes('"name":"a"'));
});

test('a token is needed when there is one', async (t) => {
  const { client } = await started(t, { token: 'right' });
  t.is((await client.get('/version')).status, 200);
  t.is((await client.send('GET', '/version', { anonymous: true })).status, 401);
});

test('apply writes as an administrator: status too, uid and times when given', async (t) => {
  const { kubernetes } = await started(t);
  const created = kubernetes.apply({
    ...server('a', { status: { phase: 'Running' } }),
    metadata: { name: 'a', namespace: 'fleet', creationTimestamp: '2026-01-01T00:00:00Z', uid: 'my-uid' },
  });
  t.is(created.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  t.is(created.metadata.uid, 'my-uid');
  const again = kubernetes.apply(server('a'));
  t.is(
    again.metadata.resourceVersion,
    created.metadata.resourceVersion,
    'nothing differs: nothing is written',
  );
  const changed = kubernetes.apply(server('a', { spec: { flavorID: 'g', image: { id: 'i' } } }));
  t.deepEqual(changed.status, { phase: 'Running' }, 'a status that is not given stays');
  t.is(changed.metadata.uid, 'my-uid');
  t.is(changed.metadata.generation, 2);
  t.true(Number(changed.metadata.resourceVersion) > Number(again.metadata.resourceVersion));
  t.throws(() => kubernetes.apply(server('b', { status: { phase: 'Odd' } })), {
    message: /status\.phase: Unsupported/,
  });
});

test('the in-process side reads, patches and deletes', async (t) => {
  const { kubernetes } = await started(t);
  kubernetes.apply(server('a'));
  kubernetes.apply(server('b'));
  kubernetes.patch('servers', 'fleet', 'a', {
    metadata: { labels: { x: 'y' } },
    status: { phase: 'Running' },
  });
  t.is(kubernetes.get('servers', 'fleet', 'a')?.status, undefined);
  kubernetes.patchStatus('servers', 'fleet', 'a', { status: { phase: 'Running' } });
  t.deepEqual(kubernetes.get('servers', 'fleet', 'a')?.status, { phase: 'Running' });
  t.deepEqual(kubernetes.get('servers', 'fleet', 'a')?.metadata.labels, { x: 'y' });
  kubernetes.delete('servers', 'fleet', 'b');
  t.deepEqual(
    kubernetes.list('servers').map(({ metadata }) => metadata.name),
    ['a'],
  );
  t.is(kubernetes.count('servers'), 1);
  kubernetes.delete('namespaces', '', 'fleet');
  t.is(kubernetes.count('servers'), 0, 'a namespace takes its objects with it');
});

test('requests are recorded: what, with what body, how answered', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.apply(server('a'));
  await client.get(`${servers}?limit=5`);
  await client.patch(`${servers}/a/status`, { status: { phase: 'Running' } });
  await client.patch(`${servers}/none/status`, { status: { phase: 'Running' } });
  const { requests } = kubernetes;
  await eventually('the refused request', () => requests.count({ status: 404 }) === 1);
  t.deepEqual(
    [...requests.counts],
    [
      ['list servers', 1],
      ['patch servers/status', 2],
    ],
  );
  const [patch] = requests.matching({ method: 'PATCH', status: 200 });
  t.deepEqual(patch?.body, { status: { phase: 'Running' } });
  t.is(patch?.contentType, 'application/merge-patch+json');
  t.is(requests.matching({ action: 'list servers' })[0]?.query.get('limit'), '5');
  requests.clear();
  t.is(requests.total, 0);
  t.is(requests.count(), 0);
});

test('an open watch tells changes as they happen, and bookmarks carry the newest version', async (t) => {
  const { kubernetes, client } = await started(t, { bookmarkIntervalMs: 20 });
  const path = `${servers}?watch=1&allowWatchBookmarks=true&resourceVersion=${kubernetes.resourceVersion}`;
  const watch = collect(client, path);
  await eventually('the watch', () => kubernetes.watches() === 1);
  kubernetes.apply(server('a'));
  await eventually('the new object', () => types(watch.events).includes('ADDED'));
  kubernetes.apply({ ...server('r'), kind: 'Region', spec: { provider: 'simulated' } });
  const { resourceVersion } = kubernetes;
  await eventually('the bookmark of that version', () =>
    watch.events.some(
      (event) =>
        event['type'] === 'BOOKMARK' &&
        at(event, 'object', 'metadata', 'resourceVersion') === resourceVersion,
    ),
  );
  t.false(types(watch.events).includes('MODIFIED'));
  watch.stop();
  await watch.done;
  await eventually('the end of the watch', () => kubernetes.watches() === 0);
  t.pass();
});

test('a watch from a version to come tells only what comes after it', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.apply(server('a'));
  const version = Number(kubernetes.resourceVersion) + 1;
  const watch = collect(client, `${servers}?watch=1&resourceVersion=${version}`);
  await eventually('the watch', () => kubernetes.watches() === 1);
  kubernetes.apply(server('b'));
  kubernetes.apply(server('c'));
  await eventually('an event', () => watch.events.length > 0);
  t.deepEqual(
    watch.events.map((event) => at(event, 'object', 'metadata', 'name')),
    ['c'],
  );
  watch.stop();
  await watch.done;
});

test('a watch ends when its time is over, with a last bookmark', async (t) => {
  let sleeps = 0;
  const clock = {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    // Bookmarks of the interval never come; the rest of time passes at once.
    sleep: async (ms: number) => {
      sleeps += 1;
      if (ms === 777) await new Promise(() => undefined);
    },
  };
  const { kubernetes, client } = await started(t, { clock, bookmarkIntervalMs: 777 });
  const path = `${servers}?watch=1&allowWatchBookmarks=true&timeoutSeconds=600&resourceVersion=${kubernetes.resourceVersion}`;
  t.deepEqual(
    (await client.watch(path)).map((event) => at(event, 'type')),
    ['BOOKMARK'],
  );
  t.true(sleeps >= 2);
});

test('only so many changes are remembered: what is older is 410, for watches and for lists', async (t) => {
  const { kubernetes, client } = await started(t, { watchWindow: 5 });
  for (const name of ['a', 'b', 'c', 'd']) kubernetes.apply(server(name));
  const first = await client.get(`${servers}?limit=2`);
  const token = encodeURIComponent(text(at(first.json, 'metadata', 'continue')));
  const version = text(at(first.json, 'metadata', 'resourceVersion'));
  for (const count of [1, 2, 3, 4, 5])
    kubernetes.patch('servers', 'fleet', 'a', { metadata: { labels: { count: String(count) } } });
  const held = await client.watch(`${servers}?watch=1&timeoutSeconds=1&resourceVersion=${version}`);
  t.is(held.length, 5, 'the last five are still known');
  t.is((await client.get(`${servers}?limit=2&continue=${token}`)).status, 200);

  kubernetes.patch('servers', 'fleet', 'a', { metadata: { labels: { count: '6' } } });
  const [event] = await client.watch(`${servers}?watch=1&timeoutSeconds=1&resourceVersion=${version}`);
  t.is(at(event, 'type'), 'ERROR');
  t.is(at(event, 'object', 'code'), 410);
  const expired = await client.get(`${servers}?limit=2&continue=${token}`);
  t.is(expired.status, 410);
  t.is(at(expired.json, 'reason'), 'Expired');
  const other = encodeURIComponent(text(at(expired.json, 'metadata', 'continue')));
  const rest = await client.get(`${servers}?continue=${other}`);
  t.deepEqual(
    items(rest.json).map((item) => at(item, 'metadata', 'name')),
    ['c', 'd'],
    'its token goes on regardless',
  );
  const exact = await client.get(`${servers}?resourceVersion=${version}&resourceVersionMatch=Exact`);
  t.is(exact.status, 410);
});

test('a list of many servers comes whole, in pages and at once', async (t) => {
  const { kubernetes, client } = await started(t);
  const padding = { annotations: { padding: 'x'.repeat(700) } };
  for (let index = 0; index < 5_000; index++)
    kubernetes.apply({
      ...server('any'),
      metadata: { name: `server-${String(index).padStart(5, '0')}`, namespace: 'fleet', ...padding },
    });
  const whole = items((await client.get(servers)).json);
  t.is(whole.length, 5_000);
  const paged: (typeof whole)[number][] = [];
  let token = '';
  do {
    const page = await client.get(`${servers}?limit=999&continue=${encodeURIComponent(token)}`);
    paged.push(...items(page.json));
    token = text(at(page.json, 'metadata', 'continue'));
  } while (token !== '');
  t.deepEqual(paged, whole);
});

test('the server goes away and comes back on the same port with what it had', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.apply(server('a'));
  const { url } = kubernetes;
  const watch = collect(client, `${servers}?watch=1&resourceVersion=${kubernetes.resourceVersion}`);
  await eventually('the watch', () => kubernetes.watches() === 1);
  await kubernetes.pause();
  await watch.done;
  t.is(kubernetes.connections(), 0);
  await t.throwsAsync(client.get(servers));
  kubernetes.apply(server('b'));
  await kubernetes.resume();
  t.is(kubernetes.url, url);
  t.is(items((await client.get(servers)).json).length, 2);
  await t.throwsAsync(SandboxKubernetes.start({ port: Number(new URL(url).port) }), { code: 'EADDRINUSE' });
});

test('connections are counted', async (t) => {
  const { kubernetes, client } = await started(t);
  await client.get('/readyz');
  t.true(kubernetes.connections() >= 1);
  const opened = kubernetes.connectionsOpened();
  const other = new KubernetesClient({ url: kubernetes.url });
  await other.get('/readyz');
  t.true(kubernetes.connectionsOpened() > opened);
  await other.close();
  await client.close();
  await eventually('the end of the connections', () => kubernetes.connections() === 0);
});

test('rights can be narrowed: reviews and requests follow', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.apply(server('a'));
  const review = async (resourceAttributes: JsonObject) => {
    const reply = await client.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    });
    return at(reply.json, 'status', 'allowed');
  };
  const patchStatus = {
    verb: 'patch',
    group: 'region.unikorn-cloud.org',
    resource: 'servers',
    subresource: 'status',
  };
  const apiGroups = ['region.unikorn-cloud.org'];
  kubernetes.access.restrict([
    { apiGroups, resources: ['servers'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get'], resourceNames: ['s'], namespaces: ['fleet'] },
  ]);
  t.false(await review(patchStatus));
  t.true(await review({ verb: 'list', group: 'region.unikorn-cloud.org', resource: 'servers' }));
  t.is((await client.get(servers)).status, 200);
  const refused = await client.patch(`${servers}/a/status`, { status: { phase: 'Running' } });
  t.is(refused.status, 403);
  t.is(at(refused.json, 'reason'), 'Forbidden');
  t.true(text(at(refused.json, 'message')).includes('cannot patch resource "servers/status"'));
  t.is((await client.get('/api/v1/namespaces/fleet/secrets/s')).status, 404);
  t.is((await client.get('/api/v1/namespaces/fleet/secrets/other')).status, 403);
  t.is((await client.get('/api/v1/namespaces/other/secrets/s')).status, 403);

  kubernetes.access.restrict([], { enforce: false });
  t.is((await client.get(servers)).status, 200, 'not enforced: only reviews say no');
  t.false(await review(patchStatus));
  kubernetes.access.allowAll();
  t.true(await review(patchStatus));
});

test('discovery names every resource', async (t) => {
  const { client } = await started(t);
  const groups = at((await client.get('/apis')).json, 'groups');
  t.true(JSON.stringify(groups).includes('coordination.k8s.io/v1'));
  const list = await client.get(group);
  const found = at(list.json, 'resources');
  t.deepEqual(isJsonArray(found) ? found.map((entry) => at(entry, 'name')) : [], [
    'identities',
    'identities/status',
    'loadbalancers',
    'loadbalancers/status',
    'openstackidentities',
    'regions',
    'regions/status',
    'servers',
    'servers/status',
  ]);
});
