// Against a real kube-apiserver with RBAC on; skipped, saying so, where there is none.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ClusterAccess } from '../../../src/main/kubernetes/access/cluster-access.ts';
import { loadClusterAccess } from '../../../src/main/kubernetes/access/config.ts';
import { KubernetesClient, resourcePath, secretPath } from '../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { parseWatchEvent } from '../../../src/main/kubernetes/objects/list-watch-messages.ts';
import { ResourceCache } from '../../../src/main/kubernetes/objects/resource-cache.ts';
import type { ResourceCacheOptions } from '../../../src/main/kubernetes/objects/resource-cache-options.ts';
import {
  parseRegion,
  parseSecret,
  parseServer,
} from '../../../src/main/kubernetes/objects/resource-records.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { TcpProxy } from '../../fixtures/clouds/tcp-proxy.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { type ControlPlane, startControlPlane } from '../../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../../fixtures/kubernetes/control-plane-tests.ts';

const file: { controlPlane: ControlPlane | null } = { controlPlane: null };

test.before(async (t) => {
  file.controlPlane = await startControlPlane(t);
  await file.controlPlane?.installDefinitions('v1.16');
});

test.after.always(async () => {
  await file.controlPlane?.stop();
});

interface Cluster {
  readonly controlPlane: ControlPlane;
  readonly access: ClusterAccess;
  /** Of this test alone. */
  readonly namespace: string;
  client(access?: Partial<ClusterAccess>): KubernetesClient;
  proxy(): Promise<TcpProxy>;
}

/** A test that needs the real thing. */
function real(title: string, body: (t: ExecutionContext, cluster: Cluster) => Promise<void>): void {
  controlPlaneTests().test(title, async (t) => {
    const { controlPlane } = file;
    if (controlPlane === null) throw new Error('there is no real API server');
    t.timeout(120_000);
    const access = await loadClusterAccess({ kubeconfig: controlPlane.kubeconfig, context: '' });
    const namespace = await controlPlane.createNamespace();
    t.teardown(() => controlPlane.empty(namespace));
    await body(t, {
      controlPlane,
      access,
      namespace,
      client: (changes = {}) => {
        const client = new KubernetesClient({ ...access, ...changes }, { requestTimeoutMs: 20_000 });
        t.teardown(() => client.close());
        return client;
      },
      proxy: async () => {
        const proxy = await TcpProxy.start(access.server);
        t.teardown(() => proxy.stop());
        return proxy;
      },
    });
  });
}

function server(namespace: string, name: string): object {
  return {
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    kind: 'Server',
    metadata: { name, namespace, labels: { 'regions.unikorn-cloud.org/region-id': 'r-1' } },
    spec: { flavorID: 'f-1', image: { id: 'i-1' } },
  };
}

function running(resourceVersion: string | undefined): object {
  return { metadata: { resourceVersion }, status: { phase: 'Running' } };
}

function watchServers(
  t: ExecutionContext,
  client: KubernetesClient,
  options: Partial<ResourceCacheOptions<ServerRecord>>,
) {
  const errors: Error[] = [];
  const cache = new ResourceCache({
    client,
    resource: 'servers',
    namespace: '',
    parse: parseServer,
    clock: systemClock,
    onError: (error) => errors.push(error),
    ...options,
  });
  const stop = new AbortController();
  const run = cache.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await run;
  });
  return { cache, errors };
}

function refused(t: ExecutionContext, promise: Promise<unknown>) {
  return t.throwsAsync(promise, { instanceOf: ApiError });
}

real('lists in pages and follows what others create, change and delete', async (t, cluster) => {
  const { controlPlane, namespace } = cluster;
  const names = Array.from({ length: 7 }, (_, index) => `web-${index}`);
  await controlPlane.apply(...names.map((name) => server(namespace, name)));
  const { cache, errors } = watchServers(t, cluster.client(), { namespace, pageSize: 3 });
  await cache.whenSynced(AbortSignal.timeout(30_000));
  t.deepEqual(
    [...cache.values()].map(({ name }) => name),
    names,
  );
  t.like(cache.get(namespace, 'web-0'), { regionId: 'r-1', flavorId: 'f-1', phase: '', deleting: false });
  await eventually('the watch', () => cache.counters.watches === 1);
  await controlPlane.apply(server(namespace, 'late'));
  await controlPlane.kubectl('-n', namespace, 'label', 'server', 'web-1', 'unikorn-cloud.org/name=Web1');
  await controlPlane.kubectl('-n', namespace, 'delete', 'server', 'web-2');
  await eventually('the deletion', () => cache.get(namespace, 'web-2') === undefined);
  t.is(cache.get(namespace, 'late')?.name, 'late');
  t.is(cache.get(namespace, 'web-1')?.displayName, 'Web1');
  t.is(cache.size, 7);
  t.deepEqual(errors, []);
});

real(
  'a status patch with a stale version is a conflict; with the right one its response stands',
  async (t, cluster) => {
    const { controlPlane, namespace } = cluster;
    await controlPlane.apply(server(namespace, 'web'));
    const client = cluster.client();
    const { cache } = watchServers(t, client, { namespace });
    await cache.whenSynced(AbortSignal.timeout(30_000));
    const before = cache.get(namespace, 'web');
    const path = resourcePath('servers', namespace, 'web', 'status');
    const after = parseServer(await client.patch(path, running(before?.resourceVersion)));
    cache.put(after);
    // The watch may have been quicker than the response.
    t.deepEqual(cache.get(namespace, 'web'), after);
    t.is(after.phase, 'Running');
    const conflict = await refused(t, client.patch(path, running(before?.resourceVersion)));
    t.like(conflict, { status: 409, reason: 'Conflict', verb: 'patch', resource: 'servers/status' });
    const invalid = await refused(t, client.patch(path, { status: { phase: 'Flying' } }));
    t.like(invalid, { status: 422, reason: 'Invalid' });
    const missing = resourcePath('servers', namespace, 'nobody', 'status');
    t.like(await refused(t, client.patch(missing, running(undefined))), { status: 404, reason: 'NotFound' });
  },
);

real('200 patches share a few connections', async (t, cluster) => {
  const { controlPlane, namespace } = cluster;
  const names = Array.from({ length: 200 }, (_, index) => `web-${index}`);
  await controlPlane.apply(...names.map((name) => server(namespace, name)));
  const proxy = await cluster.proxy();
  const client = cluster.client({ server: proxy.url });
  const started = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    names.map((name) =>
      client.patch(resourcePath('servers', namespace, name, 'status'), { status: { phase: 'Running' } }),
    ),
  );
  const used = process.cpuUsage(cpu);
  const milliseconds = performance.now() - started;
  t.log(
    `200 patches: ${proxy.connections} connections, ${(milliseconds / 200).toFixed(1)} ms each,`,
    `${((used.user + used.system) / 200_000).toFixed(1)} ms of processor time each (the proxy included)`,
  );
  t.true(proxy.connections <= 16);
});

real('works as a pod does, from the files of its service account', async (t, cluster) => {
  const { controlPlane, namespace, access } = cluster;
  const dir = await mkdtemp(join(tmpdir(), 'service-account-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'ca.crt'), access.tls.ca ?? '');
  await writeFile(join(dir, 'token'), await controlPlane.createToken(namespace, 'monitor'));
  await controlPlane.kubectl(
    'create',
    'role',
    'r',
    '--verb=list',
    '--resource=servers.region.unikorn-cloud.org',
    '-n',
    namespace,
  );
  await controlPlane.kubectl(
    'create',
    'rolebinding',
    'r',
    '--role=r',
    `--serviceaccount=${namespace}:monitor`,
    '-n',
    namespace,
  );
  const { hostname, port } = new URL(access.server);
  const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const pod = await loadClusterAccess({ kubeconfig: '', context: '', env, serviceAccountDir: dir });
  const client = new KubernetesClient(pod, { requestTimeoutMs: 20_000 });
  t.teardown(() => client.close());
  t.like(await client.get(resourcePath('servers', namespace)), { kind: 'ServerList' });
});

real('without a right, names the verb and the resource that it lacks', async (t, cluster) => {
  const { controlPlane, namespace } = cluster;
  const token = await controlPlane.createToken(namespace, 'nobody');
  const { cert: _cert, key: _key, ...tls } = cluster.access.tls;
  const client = cluster.client({ tls, authorization: async () => `Bearer ${token}` });
  const error = await refused(t, client.get(resourcePath('servers', namespace), { query: { limit: '1' } }));
  t.like(error, { status: 403, reason: 'Forbidden', verb: 'list', resource: 'servers' });
  t.regex(error?.message ?? '', /system:serviceaccount:.*:nobody.* cannot list .*servers.*\(grant the right/);
  const stranger = cluster.client({ tls, authorization: async () => 'Bearer wrong' });
  t.like(await refused(t, stranger.get(resourcePath('servers', namespace))), { status: 401 });
  const { cache, errors } = watchServers(t, client, { namespace });
  await eventually('two attempts', () => errors.length >= 2);
  t.false(cache.synced);
  t.like(cache.lastError, { status: 403, verb: 'list', resource: 'servers' });
});

real(
  'an API server that another authority vouches for is not trusted, and the error says why',
  async (t, cluster) => {
    const { ca: _ca, ...tls } = cluster.access.tls;
    const error = await refused(t, cluster.client({ tls }).get('/version'));
    t.like(error, { status: 0, reason: 'TLS' });
    t.regex(error?.message ?? '', /certificate authority/);
    const trusting = cluster.client({ tls, skipTlsVerify: true });
    t.like(await trusting.get('/version'), { major: '1' });
  },
);

real('reads the secret that a region names', async (t, cluster) => {
  const { controlPlane, namespace } = cluster;
  const secret = { namespace, name: 'credentials' };
  await controlPlane.apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: secret,
      stringData: { 'user-id': 'u', password: ' pässword ' },
    },
    {
      apiVersion: 'region.unikorn-cloud.org/v1alpha1',
      kind: 'Region',
      metadata: { name: 'r-1', namespace, labels: { 'unikorn-cloud.org/name': 'europe' } },
      spec: {
        provider: 'openstack',
        openstack: {
          endpoint: 'https://cloud.example:5000',
          serviceAccountSecret: secret,
          compute: { flavors: { selector: { ids: ['f-1'] } } },
        },
      },
    },
  );
  const client = cluster.client();
  const region = parseRegion(await client.get(resourcePath('regions', namespace, 'r-1')));
  t.like(region, { displayName: 'europe', provider: 'openstack', openstack: { flavorIds: ['f-1'] } });
  t.deepEqual(region.openstack?.serviceAccountSecret, secret);
  const { data } = parseSecret(await client.get(secretPath(namespace, 'credentials')));
  t.is(data.get('password'), ' pässword ');
  const gone = await refused(t, client.get(secretPath(namespace, 'nothing')));
  t.like(gone, { status: 404, verb: 'get', resource: 'secrets' });
});

real(
  'goes on by itself when the network to the API server breaks, vanishes and comes back',
  async (t, cluster) => {
    const { controlPlane, namespace } = cluster;
    const proxy = await cluster.proxy();
    const client = cluster.client({ server: proxy.url });
    const { cache, errors } = watchServers(t, client, { namespace, idleTimeoutMs: 3_000 });
    await eventually('the watch', () => cache.counters.watches >= 1);
    proxy.cut();
    await eventually('an error', () => errors.length >= 2);
    await controlPlane.apply(server(namespace, 'while-away'));
    proxy.mend();
    await eventually('what was missed', () => cache.size === 1);
    t.is(cache.counters.lists, 1, 'the watch went on where it was');
    proxy.silence();
    await controlPlane.apply(server(namespace, 'while-silent'));
    const watches = cache.counters.watches;
    proxy.mend();
    await eventually('what was missed', () => cache.size === 2);
    t.true(cache.counters.watches > watches);
    t.is(cache.lastError, null);
  },
);

real(
  'a version that the API server has forgotten is an error event, which asks for a list',
  async (t, cluster) => {
    const { controlPlane, namespace } = cluster;
    await controlPlane.apply(server(namespace, 'web'));
    const options = {
      query: { watch: 'true', resourceVersion: '1' },
      signal: AbortSignal.timeout(30_000),
      idleTimeoutMs: 30_000,
    };
    const path = resourcePath('servers', namespace);
    for await (const event of cluster.client().stream(path, options)) {
      const error = t.throws(() => parseWatchEvent(event, 'servers'), { instanceOf: ApiError });
      t.like(error, { status: 410, reason: 'Expired' });
    }
    t.plan(2);
  },
);

const selfReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const selfReviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

/** Clients whose credentials are what the file `status` says, by a plugin that notes its runs. */
async function pluginClient(t: ExecutionContext, { server: url, tls }: ClusterAccess) {
  const dir = await mkdtemp(join(tmpdir(), 'plugin-of-real-cluster-'));
  t.teardown(async () => rm(dir, { recursive: true }));
  const script = `#!/bin/sh
cd "${dir}" && echo run >> runs
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":%s}' "$(cat status)"
`;
  await writeFile(join(dir, 'plugin'), script, { mode: 0o755 });
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin' };
  const config = {
    clusters: [
      { name: 'c', cluster: { server: url, 'certificate-authority-data': tls.ca?.toString('base64') } },
    ],
    users: [{ name: 'u', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(join(dir, 'config'), JSON.stringify(config));
  const give = async (status: object) => writeFile(join(dir, 'status'), JSON.stringify(status));
  const open = async () => {
    const access = await loadClusterAccess({ kubeconfig: join(dir, 'config'), context: '', env: {} });
    const client = new KubernetesClient(access, { requestTimeoutMs: 20_000 });
    t.teardown(() => client.close());
    return client;
  };
  const runs = async () => (await readFile(join(dir, 'runs'), 'utf8')).trim().split('\n').length;
  return { give, open, runs };
}

real('a plugin runs again when its token is refused long before it expires', async (t, cluster) => {
  const { controlPlane, namespace } = cluster;
  const { give, open, runs } = await pluginClient(t, cluster.access);
  const renew = async () =>
    give({
      token: await controlPlane.createToken(namespace, 'plugged'),
      expirationTimestamp: '2099-01-01T00:00:00Z',
    });
  await renew();
  const client = await open();
  const plugged = { status: { userInfo: { username: `system:serviceaccount:${namespace}:plugged` } } };
  t.like(await client.post(selfReviews, selfReview), plugged);
  // Tokens end with their account, some seconds later.
  await controlPlane.kubectl('delete', 'serviceaccount', 'plugged', '-n', namespace);
  await renew();
  const deadline = Date.now() + 60_000;
  while ((await runs()) < 2 && Date.now() < deadline) {
    t.like(await client.post(selfReviews, selfReview), plugged);
    await systemClock.sleep(500);
  }
  t.is(await runs(), 2);
});

real('a plugin may give a client certificate', async (t, cluster) => {
  const { cert, key } = cluster.access.tls;
  const { give, open } = await pluginClient(t, cluster.access);
  await give({ clientCertificateData: cert?.toString(), clientKeyData: key?.toString() });
  const client = await open();
  const admin = { status: { userInfo: { groups: ['system:masters', 'system:authenticated'] } } };
  t.like(await cluster.client().post(selfReviews, selfReview), admin, 'with the certificate itself');
  t.like(await client.post(selfReviews, selfReview), admin);
});

real('the API server takes us for whom we impersonate', async (t, cluster) => {
  const client = cluster.client({
    headers: {
      'impersonate-user': 'jane',
      'impersonate-group': ['developers', 'auditors'],
      'impersonate-extra-example.org%2Fscope': ['view'],
    },
  });
  t.like(await client.post(selfReviews, selfReview), {
    status: {
      userInfo: {
        username: 'jane',
        groups: ['developers', 'auditors', 'system:authenticated'],
        extra: { 'example.org/scope': ['view'] },
      },
    },
  });
});
