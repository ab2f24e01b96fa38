import test from 'ava';
import { listed, runProject } from '../../fixtures/clouds/health-job.ts';
import { novaServer, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const login = 'POST /v3/auth/tokens';
const list = 'GET /v2.1/servers/detail';
const updated = '2026-01-01T00:00:00Z';
const later = { date: 'Thu, 01 Jan 2026 12:00:00 GMT' };

function errored(id: string, fields: object = {}): object {
  return novaServer(id, { status: 'ERROR', updated, ...fields });
}

test('the fault of a server in error is fetched, and becomes part of the message', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [errored('a'), novaServer('b')] } });
  cloud.on('GET /v2.1/servers/a', {
    body: { server: errored('a', { fault: { code: 500, message: 'no host' } }) },
  });
  const { observations } = listed(await runProject(cloud));
  t.like(observations[0], { fault: 'no host', health: { message: 'server is in an error state: no host' } });
  t.false('fault' in (observations[1] ?? {}));
  t.is(cloud.to('GET /v2.1/servers/b').length, 0);
});

test('a known fault is not fetched again while the server is unchanged', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [errored('a'), errored('b'), errored('c')] } });
  cloud.on('GET /v2.1/servers/c', { headers: later, body: { server: errored('c') } });
  const knownFaults = {
    a: { updated, fault: 'known' },
    b: { updated, fault: null },
    c: { updated: '2025-01-01T00:00:00Z', fault: 'of another time' },
  };
  const { observations } = listed(await runProject(cloud, { knownFaults }));
  t.deepEqual(
    observations.map(({ fault }) => fault),
    ['known', null, null],
  );
  t.is(cloud.to('GET /v2.1/servers/a').length, 0);
  t.is(cloud.to('GET /v2.1/servers/b').length, 0);
  t.is(cloud.to('GET /v2.1/servers/c').length, 1);
});

test('a fault that is listed needs no request', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [errored('a', { fault: { message: 'listed' } })] } });
  t.is(listed(await runProject(cloud)).observations[0]?.fault, 'listed');
  t.is(cloud.received.length, 2);
});

test('a server that only just failed may yet get its fault', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const now = { date: 'Thu, 01 Jan 2026 00:00:02 GMT' };
  cloud.on(list, { body: { servers: [errored('a')] } });
  cloud.on('GET /v2.1/servers/a', { headers: now, body: { server: errored('a') } });
  t.false('fault' in (listed(await runProject(cloud)).observations[0] ?? {}));
});

test('a fault that cannot be fetched harms nothing', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [errored('a'), errored('b'), errored('c')] } });
  cloud.on('GET /v2.1/servers/a', { status: 500 });
  cloud.on('GET /v2.1/servers/b', { body: 'nonsense' });
  cloud.on('GET /v2.1/servers/c', { body: { server: errored('c', { fault: { message: 'seen' } }) } });
  const result = await runProject(cloud);
  t.deepEqual(
    listed(result).observations.map(({ fault, health }) => [fault, health.message]),
    [
      [undefined, 'server is in an error state'],
      [undefined, 'server is in an error state'],
      ['seen', 'server is in an error state: seen'],
    ],
  );
  t.truthy(result.session);
});

test('a mass failure costs twenty requests', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const servers = Array.from({ length: 50 }, (_, index) => errored(`s${index}`));
  cloud.on(list, { body: { servers } });
  const { observations } = listed(await runProject(cloud));
  t.is(observations.length, 50);
  t.is(cloud.received.filter(({ route }) => /\/servers\/s\d+$/.test(route)).length, 20);
});

test('requests at the same time that are all refused share one login', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const servers = Array.from({ length: 10 }, (_, index) => errored(`s${index}`));
  cloud.on(list, { body: { servers } });
  for (let index = 0; index < 10; index += 1) {
    cloud.on(`GET /v2.1/servers/s${index}`, ({ headers }) =>
      headers['x-auth-token'] === 'token-1'
        ? { status: 401 }
        : { body: { server: errored(`s${index}`, { fault: { message: 'seen' } }) } },
    );
  }
  const result = await runProject(cloud);
  t.true(listed(result).observations.every(({ fault }) => fault === 'seen'));
  t.is(cloud.to(login).length, 2);
  t.is(result.session?.token, 'token-2');
});
