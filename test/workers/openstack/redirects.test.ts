import test from 'ava';
import { failure, listed, runProject } from '../../fixtures/clouds/health-job.ts';
import { ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const login = 'POST /v3/auth/tokens';

const elsewhere: readonly [location: string, shown: string][] = [
  ['https://keystone.example/v3/auth/tokens', 'https://keystone.example/v3/auth/tokens'],
  ['https://me:secret@keystone.example:5000/v3?ticket=secret#secret', 'https://keystone.example:5000/v3'],
  ['//keystone.example/login', 'http://keystone.example/login'],
];

for (const status of [301, 302, 303, 307, 308])
  for (const [location, shown] of elsewhere)
    test(`a login that is redirected (${status}, ${location}) says where to, and is not followed`, async (t) => {
      await using cloud = await ScriptedCloud.start();
      cloud.on(login, { status, headers: { location } });
      const error = failure(await runProject(cloud));
      t.is(error.redirect, shown);
      t.true(error.message.includes(`answered ${status} (a redirect to ${shown}, which is not followed`));
      t.notRegex(error.message, /secret/);
      t.is(cloud.received.length, 1);
    });

test('a login is not sent again within the same host either', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(login, { status: 308, headers: { location: '/identity/v3/auth/tokens' } });
  t.is(failure(await runProject(cloud)).redirect, `${cloud.url}/identity/v3/auth/tokens`);
  t.is(cloud.received.length, 1);
});

test('a GET is followed to the same origin, with its token, and to no other', async (t) => {
  await using cloud = await ScriptedCloud.start();
  await using other = await ScriptedCloud.start();
  cloud.on('GET /v2.1/servers/detail', { status: 301, headers: { location: '/nova/v2.1/servers/detail' } });
  cloud.on('GET /nova/v2.1/servers/detail', { body: { servers: [] } });
  t.is(listed(await runProject(cloud)).observations.length, 0);
  t.is(cloud.to('GET /nova/v2.1/servers/detail')[0]?.headers['x-auth-token'], 'token-1');
  cloud.on('GET /nova/v2.1/servers/detail', { status: 302, headers: { location: `${other.url}/x` } });
  t.is(failure(await runProject(cloud)).redirect, `${other.url}/x`);
  t.is(other.received.length, 0);
});

test('redirects in a circle end', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v2.1/servers/detail', { status: 302, headers: { location: '/a' } });
  cloud.on('GET /a', { status: 302, headers: { location: '/v2.1/servers/detail' } });
  t.is(failure(await runProject(cloud)).code, 'unexpected-status');
  t.true(cloud.received.length < 8);
});
