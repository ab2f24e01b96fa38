import test from 'ava';
import { monotonicMs } from '../../../src/shared/clock.ts';
import type { ErrorCode } from '../../../src/shared/errors.ts';
import type { Session } from '../../../src/shared/session.ts';
import { identityUrl } from '../../../src/workers/openstack/login.ts';
import { failure, healthJob, listed, runJob, runProject, task } from '../../fixtures/clouds/health-job.ts';
import {
  credentials,
  endpoint,
  hang,
  projectId,
  ScriptedCloud,
} from '../../fixtures/clouds/scripted-cloud.ts';

const login = 'POST /v3/auth/tokens';
const list = 'GET /v2.1/servers/detail';

const endpoints: [given: string, used: string][] = [
  ['http://cloud:5000', 'http://cloud:5000/v3'],
  ['http://cloud:5000/', 'http://cloud:5000/v3'],
  ['http://cloud:5000/v3', 'http://cloud:5000/v3'],
  ['http://cloud:5000/v3/', 'http://cloud:5000/v3'],
  ['https://cloud/identity', 'https://cloud/identity/v3'],
  ['https://cloud/identity/v3//', 'https://cloud/identity/v3'],
];

for (const [given, used] of endpoints) {
  test(`the identity endpoint ${given}`, (t) => {
    t.is(identityUrl(given), used);
  });
}

for (const given of [
  'cloud:5000',
  'not a url',
  'ftp://cloud',
  'http://cloud/v2.0',
  'http://u:secret@cloud',
  'http://secret@cloud',
  'http://:secret@cloud',
]) {
  test(`the identity endpoint ${given} is refused without being repeated`, (t) => {
    const error = t.throws(() => identityUrl(given));
    t.regex(error.message, /spec\.openstack\.endpoint/);
    t.notRegex(error.message, /secret/);
  });
}

test('a login by ids, scoped to the project, whose token is used and handed back', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const before = monotonicMs();
  const result = await runProject(cloud);
  listed(result);
  const [request] = cloud.to(login);
  t.deepEqual(JSON.parse(request?.body ?? ''), {
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { id: credentials.userId, password: credentials.password } },
      },
      scope: { project: { id: projectId } },
    },
  });
  const [listing] = cloud.to(list);
  t.like(listing?.headers, {
    'x-auth-token': 'token-1',
    'openstack-api-version': 'compute 2.90',
    'x-openstack-nova-api-version': '2.90',
  });
  t.like(result.session, { token: 'token-1', compute: { url: `${cloud.url}/v2.1`, microversion: '2.90' } });
  // 0.8 to 0.9 of an hour, whatever the local clock says of 2026.
  const livesMs = (result.session?.renewAtMs ?? 0) - before;
  t.true(livesMs >= 0.8 * 3_600_000 && livesMs <= 0.9 * 3_600_000 + 60_000, `${livesMs}`);
});

test('a session is used again without a login', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const { session } = await runProject(cloud);
  t.truthy(session);
  const again = await runProject(cloud, session === null ? {} : { session });
  t.true(again.outcome.ok);
  t.deepEqual(again.session, session);
  t.is(cloud.to(login).length, 1);
  t.is(cloud.to(list).length, 2);
});

test('a session that is due is renewed before use', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const result = await runProject(cloud, { session: dueSession(cloud) });
  t.is(result.session?.token, 'token-1');
  t.is(cloud.to(list)[0]?.headers['x-auth-token'], 'token-1');
});

test('a session that is due still serves while the identity service is away', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, { status: 503 });
  const session = dueSession(cloud);
  const result = await runProject(cloud, { session });
  t.true(result.outcome.ok);
  t.deepEqual(result.session, session);
});

test('a session that is due serves until the identity service wants to be asked again', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, { status: 429, headers: { 'retry-after': '60' } });
  const before = monotonicMs();
  const first = await runProject(cloud, { session: dueSession(cloud) });
  t.true(first.outcome.ok);
  t.true((first.session?.renewAtMs ?? 0) >= before + 60_000);
  const { session } = await runProject(cloud, first.session === null ? {} : { session: first.session });
  t.deepEqual(session, first.session);
  t.is(cloud.to(login).length, 1);
});

test('a session that is due does not outlive its credentials', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, { status: 401 });
  const result = await runProject(cloud, { session: dueSession(cloud) });
  t.is(failure(result).code, 'unauthorized');
  t.is(result.session, null);
  t.is(cloud.to(list).length, 0);
});

test('a token without issued_at is counted from the Date header, not from the local clock', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => {
    const answer = cloud.token(request, { token: { issued_at: null } });
    return { ...answer, headers: { ...answer.headers, date: 'Thu, 01 Jan 2026 00:30:00 GMT' } };
  });
  const before = monotonicMs();
  const { session } = await runProject(cloud);
  const livesMs = (session?.renewAtMs ?? 0) - before;
  t.true(livesMs >= 0.8 * 1_800_000 && livesMs <= 0.9 * 1_800_000 + 60_000, `${livesMs}`);
});

test('a token that never expires', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { token: { expires_at: null } }));
  t.is(listed(await runProject(cloud)).observations.length, 0);
});

test('a token for another project is refused', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { token: { project: { id: 'project-2' } } }));
  const result = await runProject(cloud);
  t.is(failure(result).code, 'wrong-scope');
  t.regex(failure(result).message, /project-2.*project-1/);
  t.is(result.session, null);
  t.is(cloud.to(list).length, 0);
});

test('a token without a project is refused: its lists would be empty', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => cloud.token(request, { token: { project: undefined, catalog: undefined } }));
  t.is(failure(await runProject(cloud)).code, 'wrong-scope');
});

test('the catalog: only public endpoints of type compute, in the region that is named', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const catalog = [
    { type: 'odd' },
    {
      type: 'compute',
      endpoints: [{ interface: 'public', url: null }, endpoint('http://127.0.0.1:1', 'north')],
    },
    {
      type: 'compute',
      endpoints: [
        endpoint('http://127.0.0.1:1', 'south', 'internal'),
        endpoint(`${cloud.url}/v2.1/`, 'south'),
      ],
    },
  ];
  cloud.on(login, (request) => cloud.token(request, { token: { catalog } }));
  const job = healthJob(cloud);
  const south = {
    provider: 'openstack',
    endpoint: cloud.url,
    caCertificate: null,
    catalogRegion: 'south',
  } as const;
  const found = await runJob({ ...job, target: south });
  t.is(found.projects[0]?.session?.compute?.url, `${cloud.url}/v2.1`);
  const missed = await runJob({ ...job, target: { ...south, catalogRegion: 'west' } });
  t.like(missed.projects[0]?.outcome, { ok: false, error: { code: 'no-endpoint' } });
  t.regex(JSON.stringify(missed.projects[0]), /west.*north, south/);
});

test('a catalog without a compute service', async (t) => {
  await using cloud = await ScriptedCloud.start();
  for (const catalog of [[], undefined]) {
    cloud.on(login, (request) => cloud.token(request, { token: { catalog } }));
    t.is(failure(await runProject(cloud)).code, 'no-endpoint');
  }
});

const badLogins: [
  name: string,
  answer: { status: number; headers?: Record<string, string>; body?: unknown },
  code: ErrorCode,
][] = [
  ['wrong credentials', { status: 401, body: { error: { message: 'no' } } }, 'unauthorized'],
  ['no right', { status: 403 }, 'forbidden'],
  ['an identity service that is down', { status: 503 }, 'server-error'],
  ['something that is no Keystone', { status: 200, body: '<html>' }, 'invalid-response'],
  [
    'a token without its header',
    { status: 201, body: { token: { expires_at: '2026' } } },
    'invalid-response',
  ],
  [
    'a token whose header is empty',
    {
      status: 201,
      headers: { 'x-subject-token': '' },
      body: { token: { expires_at: '2026-01-01T01:00:00Z', project: { id: 'project-1' } } },
    },
    'invalid-response',
  ],
  ['a token of another shape', { status: 201, body: { token: { expires_at: 7 } } }, 'invalid-response'],
];

for (const [name, answer, code] of badLogins) {
  test(`login: ${name}`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(login, answer);
    const result = await runProject(cloud);
    t.is(failure(result).code, code);
    t.is(result.session, null);
    t.is(cloud.to(login).length, 1);
  });
}

test('a refusal that a newline in the credentials may explain says so, a failure of the cloud does not', async (t) => {
  const cases = [
    [400, true],
    [401, true],
    [499, true],
    [500, false],
    [204, false],
  ] as const;
  for (const [status, explained] of cases) {
    await using cloud = await ScriptedCloud.start();
    cloud.on(login, { status });
    const given = { ...credentials, password: 'secret\n' };
    const { message } = failure(await runProject(cloud, { credentials: given }));
    t.is(/the password ends with a newline/.test(message), explained, `${status}: ${message}`);
  }
});

test('a newline in the credentials does not explain that there is no answer', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (_, response) => {
    response.destroy();
    return null;
  });
  const given = { ...credentials, password: 'secret\n' };
  const { code, message } = failure(await runProject(cloud, { credentials: given }));
  t.is(code, 'unreachable');
  t.notRegex(message, /newline/);
});

test('an error never repeats the password, though Keystone does', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, (request) => ({ status: 400, body: { error: { message: `invalid: ${request.body}` } } }));
  const result = await runProject(cloud);
  t.is(failure(result).code, 'unexpected-status');
  t.notRegex(JSON.stringify(result), new RegExp(credentials.password));
});

test('a redirect is not followed: the password is for the host that was asked', async (t) => {
  await using other = await ScriptedCloud.start();
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, { status: 307, headers: { location: `${other.url}/v3/auth/tokens` } });
  t.is(failure(await runProject(cloud)).code, 'unexpected-status');
  t.is(other.received.length, 0);
});

test('a login that hangs is a time-out', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, hang);
  const { projects } = await runJob(healthJob(cloud, { requestTimeoutMs: 100 }));
  t.like(projects[0]?.outcome, { ok: false, error: { code: 'timeout' } });
});

test('a project without credentials', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const { projects } = await runJob(healthJob(cloud, { projects: [{ identityId: 'identity-9' }] }));
  t.like(projects[0]?.outcome, { ok: false, error: { code: 'invalid-config' } });
  t.is(cloud.received.length, 0);
});

test('an endpoint that cannot be used is the error of each project', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const target = {
    provider: 'openstack',
    endpoint: 'nowhere',
    catalogRegion: null,
    caCertificate: null,
  } as const;
  const { projects } = await runJob(healthJob(cloud, { target, projects: [task, task] }));
  t.deepEqual(
    projects.map(({ outcome }) => !outcome.ok && outcome.error.code),
    ['invalid-config', 'invalid-config'],
  );
});

function dueSession(cloud: ScriptedCloud): Session {
  return {
    token: 'old',
    renewAtMs: monotonicMs() - 1,
    endpoints: {},
    compute: { url: `${cloud.url}/v2.1`, microversion: '2.90' },
  };
}
