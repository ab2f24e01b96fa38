// The definitions of both profiles, and none, on a real kube-apiserver of this test's own.

import { loadClusterAccess } from '../../../src/main/kubernetes/access/config.ts';
import { KubernetesClient, resourcePath } from '../../../src/main/kubernetes/client.ts';
import { ApiError } from '../../../src/main/kubernetes/errors.ts';
import { detectProfile, ProfileWatch } from '../../../src/main/kubernetes/objects/profile.ts';
import { ResourceCache } from '../../../src/main/kubernetes/objects/resource-cache.ts';
import { parseServer } from '../../../src/main/kubernetes/objects/resource-records.ts';
import { systemClock } from '../../../src/shared/clock.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { startControlPlane } from '../../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../../fixtures/kubernetes/control-plane-tests.ts';
import { hastyClock } from '../../fixtures/kubernetes/scripted-api.ts';

const real = controlPlaneTests({ own: true });

real.test('waits for the definitions, tells their profile, and notices when they are replaced', async (t) => {
  const controlPlane = await startControlPlane(t, { own: true });
  if (controlPlane === null) throw new Error('there is no real API server');
  t.teardown(() => controlPlane.stop());
  t.timeout(180_000);
  const access = await loadClusterAccess({ kubeconfig: controlPlane.kubeconfig, context: '' });
  const client = new KubernetesClient(access, { requestTimeoutMs: 20_000 });
  const { signal } = new AbortController();

  const missing = await t.throwsAsync(detectProfile(client, signal), { instanceOf: ApiError });
  t.like(missing, { status: 404 });
  t.regex(missing?.message ?? '', /install .*custom resource definitions/);

  const stop = new AbortController();
  const errors: Error[] = [];
  const changes: string[] = [];
  const watch = new ProfileWatch({
    client,
    clock: { ...hastyClock(), sleep: (_ms, given) => systemClock.sleep(200, given) },
    periodMs: 60_000,
    onChange: (profile) => changes.push(profile),
  });
  const cache = new ResourceCache({
    client,
    resource: 'servers',
    namespace: '',
    parse: parseServer,
    clock: hastyClock(),
    onError: (error) => errors.push(error),
  });
  const running = Promise.all([watch.run(stop.signal), cache.run(stop.signal)]);
  t.teardown(async () => {
    stop.abort();
    await running;
    await client.close();
  });
  await eventually('a failed list', () => errors.length > 0);
  t.like(errors[0], { status: 404, verb: 'list', resource: 'servers' });

  await controlPlane.installDefinitions('v1.16');
  await cache.whenSynced(AbortSignal.timeout(60_000));
  await eventually('the older profile', () => watch.current === 'v1.16', { timeoutMs: 60_000 });
  t.is(await detectProfile(client, signal), 'v1.16');

  const namespace = await controlPlane.createNamespace();
  await controlPlane.apply({
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    kind: 'Server',
    metadata: { name: 'web', namespace },
    spec: {
      flavorID: '9b9e8f5c-6a0e-4c8e-9d6c-0f2f7c5d8a11',
      image: { id: '9b9e8f5c-6a0e-4c8e-9d6c-0f2f7c5d8a12' },
    },
  });
  await eventually('the server', () => cache.size === 1);

  await controlPlane.installDefinitions('v1.19');
  await eventually('the newer profile', () => watch.current === 'v1.19', { timeoutMs: 60_000 });
  t.deepEqual(changes, ['v1.16', 'v1.19']);
  await client.patch(resourcePath('servers', namespace, 'web', 'status'), { status: { phase: 'Queued' } });
  await eventually(
    'the phase that only the newer one has',
    () => cache.get(namespace, 'web')?.phase === 'Queued',
  );
});
