import test from 'ava';
import { listed, runProject } from '../../fixtures/clouds/health-job.ts';
import { novaServer, ScriptedCloud } from '../../fixtures/clouds/scripted-cloud.ts';

const list = 'GET /v2.1/servers/detail';
const later = { date: 'Thu, 01 Jan 2026 12:00:00 GMT' };

/** Two pages; `first` and `second` are the servers of each. */
function serve(cloud: ScriptedCloud, first: readonly unknown[], second: readonly unknown[]): void {
  const links = [{ rel: 'next', href: '?marker=a' }];
  cloud.on(
    list,
    { headers: later, body: { servers: first, servers_links: links } },
    { headers: later, body: { servers: second } },
  );
}

test('a complete list that is as it was is not reported again, but where to go on from is', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { pages, observations } = listed(await runProject(cloud));
  t.is(observations.length, 2);
  t.like(pages, [{ next: null, records: 2, unchanged: false, observations: 2 }]);
  t.truthy(pages[0]?.digest);
  cloud.on(list, { headers: later, body: { servers: [novaServer('a'), novaServer('b')] } });
  t.deepEqual(listed(await runProject(cloud, { knownPages: pages })), {
    ok: true,
    complete: true,
    pages: pages.map((page) => ({ ...page, unchanged: true, observations: 0 })),
    observations: [],
    malformed: [],
    watermark: '2026-01-01T11:59:29Z',
  });
});

test('a page with the smallest difference is reported as a whole', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { pages } = listed(await runProject(cloud));
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b', { status: 'SHUTOFF' })] } });
  const changed = listed(await runProject(cloud, { knownPages: pages }));
  t.is(changed.observations.length, 2);
  t.like(changed.pages, [{ unchanged: false, observations: 2 }]);
  t.not(changed.pages[0]?.digest, pages[0]?.digest);
});

test('of several pages only those are reported again that are not as they were', async (t) => {
  await using cloud = await ScriptedCloud.start();
  serve(cloud, [novaServer('a')], [novaServer('b'), novaServer('c')]);
  const { pages } = listed(await runProject(cloud));
  t.like(pages, [
    { next: '?marker=a', records: 1, observations: 1 },
    { next: null, records: 2, observations: 2 },
  ]);
  serve(cloud, [novaServer('a')], [novaServer('b'), novaServer('c')]);
  const again = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(again.observations, []);
  t.deepEqual(
    again.pages.map(({ unchanged }) => unchanged),
    [true, true],
  );
  serve(cloud, [novaServer('a')], [novaServer('b', { status: 'SHUTOFF' })]);
  const second = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(
    second.observations.map(({ providerId }) => providerId),
    ['b'],
  );
  t.deepEqual(
    second.pages.map(({ unchanged }) => unchanged),
    [true, false],
  );
  serve(cloud, [novaServer('d')], [novaServer('b'), novaServer('c')]);
  const first = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(
    first.observations.map(({ providerId }) => providerId),
    ['d'],
  );
  t.like(first.pages, [{ unchanged: false }, { unchanged: true }]);
});

test('a list that has become shorter ends where it ends', async (t) => {
  await using cloud = await ScriptedCloud.start();
  serve(cloud, [novaServer('a')], [novaServer('b')]);
  const { pages } = listed(await runProject(cloud));
  cloud.on(list, { body: { servers: [novaServer('a')] } });
  const shorter = listed(await runProject(cloud, { knownPages: pages }));
  t.like(shorter.pages, [{ unchanged: false, observations: 1, next: null }]);
  t.is(shorter.pages.length, 1);
});

test('a list that has become longer is followed to its end', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a')] } });
  const { pages } = listed(await runProject(cloud));
  serve(cloud, [novaServer('a')], [novaServer('b')]);
  const longer = listed(await runProject(cloud, { knownPages: pages }));
  t.is(longer.observations.length, 2);
  t.is(longer.pages.length, 2);
});

test('a cloud that answers each page with the first is found out, although that is as it was', async (t) => {
  await using cloud = await ScriptedCloud.start();
  serve(cloud, [novaServer('a')], [novaServer('b')]);
  const { pages } = listed(await runProject(cloud));
  const links = [{ rel: 'next', href: '?marker=a' }];
  cloud.on(list, { body: { servers: [novaServer('a')], servers_links: links } });
  const { outcome } = await runProject(cloud, { knownPages: pages });
  t.like(outcome, { ok: false, error: { code: 'invalid-response' } });
});

const uncertain: [what: string, servers: readonly unknown[]][] = [
  ['a record that cannot be read', [novaServer('a'), { id: 'b', name: 7 }]],
  ['a server of a cell that is down', [novaServer('a'), { id: 'b', status: 'UNKNOWN' }]],
  ['a server whose fault could not be fetched', [novaServer('a', { status: 'ERROR' })]],
];

for (const [what, servers] of uncertain) {
  test(`a page with ${what} is read each time`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, { body: { servers } });
    cloud.on('GET /v2.1/servers/a', { status: 500 });
    t.like(listed(await runProject(cloud)).pages, [{ digest: null, unchanged: false }]);
  });
}

test('a list of changes has no pages that could be known', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [] } });
  const changesSince = '2026-01-01T00:00:00Z';
  t.deepEqual(listed(await runProject(cloud, { changesSince })).pages, []);
});
