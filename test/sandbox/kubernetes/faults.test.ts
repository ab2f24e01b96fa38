import test, { type ExecutionContext } from 'ava';
import { SandboxKubernetes } from '../../../src/sandbox/kubernetes/api.ts';
import { at, group, KubernetesClient, text } from './client.ts';

const servers = `${group}/namespaces/fleet/servers`;

async function started(t: ExecutionContext) {
  const kubernetes = await SandboxKubernetes.start();
  const client = new KubernetesClient({ url: kubernetes.url });
  t.teardown(async () => {
    await client.close();
    await kubernetes.close();
  });
  kubernetes.apply({
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    kind: 'Server',
    metadata: { name: 'a', namespace: 'fleet' },
    spec: { flavorID: 'f', image: { id: 'i' } },
  });
  return { kubernetes, client };
}

const running = { status: { phase: 'Running' } };

test('an answer on order, as often as ordered, then the real one', async (t) => {
  const { kubernetes, client } = await started(t);
  const fault = kubernetes.faults.add(
    { method: 'PATCH', path: /\/servers\/a\/status/, times: 2 },
    { kind: 'respond', status: 503, retryAfterSeconds: 7 },
  );
  const first = await client.patch(`${servers}/a/status`, running);
  t.is(first.status, 503);
  t.is(first.headers['retry-after'], '7');
  t.is(at(first.json, 'reason'), 'ServiceUnavailable');
  t.is(at(first.json, 'details', 'retryAfterSeconds'), 7);
  t.is((await client.get(servers)).status, 200, 'others are not met');
  t.is((await client.patch(`${servers}/a/status`, running)).status, 503);
  t.is((await client.patch(`${servers}/a/status`, running)).status, 200);
  t.is(fault.hits, 2);
});

test('an answer with a body of its own, no JSON', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.add({ action: 'list servers' }, { kind: 'respond', status: 200, body: '<html>' });
  const reply = await client.get(servers);
  t.is(reply.text, '<html>');
});

test('too many requests', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.tooManyRequests({ method: 'PATCH', retryAfterSeconds: 3 });
  const reply = await client.patch(`${servers}/a/status`, running);
  t.deepEqual(
    [reply.status, reply.headers['retry-after'], at(reply.json, 'reason')],
    [429, '3', 'TooManyRequests'],
  );
});

test('a delay still gives the real answer, and lets other faults follow', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.add({}, { kind: 'delay', ms: 50 });
  kubernetes.faults.add({}, { kind: 'respond', status: 500 });
  const start = performance.now();
  t.is((await client.get(servers)).status, 500);
  t.true(performance.now() - start >= 45);
});

test('a hang gives no answer until the client gives up', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.add({ action: 'get servers' }, { kind: 'hang' });
  const stop = new AbortController();
  const hanging = client.follow(`${servers}/a`, stop.signal).next();
  const outcome = t.throwsAsync(hanging);
  while (kubernetes.requests.count({ action: 'get servers' }) === 0) await client.get('/readyz');
  t.is(kubernetes.requests.matching({ action: 'get servers' })[0]?.status, 0);
  stop.abort();
  await outcome;
});

test('a dropped connection, and a body that breaks off', async (t) => {
  const { kubernetes, client } = await started(t);
  for (const kind of ['drop', 'truncate'] as const) {
    for (const path of [servers, `${servers}/a`]) {
      kubernetes.faults.add({ method: 'GET' }, { kind });
      await t.throwsAsync(client.get(path), undefined, `${kind} ${path}`);
      t.is((await client.get(path)).status, 200);
    }
  }
});

test('a truncated answer to a write: the write stands', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.add({ method: 'PATCH' }, { kind: 'truncate' });
  await t.throwsAsync(client.patch(`${servers}/a/status`, running));
  t.deepEqual(kubernetes.get('servers', 'fleet', 'a')?.status, running.status);
});

test('an answer that is lost: the write stands, whether the connection is closed or stays open', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.add({ method: 'PATCH' }, { kind: 'lost' });
  await t.throwsAsync(client.patch(`${servers}/a/status`, running));
  t.deepEqual(kubernetes.get('servers', 'fleet', 'a')?.status, running.status);
  kubernetes.faults.add({ method: 'PATCH' }, { kind: 'lost', open: true });
  const silent = client.patch(`${servers}/a/status`, { status: { phase: 'Stopped' } });
  const outcome = t.throwsAsync(silent);
  while (kubernetes.get('servers', 'fleet', 'a')?.status?.['phase'] !== 'Stopped')
    await client.get('/readyz');
  t.is(kubernetes.requests.count({ method: 'PATCH', status: 0 }), 2);
  await kubernetes.close();
  await outcome;
});

test('a request that is held is answered once it is released, and lets other faults follow', async (t) => {
  const { kubernetes, client } = await started(t);
  const released = Promise.withResolvers<void>();
  kubernetes.faults.add({ method: 'PATCH' }, { kind: 'hold', until: released.promise });
  kubernetes.faults.add({ method: 'PATCH' }, { kind: 'respond', status: 500 });
  const patch = client.patch(`${servers}/a/status`, running);
  while (kubernetes.requests.count({ method: 'PATCH' }) === 0) await client.get('/readyz');
  t.is(kubernetes.requests.count({ method: 'PATCH', status: 500 }), 0);
  released.resolve();
  t.is((await patch).status, 500);
});

test('a conflict is a real one: another writer was first, and what it wrote stays', async (t) => {
  const { kubernetes, client } = await started(t);
  const fault = kubernetes.faults.conflict({
    path: /\/status$/,
    change: (object) => ({ ...object, status: { ...object.status, privateIP: '10.0.0.9' } }),
  });
  const read = async () => text(at((await client.get(`${servers}/a`)).json, 'metadata', 'resourceVersion'));
  const patch = (resourceVersion: string) =>
    client.patch(`${servers}/a/status`, { metadata: { resourceVersion }, ...running });
  const refused = await patch(await read());
  t.is(refused.status, 409);
  t.is(at(refused.json, 'reason'), 'Conflict');
  t.is((await patch(await read())).status, 200);
  t.is(fault.hits, 1);
  t.deepEqual(kubernetes.get('servers', 'fleet', 'a')?.status, { phase: 'Running', privateIP: '10.0.0.9' });
});

test('conflicts without a change of their own bump an annotation each time', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.conflict({ times: 2 });
  for (const expected of [409, 409, 200]) {
    const resourceVersion = kubernetes.get('servers', 'fleet', 'a')?.metadata.resourceVersion ?? '';
    const reply = await client.patch(`${servers}/a/status`, { metadata: { resourceVersion }, ...running });
    t.is(reply.status, expected);
  }
});

test('writes refused as invalid', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.rejectWrites({ message: 'Unsupported value: "Running"' });
  const reply = await client.patch(`${servers}/a/status`, running);
  t.is(reply.status, 422);
  t.is(at(reply.json, 'reason'), 'Invalid');
  t.is(kubernetes.get('servers', 'fleet', 'a')?.status, undefined);
});

test('watches that are refused with 410, as a status and as an event', async (t) => {
  const { kubernetes, client } = await started(t);
  const path = `${servers}?watch=1&timeoutSeconds=1&resourceVersion=${kubernetes.resourceVersion}`;
  kubernetes.faults.expireNextWatches({ as: 'status' });
  const refused = await client.get(path);
  t.deepEqual([refused.status, at(refused.json, 'reason')], [410, 'Expired']);
  kubernetes.faults.expireNextWatches({ as: 'event' });
  const events = await client.watch(path);
  t.deepEqual(
    events.map((event) => [at(event, 'type'), at(event, 'object', 'code')]),
    [['ERROR', 410]],
  );
  t.deepEqual(await client.watch(path), [], 'the next is as usual');
});

test('open watches that are closed, broken or expired now', async (t) => {
  const { kubernetes, client } = await started(t);
  const stop = AbortSignal.timeout(30_000);
  const path = `${servers}?watch=1&resourceVersion=${kubernetes.resourceVersion}`;
  const open = () => client.follow(path, stop).next();
  const closed = open();
  while (kubernetes.watches() === 0) await client.get('/readyz');
  t.is(kubernetes.faults.closeWatches(), 1);
  t.is(kubernetes.watches(), 0);
  t.true((await closed).done, 'a clean end');

  const broken = t.throwsAsync(open());
  while (kubernetes.watches() === 0) await client.get('/readyz');
  kubernetes.faults.closeWatches('destroy');
  await broken;

  const expired = open();
  while (kubernetes.watches() === 0) await client.get('/readyz');
  kubernetes.faults.expireWatches();
  const last = await expired;
  t.is(last.done === true ? undefined : at(last.value, 'object', 'code'), 410);
});

test('something happens just before a request', async (t) => {
  const { kubernetes, client } = await started(t);
  kubernetes.faults.add(
    { action: 'patch servers/status' },
    { kind: 'before', run: () => kubernetes.delete('servers', 'fleet', 'a') },
  );
  t.is((await client.patch(`${servers}/a/status`, running)).status, 404);
});

test('a fault can be ended early, and all of them', async (t) => {
  const { kubernetes, client } = await started(t);
  const fault = kubernetes.faults.add({ times: Number.POSITIVE_INFINITY }, { kind: 'respond', status: 500 });
  t.is((await client.get('/readyz')).status, 500);
  fault.remove();
  t.is((await client.get('/readyz')).status, 200);
  kubernetes.faults.add({ times: Number.POSITIVE_INFINITY }, { kind: 'respond', status: 500 });
  kubernetes.faults.clear();
  t.is((await client.get('/readyz')).status, 200);
});
