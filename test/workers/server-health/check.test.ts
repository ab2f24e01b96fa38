import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'ava';
import { monotonicMs } from '../../../src/shared/clock.ts';
import type { ProjectTask, ServerHealthResult } from '../../../src/shared/server-health.ts';
import { ownTools } from '../../../src/shared/worker-tools.ts';
import { ServerHealthCheck } from '../../../src/workers/server-health/check.ts';
import { healthJob, runJob } from '../../fixtures/clouds/health-job.ts';
import {
  credentials,
  novaServer,
  type Received,
  ScriptedCloud,
  type Step,
} from '../../fixtures/clouds/scripted-cloud.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { session as sessionOf } from '../../fixtures/monitor/region-records.ts';

const login = 'POST /v3/auth/tokens';
const list = 'GET /v2.1/servers/detail';

function projects(...ids: string[]): ProjectTask[] {
  return ids.map((projectId) => ({
    identityId: projectId,
    credentials: { userId: `user-of-${projectId}`, password: 'pass-word', projectId },
  }));
}

/** A cloud whose tokens are for the project that was asked for, and name it. */
async function startCloud(): Promise<ScriptedCloud> {
  const cloud = await ScriptedCloud.start();
  return cloud.on(login, (request) => {
    const id = /"project":\{"id":"([^"]+)"/.exec(request.body)?.[1] ?? '';
    const answer = cloud.token(request, { token: { project: { id } } });
    return { ...answer, headers: { 'x-subject-token': `token-of-${id}` } };
  });
}

function projectOf({ headers }: Received): string {
  return String(headers['x-auth-token']).slice('token-of-'.length);
}

function outcomes({ projects }: ServerHealthResult): [string, string][] {
  return projects.map(({ identityId, outcome }) => [identityId, outcome.ok ? 'ok' : outcome.error.code]);
}

test('each project succeeds or fails for itself, in the order of the job', async (t) => {
  await using cloud = await startCloud();
  cloud.on(list, (request) => {
    const id = projectOf(request);
    if (id === 'b') return { status: 403 };
    if (id === 'd') return { body: '<html>' };
    return { body: { servers: [novaServer(`server-of-${id}`)] } };
  });
  const result = await runJob(healthJob(cloud, { projects: projects('a', 'b', 'c', 'd', 'e') }));
  t.deepEqual(outcomes(result), [
    ['a', 'ok'],
    ['b', 'forbidden'],
    ['c', 'ok'],
    ['d', 'invalid-response'],
    ['e', 'ok'],
  ]);
  t.like(result.projects[2]?.outcome, { observations: [{ providerId: 'server-of-c' }] });
});

test('a probe asks one project, and the others only when the region answers for it', async (t) => {
  await using cloud = await startCloud();
  const asked = new Set<string>();
  let unasked: string[] = [];
  let status = 503;
  cloud.on(list, (request) => {
    asked.add(projectOf(request));
    return projectOf(request) === 'a' ? { status } : { body: { servers: [] } };
  });
  const probe = async () => {
    asked.clear();
    const result = await runJob(
      healthJob(cloud, { probe: true, projects: projects('a', 'b'), flavors: { credentials } }),
    );
    unasked = result.projects.flatMap(({ identityId, outcome }) =>
      !outcome.ok && outcome.unasked === true ? [identityId] : [],
    );
    return [...outcomes(result), result.flavors?.outcome.ok];
  };
  t.deepEqual(await probe(), [['a', 'server-error'], ['b', 'server-error'], false]);
  t.deepEqual(unasked, ['b']);
  t.deepEqual([...asked], ['a']);
  // Its own trouble says that the region answers.
  status = 403;
  t.deepEqual((await probe()).slice(0, 2), [
    ['a', 'forbidden'],
    ['b', 'ok'],
  ]);
  t.deepEqual([...asked], ['a', 'b']);
});

test('a project that was not probed keeps its session', async (t) => {
  await using cloud = await startCloud();
  cloud.on(list, { status: 503 });
  const session = { ...sessionOf('kept'), renewAtMs: monotonicMs() + 60_000 };
  const [first, second] = projects('a', 'b');
  if (first === undefined || second === undefined) throw new Error('there are two');
  const flavors = { credentials, session };
  const job = healthJob(cloud, { probe: true, projects: [first, { ...second, session }], flavors });
  const result = await runJob(job);
  t.deepEqual(result.projects[1]?.session, session);
  t.deepEqual(result.flavors?.session, session);
  const without = healthJob(cloud, { probe: true, projects: projects('a', 'b'), flavors: { credentials } });
  const answered = await runJob(without);
  t.is(answered.projects[1]?.session, null);
  t.is(answered.flavors?.session, null);
});

test('what hangs at the deadline is a time-out, what was finished stands', async (t) => {
  await using cloud = await startCloud();
  cloud.on(list, (request) => (projectOf(request) === 'b' ? null : { body: { servers: [] } }));
  const deadlineMs = monotonicMs() + 5000;
  const result = await runJob(healthJob(cloud, { deadlineMs, projects: projects('a', 'b', 'c') }));
  t.true(monotonicMs() < deadlineMs + 2000);
  t.deepEqual(outcomes(result), [
    ['a', 'ok'],
    ['b', 'timeout'],
    ['c', 'ok'],
  ]);
  t.is(result.projects[1]?.session?.token, 'token-of-b');
});

test('the deadline ends what waits for its turn, too', async (t) => {
  await using cloud = await startCloud();
  cloud.on(login, () => null);
  const job = healthJob(cloud, {
    deadlineMs: monotonicMs() + 500,
    projects: projects('a', 'b', 'c'),
    concurrency: 1,
  });
  const result = await runJob(job);
  t.deepEqual(new Set(outcomes(result).map(([, code]) => code)), new Set(['timeout']));
  t.true(cloud.received.length <= 1);
  t.deepEqual(
    result.projects.map(({ outcome }) => !outcome.ok && outcome.unasked === true),
    [false, true, true],
  );
  t.is(result.projects[1]?.session, null);
  t.like(result.projects[1]?.outcome, {
    error: {
      message:
        'the check reached its deadline before it could ask this project: other projects of the region took the ' +
        'time; it is among the first at the next poll. If they are only slow, raise --region-concurrency; where ' +
        'many have to log in at once, raise --region-logins-per-second',
    },
  });
});

test('many projects that have to log in do not hold up those that have a session', async (t) => {
  await using cloud = await startCloud();
  const known = projects('k1', 'k2', 'k3');
  const first = await runJob(healthJob(cloud, { projects: known }));
  const withSession = known.map((task, index) => {
    const session = first.projects[index]?.session;
    if (!session) throw new Error('there was no login');
    return { ...task, session: { ...session, renewAtMs: monotonicMs() + 60_000 } };
  });
  const newOnes = projects(...Array.from({ length: 12 }, (_, index) => `n${index}`));
  const job = healthJob(cloud, {
    projects: [...newOnes, ...withSession],
    loginsPerSecond: 1,
    concurrency: 2,
  });
  const result = await runJob({ ...job, deadlineMs: monotonicMs() + 4_000 });
  const ended = new Map(result.projects.map(({ identityId, outcome }) => [identityId, outcome]));
  for (const { identityId } of known) t.true(ended.get(identityId)?.ok, identityId);
  const late = newOnes.flatMap(({ identityId }) => {
    const outcome = ended.get(identityId);
    return outcome === undefined || outcome.ok ? [] : [outcome.error];
  });
  t.true(late.length > 0);
  for (const error of late) {
    t.is(error.code, 'timeout');
    t.regex(error.message, /raise --region-logins-per-second$/);
  }
});

test('large lists that hardly come do not keep a large list of another region waiting', async (t) => {
  await using slow = await startCloud();
  await using well = await startCloud();
  const page = JSON.stringify({ servers: [novaServer('a', { metadata: { note: 'x'.repeat(6_000_000) } })] });
  slow.on(list, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write(page.slice(0, -1));
    return null;
  });
  well.on(list, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(page);
    return null;
  });
  const tools = ownTools();
  const run = async (cloud: ScriptedCloud, requestTimeoutMs: number, ...ids: string[]) => {
    const check = new ServerHealthCheck();
    t.teardown(async () => check.close());
    const job = healthJob(cloud, { requestTimeoutMs, projects: projects(...ids) });
    return check.run(job, new AbortController().signal, tools);
  };
  const hardlyComes = run(slow, 25_000, 'a', 'b', 'c', 'd');
  await eventually('the lists', () => slow.to(list).length === 4);
  t.deepEqual(outcomes(await run(well, 15_000, 'a')), [['a', 'ok']]);
  t.regex(
    JSON.stringify(await hardlyComes),
    /unusual size, less than 262144 bytes of it in 2000 ms: given up/,
  );
});

test('a list that is too long for the time of a check says how much was read and what to raise', async (t) => {
  await using cloud = await startCloud();
  const next = `${cloud.url}/v2.1/servers/detail?marker=`;
  let page = 0;
  cloud.on(list, () => {
    page += 1;
    if (page === 3) return null;
    const servers = [novaServer(`${page}-1`), novaServer(`${page}-2`)];
    return { body: { servers, servers_links: [{ rel: 'next', href: `${next}${page}` }] } };
  });
  const deadlineMs = monotonicMs() + 3_000;
  const { projects: answers } = await runJob(healthJob(cloud, { deadlineMs, projects: projects('a') }));
  const outcome = answers[0]?.outcome;
  const error = outcome?.ok === false ? outcome.error : undefined;
  t.is(error?.code, 'timeout');
  // A busy machine may have read one of the two only.
  const read = error?.overtime?.pagesRead ?? 0;
  t.true(read === 1 || read === 2, String(read));
  t.is(
    error?.message,
    `GET /servers/detail was not read to its end: the check reached its deadline after ${read === 1 ? 'a page with 2' : '2 pages with 4'} records; ` +
      'raise --check-timeout and --poll-period',
  );
});

test('a job that comes too late asks for nothing', async (t) => {
  await using cloud = await startCloud();
  const result = await runJob(
    healthJob(cloud, { deadlineMs: monotonicMs() - 1, projects: projects('a', 'b') }),
  );
  t.deepEqual(outcomes(result), [
    ['a', 'timeout'],
    ['b', 'timeout'],
  ]);
  t.deepEqual(result.requests, []);
});

test('the signal ends a job that is under way', async (t) => {
  await using cloud = await startCloud();
  const stop = new AbortController();
  cloud.on(list, () => {
    stop.abort();
    return null;
  });
  const result = await runJob(healthJob(cloud, { projects: projects('a') }), stop.signal);
  t.deepEqual(outcomes(result), [['a', 'cancelled']]);
});

test('a connection that is never established is a time-out, not a wait for the system', async (t) => {
  // Accepts TCP but never answers the TLS handshake: to undici, that is still connecting.
  const server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await using cloud = await startCloud();
  const target = {
    provider: 'openstack',
    endpoint: `https://127.0.0.1:${port}`,
    catalogRegion: null,
    caCertificate: null,
  } as const;
  const startMs = monotonicMs();
  const result = await runJob(healthJob(cloud, { target, projects: projects('a'), requestTimeoutMs: 200 }));
  t.deepEqual(outcomes(result), [['a', 'timeout']]);
  t.true(monotonicMs() - startMs < 5000);
});

test('no more requests at once than the job allows, and connections are used again', async (t) => {
  await using cloud = await startCloud();
  let now = 0;
  let most = 0;
  const slowly =
    (body: object): Step =>
    (_, response) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        response.end(JSON.stringify(body));
      }, 10);
      return null;
    };
  const errored = Array.from({ length: 10 }, (_, index) => novaServer(`s${index}`, { status: 'ERROR' }));
  cloud.on(list, slowly({ servers: errored }));
  for (let index = 0; index < errored.length; index += 1) {
    cloud.on(`GET /v2.1/servers/s${index}`, slowly({ server: {} }));
  }
  const ids = Array.from({ length: 20 }, (_, index) => `project-${index}`);
  const result = await runJob(healthJob(cloud, { projects: projects(...ids), concurrency: 3 }));
  t.true(result.projects.every(({ outcome }) => outcome.ok));
  t.is(most, 3);
  t.true(cloud.sockets <= 3, `${cloud.sockets}`);
});

test('requests are counted by route and status, and told one by one when traced', async (t) => {
  await using cloud = await startCloud();
  cloud.on(list, (request) => (projectOf(request) === 'b' ? { status: 500 } : { body: { servers: [] } }));
  const job = healthJob(cloud, { projects: projects('a', 'b', 'c'), traced: true });
  const { calls, requests } = await runJob(job);
  t.deepEqual(requests.map(({ route, status, count }) => `${route} ${status} ${count}`).toSorted(), [
    'GET /servers/detail 200 2',
    'GET /servers/detail 500 1',
    'POST /v3/auth/tokens 201 3',
  ]);
  t.is(calls.length, 6);
  for (const call of calls) {
    t.true(call.endMs >= call.startMs);
    t.is(call.error?.code, call.status === 500 ? 'server-error' : undefined);
  }
  t.deepEqual((await runJob({ ...job, traced: false })).calls, []);
});

test('many jobs at once in one check share its connections and nothing else', async (t) => {
  await using first = await startCloud();
  await using second = await startCloud();
  first.on(list, (request) => ({ body: { servers: [novaServer(`first-${projectOf(request)}`)] } }));
  second.on(list, (request) => ({ body: { servers: [novaServer(`second-${projectOf(request)}`)] } }));
  const check = new ServerHealthCheck();
  const signal = new AbortController().signal;
  const results = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const cloud = index % 2 === 0 ? first : second;
      return check.run(healthJob(cloud, { projects: projects(`p${index}`) }), signal);
    }),
  );
  results.forEach(({ projects: [project] }, index) => {
    const name = index % 2 === 0 ? 'first' : 'second';
    t.like(project?.outcome, { ok: true, observations: [{ providerId: `${name}-p${index}` }] });
  });
  await check.close();
});

test('a result survives the way between threads', async (t) => {
  await using cloud = await startCloud();
  cloud.on(list, { body: { servers: [novaServer('a', { status: 'ERROR' }), {}] } });
  const result = await runJob(healthJob(cloud, { projects: projects('a'), traced: true }));
  t.deepEqual(structuredClone(result), result);
});
