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

/** Provider ids of what is reported. */
function reported({ observations }: ReturnType<typeof listed>): readonly string[] {
  return observations.map(({ providerId }) => providerId);
}

test('a complete list that is as it was is not reported again, but where to go on from is', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { pages, observations } = listed(await runProject(cloud));
  t.is(observations.length, 2);
  t.like(pages, [{ next: null, records: 2, unchanged: false, places: [null, null] }]);
  t.truthy(pages[0]?.digest);
  cloud.on(list, { headers: later, body: { servers: [novaServer('a'), novaServer('b')] } });
  const again = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(again, {
    ok: true,
    complete: true,
    pages: pages.map((page) => ({ ...page, unchanged: true, serverDigests: [], places: [] })),
    observations: [],
    malformed: [],
    watermark: again.watermark,
  });
  // Further back by as long as the answer was waited for.
  const watermarkMs = Date.parse(again.watermark ?? '');
  t.true(
    watermarkMs < Date.parse('2026-01-01T11:59:30Z') && watermarkMs > Date.parse('2026-01-01T11:59:00Z'),
  );
});

test('of a page with a difference, only the servers are reported that differ', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { pages } = listed(await runProject(cloud));
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b', { status: 'SHUTOFF' })] } });
  const changed = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(reported(changed), ['b']);
  t.like(changed.pages, [{ unchanged: false, records: 2, places: [0, null] }]);
  t.not(changed.pages[0]?.digest, pages[0]?.digest);
  t.deepEqual(
    changed.pages[0]?.serverDigests.map((digest, index) => digest === pages[0]?.serverDigests[index]),
    [true, false],
  );
});

test('servers that moved to another page, as another was deleted, are not reported again', async (t) => {
  await using cloud = await ScriptedCloud.start();
  serve(cloud, [novaServer('a'), novaServer('b')], [novaServer('c'), novaServer('d')]);
  const { pages } = listed(await runProject(cloud));
  serve(cloud, [novaServer('b'), novaServer('c')], [novaServer('d'), novaServer('e')]);
  const moved = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(reported(moved), ['e']);
  t.like(moved.pages, [{ places: [1, 2] }, { places: [3, null] }]);
});

test('a server that has changed since is reported, although its record is as it was', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a'), novaServer('b')] } });
  const { pages } = listed(await runProject(cloud));
  const knownPages = pages.map((page) => ({
    ...page,
    digest: null,
    serverDigests: page.serverDigests.with(0, 0),
  }));
  t.deepEqual(reported(listed(await runProject(cloud, { knownPages }))), ['a']);
});

test('of several pages only those are reported again that are not as they were', async (t) => {
  await using cloud = await ScriptedCloud.start();
  serve(cloud, [novaServer('a')], [novaServer('b'), novaServer('c')]);
  const { pages } = listed(await runProject(cloud));
  t.like(pages, [
    { next: '?marker=a', records: 1, places: [null] },
    { next: null, records: 2, places: [null, null] },
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
  t.deepEqual(reported(second), ['b']);
  t.deepEqual(
    second.pages.map(({ unchanged }) => unchanged),
    [true, false],
  );
  serve(cloud, [novaServer('d')], [novaServer('b'), novaServer('c')]);
  const first = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(reported(first), ['d']);
  t.like(first.pages, [{ unchanged: false }, { unchanged: true }]);
});

test('a list that has become shorter ends where it ends', async (t) => {
  await using cloud = await ScriptedCloud.start();
  serve(cloud, [novaServer('a')], [novaServer('b')]);
  const { pages } = listed(await runProject(cloud));
  cloud.on(list, { body: { servers: [novaServer('a')] } });
  const shorter = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(reported(shorter), []);
  t.like(shorter.pages, [{ unchanged: false, places: [0], next: null }]);
  t.is(shorter.pages.length, 1);
});

test('a list that has become longer is followed to its end', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [novaServer('a')] } });
  const { pages } = listed(await runProject(cloud));
  serve(cloud, [novaServer('a')], [novaServer('b')]);
  const longer = listed(await runProject(cloud, { knownPages: pages }));
  t.deepEqual(reported(longer), ['b']);
  t.like(longer.pages, [{ places: [0] }, { places: [null] }]);
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

const uncertain: [what: string, servers: readonly unknown[], uncertainId: string][] = [
  ['a record that cannot be read', [novaServer('a'), { id: 'b', name: 7 }], 'b'],
  ['a server of a cell that is down', [novaServer('a'), { id: 'b', status: 'UNKNOWN' }], 'b'],
  ['a server whose fault could not be fetched', [novaServer('a', { status: 'ERROR' }), novaServer('b')], 'a'],
];

for (const [what, servers, uncertainId] of uncertain) {
  test(`a page with ${what} is read each time`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, { body: { servers } });
    cloud.on('GET /v2.1/servers/a', { status: 500 });
    const { pages } = listed(await runProject(cloud));
    t.like(pages, [{ digest: null, unchanged: false }]);
    const again = listed(await runProject(cloud, { knownPages: pages }));
    t.deepEqual(
      [...reported(again), ...again.malformed.map(({ providerId }) => providerId)],
      [uncertainId],
      'what is certain of it is not',
    );
  });
}

test('a list of changes has no pages that could be known', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { body: { servers: [] } });
  const changesSince = '2026-01-01T00:00:00Z';
  t.deepEqual(listed(await runProject(cloud, { changesSince })).pages, []);
});
