// Each fault, as a client meets it.

import test, { type ExecutionContext } from 'ava';
import { Agent, request } from 'undici';
import * as v from 'valibot';
import { SandboxCloud } from '../../../src/sandbox/openstack/cloud.ts';
import type { Fault } from '../../../src/sandbox/openstack/faults.ts';
import { BareClient, computeUrlOf, type Received, serverList, tokenOf } from './client.ts';

const client = new BareClient();
test.after.always(async () => {
  await client.close();
});

interface Meeting {
  readonly cloud: SandboxCloud;
  readonly projectId: string;
  readonly listUrl: string;
  readonly headers: Record<string, string>;
  readonly list: () => Promise<Received>;
  readonly login: () => Promise<Received>;
}

async function meet(t: ExecutionContext, servers = 3): Promise<Meeting> {
  const cloud = await SandboxCloud.start();
  t.teardown(() => cloud.close());
  const identity = cloud.addIdentity();
  const { projectId } = identity;
  for (let index = 0; index < servers; index++) cloud.createServer(projectId, { name: `web-${index}` });
  const login = async (): Promise<Received> =>
    client.login(cloud.endpoint, identity, { project: { id: projectId } });
  const first = await login();
  const headers = { 'x-auth-token': tokenOf(first), 'x-openstack-nova-api-version': '2.90' };
  const listUrl = `${computeUrlOf(first)}/servers/detail`;
  return { cloud, projectId, listUrl, headers, login, list: async () => client.send(listUrl, { headers }) };
}

test('a fault hits as often as it is told, then all is well', async (t) => {
  const { cloud, list } = await meet(t);
  const fault = cloud.faults.add(
    { kind: 'status', status: 500 },
    { route: 'GET /servers/detail', times: 2, after: 1 },
  );
  const statuses = [];
  for (let index = 0; index < 5; index++) statuses.push((await list()).status);
  t.deepEqual(statuses, [200, 500, 500, 200, 200]);
  t.is(fault.hits, 2);
  const lasting = cloud.faults.add({ kind: 'status', status: 500 });
  t.is((await list()).status, 500);
  lasting.remove();
  t.is((await list()).status, 200);
});

test('a fault hits every second request', async (t) => {
  const { cloud, list } = await meet(t);
  cloud.faults.add({ kind: 'status', status: 401 }, { every: 2 });
  const statuses = [];
  for (let index = 0; index < 4; index++) statuses.push((await list()).status);
  t.deepEqual(statuses, [401, 200, 401, 200]);
});

test('endless pages, by the same link or by others', async (t) => {
  const { cloud, list } = await meet(t);
  const links = async (): Promise<Set<string | undefined>> =>
    new Set(
      [serverList(await list()), serverList(await list())].map((page) => page.servers_links?.[0]?.href),
    );
  const fault = cloud.faults.add({ kind: 'endless-next' });
  t.is((await links()).size, 2);
  fault.remove();
  cloud.faults.add({ kind: 'endless-next', to: 'itself' });
  t.is((await links()).size, 1);
});

test('a fault aims at a project, in lists and in logins', async (t) => {
  const { cloud, projectId, list, login } = await meet(t);
  cloud.faults.add({ kind: 'status', status: 503 }, { projectId: 'another' });
  t.deepEqual([(await list()).status, (await login()).status], [200, 201]);
  cloud.faults.add({ kind: 'status', status: 503 }, { projectId });
  t.deepEqual([(await list()).status, (await login()).status], [503, 503]);
  t.is((await client.send(cloud.endpoint)).status, 300);
});

test('statuses look as each service gives them', async (t) => {
  const { cloud, list, login } = await meet(t);
  const under = async (fault: Fault, ask: () => Promise<Received>): Promise<Received> => {
    cloud.faults.add(fault, { times: 1 });
    return ask();
  };
  const unauthorized = await under({ kind: 'status', status: 401 }, list);
  t.true(String(unauthorized.headers['www-authenticate']).startsWith('Keystone uri='));
  t.like((await under({ kind: 'status', status: 401 }, login)).body, { error: { code: 401 } });
  t.like((await under({ kind: 'status', status: 403 }, list)).body, { forbidden: { code: 403 } });
  t.like((await under({ kind: 'status', status: 404 }, list)).body, { itemNotFound: { code: 404 } });
  t.like((await under({ kind: 'status', status: 406 }, list)).body, { computeFault: { code: 406 } });
  t.like((await under({ kind: 'status', status: 500 }, list)).body, { computeFault: { code: 500 } });
  t.like((await under({ kind: 'status', status: 500 }, login)).body, { error: { code: 500 } });
  const limited = await under({ kind: 'status', status: 429, retryAfter: '7' }, list);
  t.is(limited.headers['retry-after'], '7');
  t.like(limited.body, { overLimit: { code: 429 } });
  t.is((await under({ kind: 'status', status: 429 }, list)).headers['retry-after'], undefined);
  const down = await under({ kind: 'status', status: 503, retryAfter: '3' }, list);
  t.regex(String(down.headers['content-type']), /html/);
  t.is(down.headers['retry-after'], '3');
});

test('answers that are no good JSON', async (t) => {
  const { cloud, list, login } = await meet(t);
  for (const kind of ['truncated', 'not-json', 'html'] as const) {
    cloud.faults.add({ kind }, { times: 2 });
    for (const received of [await list(), await login()]) {
      t.true(received.status < 300, kind);
      t.throws(() => JSON.parse(received.text) as unknown, undefined, kind);
    }
  }
});

function ids(records: unknown[]): unknown[] {
  return records.map((record) => v.parse(v.object({ id: v.optional(v.string()) }), record).id);
}

test('a list with one bad record', async (t) => {
  const { cloud, projectId, list } = await meet(t);
  const under = async (fault: Fault): Promise<unknown[]> => {
    cloud.faults.add(fault, { times: 1 });
    return v.parse(v.object({ servers: v.array(v.unknown()) }), (await list()).body).servers;
  };
  const [first, second] = cloud.servers(projectId);
  const missing = await under({ kind: 'malformed-record', defect: 'missing-id' });
  t.deepEqual(ids(missing).slice(0, 2), [undefined, second?.id]);
  const nullStatus = await under({
    kind: 'malformed-record',
    defect: 'null-status',
    serverId: second?.id ?? '',
  });
  t.like(nullStatus[0], { id: first?.id, status: 'ACTIVE' });
  t.like(nullStatus[1], { id: second?.id, status: null });
  const wrong = await under({ kind: 'malformed-record', defect: 'wrong-types' });
  t.like(wrong[0], { id: first?.id, status: 7 });
  t.is((await under({ kind: 'malformed-record', defect: 'not-an-object' }))[0], 'server');
  t.deepEqual(await under({ kind: 'empty-list' }), []);
});

test('pages without end', async (t) => {
  const { cloud, headers, listUrl } = await meet(t);
  cloud.faults.add({ kind: 'endless-next' });
  const seen = new Set<string>();
  for (let url: string | undefined = listUrl; seen.size < 5 && url !== undefined; ) {
    seen.add(url);
    const page: ReturnType<typeof serverList> = serverList(await client.send(url, { headers }));
    t.is(page.servers.length, 3);
    url = page.servers_links?.[0]?.href;
  }
  t.is(seen.size, 5);
});

test('logins that look good and are not', async (t) => {
  const { cloud, login } = await meet(t);
  const under = async (fault: Fault): Promise<string> => {
    cloud.faults.add(fault, { times: 1 });
    const received = await login();
    t.is(received.status, 201);
    return received.text;
  };
  t.false((await under({ kind: 'catalog', catalog: 'absent' })).includes('catalog'));
  t.true((await under({ kind: 'catalog', catalog: 'empty' })).includes('"catalog": []'));
  t.false((await under({ kind: 'catalog', catalog: 'no-compute' })).includes('"compute"'));
  t.regex(
    await under({ kind: 'catalog', catalog: 'other-region' }),
    /compute\/v2\.1", "region": "RegionOne-elsewhere"/,
  );
  t.notRegex(await under({ kind: 'catalog', catalog: 'no-public' }), /"public"[^}]*compute/);
  t.true((await under({ kind: 'catalog', catalog: 'bad-url' })).includes('"not a url"'));
  t.false((await under({ kind: 'scope', scope: 'unscoped' })).includes('"project"'));
  cloud.faults.clear();
  t.true((await login()).text.includes('"project"'));
});

test('a domain-scoped token in the place of a project-scoped one', async (t) => {
  const cloud = await SandboxCloud.start();
  t.teardown(() => cloud.close());
  const account = cloud.serviceAccount();
  cloud.faults.add({ kind: 'scope', scope: 'domain' });
  const login = await client.login(cloud.endpoint, account, { project: { id: account.projectId } });
  t.regex(login.text, /"domain": \{"id": "[^"]+", "name": "[^"]+"\}, "roles"/);
});

test('a hung request is logged as unanswered; others are answered beside it', async (t) => {
  const { cloud, list, listUrl, headers } = await meet(t);
  cloud.faults.add({ kind: 'hang' }, { times: 1 });
  const signal = AbortSignal.timeout(300);
  await t.throwsAsync(request(listUrl, { headers, signal }));
  t.is((await list()).status, 200);
  t.is(cloud.requests.count({ route: 'GET /servers/detail', status: 0 }), 1);
});

test('connections that break', async (t) => {
  const { cloud, list } = await meet(t);
  cloud.faults.add({ kind: 'reset' }, { times: 1 });
  await t.throwsAsync(list());
  cloud.faults.add({ kind: 'cut' }, { times: 1 });
  await t.throwsAsync(list());
  t.is((await list()).status, 200);
});

test('a delay goes together with another fault', async (t) => {
  const { cloud, list } = await meet(t);
  cloud.faults.add({ kind: 'latency', ms: 150 });
  cloud.faults.add({ kind: 'status', status: 500 });
  const before = performance.now();
  t.is((await list()).status, 500);
  t.true(performance.now() - before >= 140);
});

test('a body that drips, and one that is huge, come as they are read', async (t) => {
  const { cloud, listUrl, headers } = await meet(t);
  const agent = new Agent({ connections: 1 });
  t.teardown(() => agent.destroy());
  cloud.faults.add({ kind: 'drip', everyMs: 1 }, { times: 1 });
  const dripping = await request(listUrl, { headers, dispatcher: agent });
  let pieces = 0;
  for await (const piece of dripping.body) {
    t.true(Buffer.isBuffer(piece));
    if (++pieces === 20) break;
  }
  t.is(pieces, 20);

  const before = process.memoryUsage.rss();
  cloud.faults.add({ kind: 'huge', bytes: 300 * 2 ** 20 }, { times: 1 });
  const huge = await request(listUrl, { headers, dispatcher: agent });
  let bytes = 0;
  for await (const piece of huge.body) if (Buffer.isBuffer(piece)) bytes += piece.length;
  t.true(bytes >= 300 * 2 ** 20);
  t.true(process.memoryUsage.rss() - before < 200 * 2 ** 20);
});
