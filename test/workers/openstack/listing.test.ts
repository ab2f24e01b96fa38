import test from 'ava';
import { failure, healthJob, listed, runJob, runProject } from '../../fixtures/clouds/health-job.ts';
import {
  type Answer,
  novaServer,
  type Received,
  ScriptedCloud,
} from '../../fixtures/clouds/scripted-cloud.ts';

const list = 'GET /v2.1/servers/detail';

function page(servers: readonly unknown[], next?: string): Answer {
  const links = next === undefined ? {} : { servers_links: [{ rel: 'next', href: next }] };
  return { body: { servers, ...links } };
}

test('a complete list is asked for without any filter, not even a limit', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, page([novaServer('a'), novaServer('b')]));
  const { complete, malformed, observations } = listed(await runProject(cloud));
  t.true(complete);
  t.deepEqual(malformed, []);
  t.deepEqual(
    observations.map(({ providerId }) => providerId),
    ['a', 'b'],
  );
  t.is(cloud.to(list)[0]?.query, '');
});

test('pages are followed by their query alone, at our own URL', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(
    list,
    page([novaServer('a')], 'http://inside:8774/v2.1/servers/detail?marker=a'),
    page([novaServer('b')], '?marker=b'),
    page([]),
  );
  const { observations } = listed(await runProject(cloud));
  t.is(observations.length, 2);
  t.deepEqual(
    cloud.to(list).map(({ query }) => query),
    ['', '?marker=a', '?marker=b'],
  );
});

const endless: [name: string, answer: Answer | ((request: Received) => Answer)][] = [
  ['to itself', page([novaServer('a')], '?marker=a')],
  ['without a query', page([novaServer('a')], 'http://inside/v2.1/servers/detail')],
  ['that is no URL', page([novaServer('a')], 'http://')],
];

for (const [name, answer] of endless) {
  test(`a next link ${name} ends the list as invalid`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, answer);
    t.is(failure(await runProject(cloud)).code, 'invalid-response');
    t.true(cloud.to(list).length <= 2);
  });
}

test('ever new pages end at a thousand', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, () => page([novaServer(`${cloud.to(list).length}`)], `?marker=${cloud.to(list).length}`));
  t.is(failure(await runProject(cloud)).code, 'invalid-response');
  t.is(cloud.to(list).length, 1000);
});

test('ever new links to the servers that were there already end the list as invalid', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const servers = [novaServer('a'), novaServer('b', { name: 7 })];
  cloud.on(list, () => page(servers, `?marker=${cloud.to(list).length}`));
  t.is(failure(await runProject(cloud)).code, 'invalid-response');
  t.is(cloud.to(list).length, 2);
});

test('a page without servers ends the list, whatever its link says', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, page([novaServer('a')], '?marker=a'), page([], '?marker=a'));
  const { complete, observations } = listed(await runProject(cloud));
  t.true(complete);
  t.is(observations.length, 1);
  t.is(cloud.to(list).length, 2);
});

test('a page whose records cannot be told apart is no reason to end the list', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, page([null], '?marker=a'), page(['server'], '?marker=b'), page([novaServer('c')]));
  const { observations, malformed } = listed(await runProject(cloud));
  t.deepEqual([observations.length, malformed.length], [1, 2]);
});

test('changes: the time is escaped, deleted servers are told, the list is not complete', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(
    list,
    page([novaServer('a', { status: 'DELETED', 'OS-EXT-STS:power_state': 0 }), novaServer('b')]),
  );
  const { complete, observations } = listed(
    await runProject(cloud, { changesSince: '2026-01-01T00:00:00Z' }),
  );
  t.false(complete);
  t.deepEqual(
    observations.map(({ providerId, deleted }) => [providerId, deleted]),
    [
      ['a', true],
      ['b', false],
    ],
  );
  t.is(cloud.to(list)[0]?.query, '?changes-since=2026-01-01T00%3A00%3A00Z');
});

test('the watermark is of the first page, by the clock of the cloud, with an overlap', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(
    list,
    { ...page([novaServer('a')], '?marker=a'), headers: { date: 'Thu, 01 Jan 2026 12:00:00 GMT' } },
    { ...page([]), headers: { date: 'Thu, 01 Jan 2026 13:00:00 GMT' } },
  );
  const { watermark } = listed(await runProject(cloud));
  t.regex(watermark ?? '', /^2026-01-01T11:\d\d:\d\dZ$/);
  const overlapMs = Date.parse('2026-01-01T12:00:00Z') - Date.parse(watermark ?? '');
  t.true(overlapMs >= 30_000, `${overlapMs}`);
});

test('the watermark lies before the request, however long the cloud read before it wrote its Date', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, (_, response) => {
    setTimeout(() => {
      response.writeHead(200, { date: 'Thu, 01 Jan 2026 12:00:00 GMT' });
      response.end('{"servers": []}');
    }, 1500);
    return null;
  });
  const { watermark } = listed(await runProject(cloud));
  t.true(Date.parse(watermark ?? '') <= Date.parse('2026-01-01T11:59:28Z'), watermark ?? '');
});

test('a cloud whose clock was set back gives no watermark: the next list is complete', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const watermarkAt = async (date: string): Promise<string | null> => {
    cloud.on(list, { ...page([]), headers: { date } });
    return listed(await runProject(cloud, { changesSince: '2026-01-01T11:59:30Z' })).watermark;
  };
  t.is(await watermarkAt('Thu, 01 Jan 2026 11:50:00 GMT'), null);
  // Hosts of one cloud are a little apart, and answers take their time.
  t.not(await watermarkAt('Thu, 01 Jan 2026 11:59:45 GMT'), null);
  t.not(await watermarkAt('Thu, 01 Jan 2026 12:10:00 GMT'), null);
});

test('a cloud that tells no time gives no watermark', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, (_, response) => {
    response.sendDate = false;
    response.end('{"servers": []}');
    return null;
  });
  t.is(listed(await runProject(cloud)).watermark, null);
});

const oddities: [
  name: string,
  record: unknown,
  providerId: string | null,
  ownerId: string | null,
  says: RegExp,
][] = [
  ['no id', { name: 'x', status: 'ACTIVE' }, null, null, /index 1 of page 1.*id: /],
  ['an empty id', novaServer(''), null, null, /index 1 of page 1.*id: /],
  ['a number for a name', novaServer('bad', { name: 7 }), 'bad', null, /server bad .*name: .*number/],
  ['no name', novaServer('bad', { name: undefined }), 'bad', null, /server bad .*name/],
  [
    'text for a power state',
    novaServer('bad', { 'OS-EXT-STS:power_state': 'on', metadata: { serverID: 'owner-1' } }),
    'bad',
    'owner-1',
    /server bad .*OS-EXT-STS:power_state: .*string/,
  ],
  ['a status of parts', novaServer('bad', { status: {} }), 'bad', null, /server bad .*status/],
  ['metadata of parts', novaServer('bad', { metadata: { serverID: {} } }), 'bad', null, /metadata\.serverID/],
  ['null', null, null, null, /index 1 of page 1/],
  ['text', 'server', null, null, /index 1 of page 1/],
];

for (const [name, record, providerId, ownerId, says] of oddities) {
  test(`a malformed record (${name}) is named and the rest stands`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, page([novaServer('a'), record, novaServer('b')]));
    const { malformed, observations } = listed(await runProject(cloud));
    t.is(observations.length, 2);
    t.is(malformed.length, 1);
    t.like(malformed[0], { providerId, ownerId, error: { code: 'invalid-response' } });
    t.regex(malformed[0]?.error.message ?? '', says);
  });
}

test('a server in a cell that is down is listed as partial', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const partial = {
    id: 'a',
    status: 'UNKNOWN',
    tenant_id: 'project-1',
    created: '2026-01-01T00:00:00Z',
    links: [],
  };
  cloud.on(list, page([partial]));
  const { malformed, observations } = listed(await runProject(cloud));
  t.deepEqual(malformed, []);
  t.like(observations[0], { providerId: 'a', partial: true, phase: null, health: { status: 'Unknown' } });
});

test('fields that we do not read may be anything', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(
    list,
    page([novaServer('a', { flavor: 7, addresses: null, created: [], status: null, fault: null })]),
  );
  t.like(listed(await runProject(cloud)).observations[0], { providerId: 'a', health: { status: 'Unknown' } });
});

test('flavors: all pages, public ones only, sorted by name', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const flavors = 'GET /v2.1/flavors/detail';
  const open = { 'os-flavor-access:is_public': true };
  cloud.on(
    flavors,
    {
      body: {
        flavors: [
          { id: '1', name: 'small', ...open },
          { id: '2', name: 'secret', 'os-flavor-access:is_public': false },
        ],
        flavors_links: [{ rel: 'next', href: 'http://inside/flavors/detail?marker=2' }],
      },
    },
    { body: { flavors: [{ id: '3', name: 'large' }] } },
  );
  const job = healthJob(cloud, {
    projects: [],
    flavors: { credentials: { userId: 'u', password: 'p', projectId: 'project-1' } },
  });
  const result = await runJob(job);
  t.deepEqual(result.flavors?.outcome, {
    ok: true,
    flavors: [
      { id: '3', name: 'large' },
      { id: '1', name: 'small' },
    ],
  });
  t.is(result.flavors?.session?.token, 'token-1');
  t.deepEqual(
    cloud.to(flavors).map(({ query }) => query),
    ['', '?marker=2'],
  );
});

test('flavors that fail leave the projects alone', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on('GET /v2.1/flavors/detail', { status: 500 });
  const job = healthJob(cloud, {
    flavors: { credentials: { userId: 'u', password: 'p', projectId: 'project-1' } },
  });
  const { flavors, projects } = await runJob(job);
  t.like(flavors?.outcome, { ok: false, error: { code: 'server-error' } });
  t.true(projects[0]?.outcome.ok);
});

const markerGone: Answer = {
  status: 400,
  body: { badRequest: { code: 400, message: 'marker [b] not found' } },
};

test('the server that the next link names is deleted between two pages: the list is read again', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(
    list,
    page([novaServer('a'), novaServer('b')], '?marker=b'),
    markerGone,
    page([novaServer('a'), novaServer('c')], '?marker=c'),
    page([novaServer('d')]),
  );
  const { observations } = listed(await runProject(cloud));
  t.deepEqual(
    observations.map(({ providerId }) => providerId),
    ['a', 'c', 'd'],
    'nothing twice, and nothing of the list that was given up',
  );
  t.deepEqual(
    cloud.to(list).map(({ query }) => query),
    ['', '?marker=b', '', '?marker=c'],
  );
});

test('a list whose markers vanish again and again is given up', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const first = page([novaServer('a')], '?marker=a');
  cloud.on(list, first, markerGone, first, markerGone, first, markerGone);
  const { code, message } = failure(await runProject(cloud));
  t.is(code, 'unexpected-status');
  t.regex(message, /marker \[b\] not found/);
  t.is(cloud.to(list).length, 6);
});

test('a first page that is refused is not asked for again', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, markerGone);
  t.is(failure(await runProject(cloud)).code, 'unexpected-status');
  t.is(cloud.to(list).length, 1);
});

test('a server that was deleted softly is gone: lists of changes show it, complete lists do not', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, page([novaServer('a', { status: 'SOFT_DELETED' }), novaServer('b')]));
  const since = '2026-01-01T00:00:00Z';
  const { observations } = listed(await runProject(cloud, { changesSince: since }));
  t.deepEqual(
    observations.map(({ providerId, deleted }) => [providerId, deleted]),
    [
      ['a', true],
      ['b', false],
    ],
  );
});

test('changes come first where everything is asked for too, and stay when that cannot be read', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const both = { changesSince: '2026-01-01T00:00:00Z', alsoComplete: true, pageSize: 250 };
  cloud.on(list, page([novaServer('a')]), page([novaServer('a'), novaServer('b')]));
  const whole = listed(await runProject(cloud, both));
  t.true(whole.complete);
  t.is(whole.observations.length, 2);
  t.deepEqual(
    cloud.to(list).map(({ query }) => query),
    ['?changes-since=2026-01-01T00%3A00%3A00Z', '?limit=250'],
  );
  cloud.on(list, page([novaServer('a')]), { status: 500, body: {} });
  const changes = listed(await runProject(cloud, both));
  t.false(changes.complete);
  t.is(changes.observations.length, 1);
  t.is(changes.completeError?.code, 'server-error');
});

test('of texts that no server has, only the beginning is kept', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const name = 'n'.repeat(10_000);
  cloud.on(list, page([novaServer('a', { name, status: name, metadata: { serverID: name } })]));
  const [observation] = listed(await runProject(cloud)).observations;
  t.true(JSON.stringify(observation).length < 2_000);
  t.is(observation?.name, name.slice(0, 256));
});

test('a link to the next page that is longer than any link is refused', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const next = `http://compute/servers/detail?marker=${'m'.repeat(100_000)}`;
  cloud.on(list, { body: { servers: [novaServer('a')], servers_links: [{ rel: 'next', href: next }] } });
  t.is(failure(await runProject(cloud)).code, 'invalid-response');
});

test('a list of more servers than can be kept is given up', async (t) => {
  await using cloud = await ScriptedCloud.start();
  const pages = Array.from({ length: 6 }, (_, number) => ({
    body: {
      servers: Array.from({ length: 20_000 }, (__, index) => ({ id: `${number}-${index}` })),
      servers_links: [{ rel: 'next', href: `http://compute/servers/detail?marker=${number}` }],
    },
  }));
  cloud.on(list, ...pages);
  const { code, message } = failure(await runProject(cloud));
  t.is(code, 'response-too-large');
  t.regex(message, /lists more than the 100000 records/);
  t.is(cloud.to(list).length, 6);
});

for (const [what, body, says] of [
  ['nested', '['.repeat(200_000), /200000 bytes that hold more than 64 values within each other/],
  ['of many values', `[${'{},'.repeat(200_000)}{}]`, /bytes that hold more than \d+ values/],
] as const)
  test(`a list that is ${what} is refused before it is parsed`, async (t) => {
    await using cloud = await ScriptedCloud.start();
    cloud.on(list, { body });
    const { code, message } = failure(await runProject(cloud));
    t.is(code, 'invalid-response');
    t.regex(message, says);
  });

test('the status of an error counts, however long the error is', async (t) => {
  await using cloud = await ScriptedCloud.start();
  cloud.on(list, { status: 403, body: { forbidden: { message: 'x'.repeat(1_000_000) } } });
  t.is(failure(await runProject(cloud)).code, 'forbidden');
});
