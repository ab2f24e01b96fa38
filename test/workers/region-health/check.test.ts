// The worker half of the region-health check, over real HTTP.

import test from 'ava';
import { monotonicMs } from '../../../src/shared/clock.ts';
import { toCheckError } from '../../../src/shared/errors.ts';
import { answersOf, askRegion } from '../../fixtures/clouds/region-health-job.ts';
import { credentials, endpoint, hang, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

/** A cloud with these services in its catalog, below paths of their names. */
async function startCloud(services: Readonly<Record<string, string>> = {}): Promise<ScriptedCloud> {
  const cloud = await ScriptedCloud.start();
  const catalog = Object.entries({ compute: '/compute/v2.1', ...services }).map(([type, path]) => ({
    type,
    endpoints: [endpoint(cloud.url + path)],
  }));
  cloud.on('POST /v3/auth/tokens', (request) => cloud.token(request, { token: { catalog } }));
  cloud.on('GET /v3', { body: { version: { id: 'v3.14' } } });
  cloud.on('GET /compute/v2.1/', { body: { version: { id: 'v2.1' } } });
  return cloud;
}

test('each service of the catalog is asked once, with the login that is there', async (t) => {
  await using cloud = await startCloud({
    network: '/network',
    image: '/image',
    volumev3: '/volume/v3/project-1',
  });
  cloud.on('GET /network/', { body: { versions: [] } });
  cloud.on('GET /image/', { status: 300, body: { versions: [] } });
  cloud.on('GET /volume/v3/', { body: { versions: [] } });
  const startMs = monotonicMs();
  const first = await askRegion(cloud.url);
  const tookSeconds = (monotonicMs() - startMs) / 1000;
  t.deepEqual(answersOf(first), { identity: '', compute: '', network: '', image: '', 'block-storage': '' });
  t.is(first.loginError, null);
  t.true(first.answers.every(({ seconds }) => seconds !== null && seconds >= 0 && seconds <= tookSeconds));
  const before = cloud.received.length;
  const session = first.session ?? undefined;
  const second = await askRegion(cloud.url, {
    documents: first.documents,
    ...(session === undefined ? {} : { session }),
  });
  t.deepEqual(answersOf(second), answersOf(first));
  t.is(cloud.received.length, before + 5);
  t.is(cloud.to('POST /v3/auth/tokens').length, 1);
  t.is(cloud.to('GET /network/')[1]?.headers['x-auth-token'], 'token-1');
  t.is(cloud.to('GET /v3')[1]?.headers['x-auth-token'], undefined);
});

test('where the version has no document, the root is asked, and is asked first next time', async (t) => {
  await using cloud = await startCloud({ image: '/image/v2' });
  cloud.on('GET /image/', { status: 300, body: { versions: [] } });
  const { documents, session, ...first } = await askRegion(cloud.url);
  t.is(answersOf({ ...first, documents, session }).image, '');
  t.is(documents.image, `${cloud.url}/image/`);
  await askRegion(cloud.url, { documents, ...(session === null ? {} : { session }) });
  t.is(cloud.to('GET /image/v2/').length, 1);
  t.is(cloud.to('GET /image/').length, 2);
  // The root went away, and the version came: both are asked again by the poll after.
  cloud.on('GET /image/', { status: 404, body: {} });
  cloud.on('GET /image/v2/', { body: {} });
  const lost = await askRegion(cloud.url, { documents });
  t.is(answersOf(lost).image, 'not-found');
  t.is(answersOf(await askRegion(cloud.url, { documents: lost.documents })).image, '');
});

test('who refuses is there; who fails, or is something else, is not', async (t) => {
  await using cloud = await startCloud({
    network: '/network',
    image: '/image',
    'load-balancer': '/load-balancer',
    baremetal: '/baremetal',
    'block-storage': '/volume',
  });
  cloud.on('GET /network/', { status: 401, body: {} });
  cloud.on('GET /image/', { status: 403, body: '<html>no</html>', headers: { 'content-type': 'text/html' } });
  cloud.on('GET /load-balancer/', { status: 429, body: {} });
  cloud.on('GET /baremetal/', { status: 502, body: '<html>bad gateway</html>' });
  cloud.on('GET /volume/', { body: '<html>Please log in to the network</html>' });
  t.deepEqual(answersOf(await askRegion(cloud.url)), {
    identity: '',
    compute: '',
    network: '',
    image: '',
    'load-balancer': '',
    baremetal: 'server-error',
    'block-storage': 'invalid-response',
  });
  // Nobody is asked twice for that.
  t.is(cloud.to('POST /v3/auth/tokens').length, 1);
  t.is(cloud.to('GET /network/').length, 1);
});

test('a service that hangs keeps no other from its answer', async (t) => {
  await using cloud = await startCloud({ network: '/network', image: '/image' });
  cloud.on('GET /network/', hang);
  cloud.on('GET /image/', { body: {} });
  const { session } = await askRegion(cloud.url, { requestTimeoutMs: 5_000 });
  const result = await askRegion(cloud.url, {
    requestTimeoutMs: 5_000,
    ...(session === null ? {} : { session }),
  });
  t.deepEqual(answersOf(result), { identity: '', compute: '', network: 'timeout', image: '' });
});

test('a login that fails leaves identity to be asked', async (t) => {
  await using cloud = await startCloud();
  cloud.on('POST /v3/auth/tokens', { status: 401, body: {} });
  const refused = await askRegion(cloud.url);
  t.deepEqual(answersOf(refused), { identity: '' });
  t.is(refused.loginError?.code, 'unauthorized');
  t.is(refused.session, null);
  cloud.on('POST /v3/auth/tokens', { status: 500, body: {} });
  const failed = await askRegion(cloud.url);
  t.deepEqual(answersOf(failed), { identity: '' });
  t.is(failed.loginError?.code, 'server-error');
});

test('without credentials, no login is tried', async (t) => {
  await using cloud = await startCloud();
  t.deepEqual(answersOf(await askRegion(cloud.url, { credentials: null })), { identity: '' });
  t.is(cloud.to('POST /v3/auth/tokens').length, 0);
});

test('a region must have compute; other services may be elsewhere', async (t) => {
  await using cloud = await startCloud();
  const catalog = [{ type: 'network', endpoints: [endpoint(`${cloud.url}/network`, 'RegionTwo')] }];
  cloud.on('POST /v3/auth/tokens', (request) => cloud.token(request, { token: { catalog } }));
  const target = {
    provider: 'openstack',
    endpoint: cloud.url,
    catalogRegion: 'RegionOne',
    caCertificate: null,
  };
  const result = await askRegion(cloud.url, { target: { ...target, provider: 'openstack' } });
  t.deepEqual(answersOf(result), { identity: '', compute: 'no-endpoint' });
  t.is(result.answers.find(({ service }) => service === 'compute')?.seconds, null);
  t.false(JSON.stringify(result.answers).includes(credentials.password));
});

test('an endpoint that cannot be used is not an outage: nothing is asked', async (t) => {
  await using cloud = await startCloud();
  const thrown = await t.throwsAsync(askRegion(`${cloud.url}/v2.0`));
  t.is(toCheckError(thrown).code, 'invalid-config');
  t.is(cloud.received.length, 0);
});

test('of a region without OpenStack there is nothing to ask', async (t) => {
  await using cloud = await startCloud();
  const { answers, ...rest } = await askRegion(cloud.url, { target: { provider: 'simulated' } });
  t.deepEqual(answers, []);
  t.deepEqual(rest, { loginError: null, documents: {}, session: null, requests: [], calls: [] });
  t.is(cloud.received.length, 0);
});

test('requests are counted by service', async (t) => {
  await using cloud = await startCloud({ network: '/network' });
  const { requests } = await askRegion(cloud.url);
  t.deepEqual(requests.map(({ route, status }) => `${route} ${status}`).toSorted(), [
    'GET / (compute versions) 200',
    'GET / (network versions) 404',
    'GET /v3 200',
    'POST /v3/auth/tokens 201',
  ]);
});
