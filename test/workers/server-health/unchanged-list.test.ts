import test from 'ava';
import { listed, runProject } from '../../fixtures/clouds/health-job.ts';
import { novaServer, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const list = 'GET /v2.1/servers/detail';
const later = { date: 'Thu, 01 Jan 2026 12:00:00 GMT' };

test('a complete list that is as it was is not reported again, but where to go on from is', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { digest, observations, unchanged } = listed(await runProject(cloud));
  t.false(unchanged);
  t.is(observations.length, 2);
  t.truthy(digest);
  cloud.on(list, { headers: later, body: { servers: [novaServer('a'), novaServer('b')] } });
  t.like(listed(await runProject(cloud, { knownDigest: digest ?? '' })), {
    complete: true,
    unchanged: true,
    digest,
    observations: [],
    malformed: [],
    watermark: '2026-01-01T11:59:29Z',
  });
});

test('a complete list with the smallest difference is reported as a whole', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { digest } = listed(await runProject(cloud));
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b', { status: 'SHUTOFF' })] } });
  const changed = listed(await runProject(cloud, { knownDigest: digest ?? '' }));
  t.false(changed.unchanged);
  t.is(changed.observations.length, 2);
  t.not(changed.digest, digest);
});

const uncertain: [what: string, servers: readonly unknown[]][] = [
  ['a record that cannot be read', [novaServer('a'), { id: 'b', name: 7 }]],
  ['a server of a cell that is down', [novaServer('a'), { id: 'b', status: 'UNKNOWN' }]],
  ['a server whose fault could not be fetched', [novaServer('a', { status: 'ERROR' })]],
];

for (const [what, servers] of uncertain) {
  test(`a list with ${what} is read each time`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, { body: { servers } });
    cloud.on('GET /v2.1/servers/a', { status: 500 });
    t.is(listed(await runProject(cloud)).digest, null);
  });
}

test('a list of several pages is read each time: its first page says nothing of the others', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const links = [{ rel: 'next', href: '?marker=a' }];
  cloud.on(
    list,
    { body: { servers: [novaServer('a')], servers_links: links } },
    { body: { servers: [novaServer('b')] } },
  );
  const { digest, observations } = listed(await runProject(cloud));
  t.is(observations.length, 2);
  t.is(digest, null);
});

test('a list of changes has no digest', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [] } });
  const changesSince = '2026-01-01T00:00:00Z';
  t.like(listed(await runProject(cloud, { changesSince })), { digest: null, unchanged: false });
});
