import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'ava';
import { SandboxCloud } from '../../../src/sandbox/openstack/cloud.ts';
import { monotonicMs } from '../../../src/shared/clock.ts';
import type { CheckError } from '../../../src/shared/errors.ts';
import type { ServerHealthJob } from '../../../src/shared/server-health.ts';
import { failure, healthJob, listed, runJob, runProject, task } from '../../fixtures/clouds/health-job.ts';
import { hang, novaServer, ScriptedCloud, type Step } from '../../fixtures/clouds/scripted-cloud.ts';

const login = 'POST /v3/auth/tokens';
const list = 'GET /v2.1/servers/detail';
const date = 'Thu, 01 Jan 2026 12:00:00 GMT';
const body = { itemFault: { code: 1, message: 'because  of\nreasons' } };

const hangUp: Step = (_, response) => {
  response.destroy();
  return null;
};

const refusals: [name: string, step: Step, error: Partial<CheckError>][] = [
  ['403', { status: 403, body }, { code: 'forbidden', status: 403 }],
  ['404', { status: 404, body }, { code: 'not-found', status: 404 }],
  ['400', { status: 400, body }, { code: 'unexpected-status', status: 400 }],
  ['302', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body }, { code: 'unexpected-status' }],
  ['500', { status: 500, body }, { code: 'server-error', status: 500 }],
  [
    '503 that says when',
    { status: 503, headers: { 'retry-after': '7' } },
    { code: 'server-error', retryAfterMs: 7000 },
  ],
  ['429', { status: 429, body }, { code: 'rate-limited', status: 429 }],
  [
    '429 for seconds',
    { status: 429, headers: { 'retry-after': '30' } },
    { code: 'rate-limited', retryAfterMs: 30_000 },
  ],
  [
    '429 until a time, of the clock of the cloud',
    { status: 429, headers: { date, 'retry-after': 'Thu, 01 Jan 2026 12:01:30 GMT' } },
    { code: 'rate-limited', retryAfterMs: 90_000 },
  ],
  [
    '413 of old limits',
    { status: 413, headers: { 'retry-after': '5' } },
    { code: 'rate-limited', retryAfterMs: 5000 },
  ],
  [
    'HTML with 200',
    { headers: { 'content-type': 'text/html' }, body: '<html>welcome' },
    { code: 'invalid-response' },
  ],
  ['half a JSON text', { body: '{"servers": [{"id": "a"' }, { code: 'invalid-response' }],
  ['JSON of another shape', { body: { server: [] } }, { code: 'invalid-response' }],
  ['an empty body', { body: '' }, { code: 'invalid-response' }],
  ['a list that is an object', { body: { servers: {} } }, { code: 'invalid-response' }],
];

for (const [name, step, error] of refusals) {
  test(`a list answered by ${name}`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, step);
    const result = await runProject(cloud);
    t.like(failure(result), error);
    t.regex(failure(result).message, /\/servers\/detail|list of servers/);
    t.is(cloud.to(list).length, 1);
    // The login was good: keep it, unless the service is no longer where the catalog said.
    t.is(result.session?.token ?? null, error.code === 'not-found' ? null : 'token-1');
  });
}

test('an error repeats what the cloud said, on one line', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { status: 403, body });
  t.regex(failure(await runProject(cloud)).message, /answered 403 \(because of reasons\)$/);
});

test('an error does not repeat the token, though the cloud does', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, ({ headers }) => ({
    status: 400,
    body: { badRequest: { message: `bad request: ${JSON.stringify(headers)}` } },
  }));
  const { message } = failure(await runProject(cloud));
  t.regex(message, /answered 400 \(bad request: /);
  t.false(message.includes('token-1'), message);
});

test('a redirect of a list is not followed: the token is for the host that was asked', async (t) => {
  await using other = await ScriptedCloud.start();
  for (const status of [301, 302, 307, 308]) {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, { status, headers: { location: `${other.url}/v2.1/servers/detail` }, body });
    t.is(failure(await runProject(cloud)).status, status);
  }
  t.deepEqual(other.received, []);
});

test('a failure in the middle of a list is the failure of the list', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const next = { servers: [novaServer('a')], servers_links: [{ rel: 'next', href: '?marker=a' }] };
  cloud.on(list, { body: next }, { status: 500 });
  t.is(failure(await runProject(cloud)).code, 'server-error');
});

test('401 once: one more login, and the new session is kept', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { status: 401 }, { body: { servers: [novaServer('a')] } });
  const result = await runProject(cloud);
  t.is(listed(result).observations.length, 1);
  t.is(result.session?.token, 'token-2');
  t.deepEqual(
    cloud.to(list).map(({ headers }) => headers['x-auth-token']),
    ['token-1', 'token-2'],
  );
});

test('401 always: no more than one more login, and no session is kept', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { status: 401 });
  const result = await runProject(cloud);
  t.is(failure(result).code, 'unauthorized');
  t.is(result.session, null);
  t.is(cloud.to(login).length, 2);
  t.is(cloud.to(list).length, 2);
});

test('401 and then no login', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request), { status: 403 });
  cloud.on(list, { status: 401 });
  const result = await runProject(cloud);
  t.is(failure(result).code, 'forbidden');
  t.is(result.session, null);
});

test('a renewed session is handed back though the list failed then', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { status: 401 }, { status: 500 });
  const result = await runProject(cloud);
  t.is(failure(result).code, 'server-error');
  t.is(result.session?.token, 'token-2');
});

test('a list that hangs is a time-out', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, hang);
  const { projects, requests } = await runJob(healthJob(cloud, { requestTimeoutMs: 2000 }));
  t.like(projects[0], { outcome: { ok: false, error: { code: 'timeout' } }, session: { token: 'token-1' } });
  t.deepEqual(requests, [
    { route: login, status: 201, count: 1 },
    { route: 'GET /servers/detail', status: 0, count: 1 },
  ]);
});

test('a body that stalls is a time-out', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, (_, response) => {
    response.write('{"servers": [');
    return null;
  });
  const { projects } = await runJob(healthJob(cloud, { requestTimeoutMs: 2000 }));
  t.like(projects[0]?.outcome, { ok: false, error: { code: 'timeout' } });
});

test('a connection that breaks within the body', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, (_, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('{"servers": [', () => response.destroy());
    return null;
  });
  t.is(failure(await runProject(cloud)).code, 'unreachable');
});

test('a connection that breaks before the answer is tried once more', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, hangUp, { body: { servers: [novaServer('a')] } });
  t.is(listed(await runProject(cloud)).observations.length, 1);
  cloud.on(list, hangUp);
  t.is(failure(await runProject(cloud)).code, 'unreachable');
  t.is(cloud.to(list).length, 4);
});

test('a login whose connection breaks before the answer is tried once more', async (t) => {
  const login = 'POST /v3/auth/tokens';
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, hangUp, (request) => cloud.token(request));
  t.is(listed(await runProject(cloud)).observations.length, 0);
  t.is(cloud.to(login).length, 2);
  cloud.on(login, hangUp);
  t.is(failure(await runProject(cloud)).code, 'unreachable');
  t.is(cloud.to(login).length, 4);
});

test('a body without end is cut off', async (t) => {
  await using cloud = await ScriptedCloud.start();
  let sentBytes = 0;
  const chunk = Buffer.alloc(1024 * 1024, ' ');
  cloud.on(list, (_, response) => {
    const pour = (): void => {
      while (!response.destroyed) {
        sentBytes += chunk.byteLength;
        if (!response.write(chunk)) break;
      }
    };
    response.on('drain', pour);
    pour();
    return null;
  });
  t.is(failure(await runProject(cloud)).code, 'response-too-large');
  t.true(sentBytes < 200 * 1024 * 1024, `${sentBytes}`);
});

test('what answers speaks no HTTP', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('SSH-2.0-OpenSSH_9.2p1\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { projects } = await runJob(await jobAt(server.address()));
  t.like(projects[0]?.outcome, { ok: false, error: { code: 'invalid-response' } });
});

test('a refused connection', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const job = await jobAt(server.address());
  server.close();
  await once(server, 'close');
  const { projects, requests } = await runJob(job);
  t.like(projects[0]?.outcome, { ok: false, error: { code: 'unreachable' } });
  t.regex(JSON.stringify(projects[0]), /ECONNREFUSED/);
  t.deepEqual(requests, [{ route: login, status: 0, count: 1 }]);
});

test('a name that does not exist', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const target = {
    provider: 'openstack',
    endpoint: 'http://nowhere.invalid',
    catalogRegion: null,
    caCertificate: null,
  } as const;
  const { projects } = await runJob(healthJob(cloud, { target }));
  t.like(projects[0]?.outcome, { ok: false, error: { code: 'unreachable' } });
});

async function jobAt(
  address: ReturnType<ReturnType<typeof createServer>['address']>,
): Promise<ServerHealthJob> {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return {
    region: { namespace: 'default', name: 'region-1' },
    deadlineMs: monotonicMs() + 30_000,
    target: {
      provider: 'openstack',
      endpoint: `http://127.0.0.1:${address.port}`,
      catalogRegion: null,
      caCertificate: null,
    },
    projects: [task],
    requestTimeoutMs: 10_000,
    concurrency: 1,
    loginsPerSecond: 100,
    probe: false,
    traced: false,
  };
}

test('a region that is probed is asked for one project only while it fails', async (t) => {
  const cloud = await SandboxCloud.start();
  t.teardown(async () => cloud.close());
  const identities = [cloud.addIdentity(), cloud.addIdentity(), cloud.addIdentity()];
  const projects = identities.map(({ userId, password, projectId }, index) => ({
    identityId: `identity-${index}`,
    credentials: { userId, password, projectId },
  }));
  const job = (): ServerHealthJob => ({
    region: { namespace: 'default', name: 'region-1' },
    deadlineMs: monotonicMs() + 30_000,
    target: { provider: 'openstack', endpoint: cloud.endpoint, catalogRegion: null, caCertificate: null },
    projects,
    requestTimeoutMs: 10_000,
    concurrency: 4,
    loginsPerSecond: 100,
    probe: true,
    traced: false,
  });
  const fault = cloud.faults.add({ kind: 'status', status: 503 }, { route: 'POST /v3/auth/tokens' });
  const failing = await runJob(job());
  t.deepEqual(
    failing.projects.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.error.code)),
    ['server-error', 'server-error', 'server-error'],
  );
  t.is(fault.hits, 1);
  fault.remove();
  const recovered = await runJob(job());
  t.deepEqual(
    recovered.projects.map(({ identityId, outcome }) => [identityId, outcome.ok]),
    projects.map(({ identityId }) => [identityId, true]),
  );
  // Nor is the one that was asked first asked twice.
  t.is(cloud.requests.count({ route: 'GET /servers/detail' }), 3);
  t.is(cloud.requests.logins, 3);
});
