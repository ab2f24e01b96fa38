import test from 'ava';
import { failure, healthJob, listed, runJob, runProject, task } from '../../fixtures/clouds/health-job.ts';
import { type Answer, type Received, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const login = 'POST /v3/auth/tokens';

function version(id: string, maximum: string, href: string): object {
  return { id, version: maximum, min_version: '2.1', links: [{ rel: 'self', href }] };
}

/** A Nova that refuses microversions above its maximum. */
function upTo(maximum: number): (request: Received) => Answer {
  return ({ headers }) => {
    const asked = Number(String(headers['x-openstack-nova-api-version'] ?? '2.1').slice(2));
    return asked > maximum
      ? { status: 406, body: { computeFault: { code: 406, message: 'not supported' } } }
      : { body: { servers: [] } };
  };
}

const roots: [name: string, catalogPath: string, href: string, listPath: string][] = [
  ['at the root', '', 'http://inside:8774/v2.1/', '/v2.1'],
  ['at the root, with a slash', '/', 'http://inside:8774/v2.1/', '/v2.1'],
  ['below a path that the service knows', '/compute', 'http://inside/compute/v2.1/', '/compute/v2.1'],
  ['below a path that only the proxy knows', '/compute', 'http://inside/v2.1/', '/compute/v2.1'],
];

for (const [name, catalogPath, href, listPath] of roots) {
  test(`an unversioned compute URL ${name} is discovered, on the catalog's host`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(login, (request) => cloud.token(request, { computeUrl: cloud.url + catalogPath }));
    const versions = [version('v2.0', '', 'http://inside/v2/'), version('v2.1', '2.93', href)];
    cloud.on(`GET ${catalogPath.replace(/\/$/, '')}/`, { status: 300, body: { versions } });
    cloud.on(`GET ${listPath}/servers/detail`, { body: { servers: [] } });
    const result = await runProject(cloud);
    t.true(listed(result).complete);
    t.like(result.session, { compute: { url: cloud.url + listPath, microversion: '2.90' } });
  });
}

test('a discovered maximum below ours is what is asked for', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { computeUrl: cloud.url }));
  cloud.on('GET /', { body: { versions: [version('v2.1', '2.60', '/v2.1/')] } });
  cloud.on('GET /v2.1/servers/detail', upTo(60));
  const result = await runProject(cloud);
  t.true(result.outcome.ok);
  t.is(result.session?.compute?.microversion, '2.60');
  t.is(cloud.to('GET /v2.1/servers/detail').length, 1);
});

test('a root without v2.1', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { computeUrl: cloud.url }));
  cloud.on('GET /', { body: { versions: [version('v2.0', '', '/v2/')] } });
  t.is(failure(await runProject(cloud)).code, 'no-endpoint');
});

test('a compute URL with a project id is used as it is', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { computeUrl: `${cloud.url}/v2.1/project-1` }));
  cloud.on('GET /v2.1/project-1/servers/detail', upTo(53));
  cloud.on('GET /v2.1/', { body: { version: version('v2.1', '2.53', '/v2.1/') } });
  const result = await runProject(cloud);
  t.true(result.outcome.ok);
  t.is(result.session?.compute?.microversion, '2.53');
});

test('the API before microversions is asked without one', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { computeUrl: `${cloud.url}/v2/project-1` }));
  cloud.on('GET /v2/project-1/servers/detail', { body: { servers: [] } });
  const result = await runProject(cloud);
  t.is(result.session?.compute?.microversion, null);
  t.false('x-openstack-nova-api-version' in (cloud.to('GET /v2/project-1/servers/detail')[0]?.headers ?? {}));
});

test('406: the offered maximum is learnt, kept with the session, and shared by the job', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v2.1/servers/detail', upTo(79));
  cloud.on('GET /v2.1/', { body: { version: version('v2.1', '2.79', '/v2.1/') } });
  const job = healthJob(cloud, { concurrency: 1, projects: [task, { ...task, identityId: 'identity-2' }] });
  const { projects } = await runJob(job);
  for (const { outcome, session } of projects) {
    t.true(outcome.ok);
    t.is(session?.compute?.microversion, '2.79');
  }
  t.is(cloud.to('GET /v2.1/').length, 1);
  // The second project did not have to be refused first.
  t.is(cloud.to('GET /v2.1/servers/detail').length, 3);
});

test('406 from a cloud that offers no microversions', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v2.1/servers/detail', upTo(1));
  cloud.on('GET /v2.1/', { body: { version: version('v2.1', '', '/v2.1/') } });
  const result = await runProject(cloud);
  t.true(result.outcome.ok);
  t.is(result.session?.compute?.microversion, null);
});

test('406 whatever is asked for ends', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v2.1/servers/detail', { status: 406 });
  cloud.on('GET /v2.1/', { body: { version: version('v2.1', '2.79', '/v2.1/') } });
  const { code, status } = failure(await runProject(cloud));
  t.is(code, 'unexpected-status');
  t.is(status, 406);
});

/** Two projects at once of a cloud whose catalog names no version of the compute service. */
async function runTwo(cloud: ScriptedCloud): Promise<readonly string[]> {
  cloud.on(login, (request) => cloud.token(request, { computeUrl: cloud.url }));
  const job = healthJob(cloud, { concurrency: 1, projects: [task, { ...task, identityId: 'identity-2' }] });
  const { projects } = await runJob(job);
  return projects.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.error.code));
}

test('what is discovered for one project serves the others of its job', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /', { body: { versions: [version('v2.1', '2.93', '/v2.1/')] } });
  t.deepEqual(await runTwo(cloud), ['ok', 'ok']);
  t.is(cloud.to('GET /').length, 1);
});

test('what could not be discovered for one project is asked again for the next', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /', { status: 503 }, { body: { versions: [version('v2.1', '2.93', '/v2.1/')] } });
  t.deepEqual(await runTwo(cloud), ['server-error', 'ok']);
});

test('a compute service that does not say its microversions is asked without one', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /', { body: { versions: [{ id: 'v2.1' }] } });
  t.deepEqual(await runTwo(cloud), ['ok', 'ok']);
  t.is(cloud.to('GET /v2.1/servers/detail')[0]?.headers['openstack-api-version'], undefined);
});
