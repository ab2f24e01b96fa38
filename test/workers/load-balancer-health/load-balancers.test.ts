// How a list of load balancers is read page by page, and when it is given up.

import test from 'ava';
import { type CheckError, CheckFailure, toCheckError } from '../../../src/shared/errors.ts';
import { listLoadBalancers } from '../../../src/workers/load-balancer-health/load-balancers.ts';
import { type ServiceScript, scriptedService } from '../../fixtures/clouds/scripted-service.ts';

const projectId = 'project-1';
const next = [{ rel: 'next', href: 'http://inside/v2.0/lbaas/loadbalancers?marker=theirs' }];

function record(id: string, changes: object = {}): object {
  return { id, name: `name-of-${id}`, provisioning_status: 'ACTIVE', operating_status: 'ONLINE', ...changes };
}

function page(records: readonly unknown[], links: readonly object[] = []) {
  return { json: { loadbalancers: records, loadbalancers_links: links } };
}

function failed(error: Partial<CheckError>): CheckFailure {
  return new CheckFailure({ code: 'unexpected-status', message: 'it failed', ...error });
}

async function failureOf(script: ServiceScript): Promise<{ thrown: unknown; requests: number }> {
  const { service, asked } = scriptedService(...script);
  const thrown = await listLoadBalancers(service, { projectId }).then(
    () => null,
    (reason: unknown) => reason,
  );
  return { thrown, requests: asked.length };
}

const fields = 'fields=id&fields=name&fields=provisioning_status&fields=operating_status';
const first = `/lbaas/loadbalancers?project_id=project-1&limit=1000&${fields}`;

test('each page is asked for by a query of our own, after the last record of the one before', async (t) => {
  const { service, asked } = scriptedService(
    page([record('a'), record('b')], next),
    page([{ id: 'c' }], next),
    page([]),
  );
  const list = await listLoadBalancers(service, { projectId });
  t.deepEqual(
    asked.map(({ path, knownDigest }) => [path, knownDigest]),
    [
      [first, ''],
      [`${first}&marker=b`, undefined],
      [`${first}&marker=c`, undefined],
    ],
  );
  t.true(asked.every(({ route }) => route === 'GET /lbaas/loadbalancers'));
  t.deepEqual(
    list.observations.map(({ providerId }) => providerId),
    ['a', 'b'],
  );
  t.is(list.malformed.length, 1);
  t.false(list.unchanged);
  t.is(list.digest, null, 'a digest is of one page only');
});

test('where a record has no id, its place in the list is said', async (t) => {
  const { service } = scriptedService(page([record('a')], next), page([record('b'), {}]));
  const { malformed } = await listLoadBalancers(service, { projectId });
  t.regex(String(malformed[0]?.error.message), /^load balancer at index 1 of page 2 /);
});

test('a list of one page is known by its digest, and as it was it is not read', async (t) => {
  const { service, asked } = scriptedService(page([record('a')], [{ rel: 'previous', href: '?' }]), {
    unchanged: 'digest of 1',
  });
  const { digest } = await listLoadBalancers(service, { projectId });
  t.is(digest, 'digest of 1');
  const again = await listLoadBalancers(service, { projectId, knownDigest: 'digest of 1' });
  t.deepEqual(again, { observations: [], malformed: [], digest, unchanged: true });
  t.is(asked[1]?.knownDigest, 'digest of 1');
});

const endless: [why: string, script: ServiceScript, requests: number, says: RegExp][] = [
  [
    'the last record has no id',
    [page([record('a'), { name: 'x' }], next)],
    1,
    /last record of a page has no id/,
  ],
  ['pages end alike', [page([record('a')], next)], 2, /a page ends as one before it/],
  [
    'each page has a next one',
    [(asked) => page([record(`${asked}`)], next)],
    1_000,
    /there are more than 1000 pages/,
  ],
];

for (const [why, script, requests, says] of endless)
  test(`a list does not end: ${why}`, async (t) => {
    const failure = await failureOf(script);
    const { code, message } = toCheckError(failure.thrown);
    t.is(code, 'invalid-response');
    t.true(message.startsWith('GET /lbaas/loadbalancers does not end: '), message);
    t.regex(message, says);
    t.is(failure.requests, requests);
  });

test('a list may have a thousand pages', async (t) => {
  const { service } = scriptedService((asked) => page([record(`${asked}`)], asked === 1_000 ? [] : next));
  t.is((await listLoadBalancers(service, { projectId })).observations.length, 1_000);
});

for (const status of [400, 404])
  test(`a load balancer that a page begins after is gone (${status}): the list is read again, twice at most`, async (t) => {
    const lost = failed({ status });
    const { service } = scriptedService(
      page([record('a')], next),
      lost,
      page([record('b')], next),
      page([record('c')]),
    );
    const { observations } = await listLoadBalancers(service, { projectId });
    t.deepEqual(
      observations.map(({ providerId }) => providerId),
      ['b', 'c'],
    );
    const failure = await failureOf([(asked) => (asked % 2 === 1 ? page([record('a')], next) : lost)]);
    t.deepEqual(toCheckError(failure.thrown), lost.error);
    t.is(failure.requests, 6);
  });

for (const thrown of [failed({ status: 403 }), failed({ code: 'unreachable' }), new Error('a defect')])
  test(`a later page that fails is the failure of the list: ${JSON.stringify(toCheckError(thrown))}`, async (t) => {
    const failure = await failureOf([page([record('a')], next), thrown]);
    t.is(failure.thrown, thrown);
    t.is(failure.requests, 2);
  });

test('a first page that is refused is not asked for again', async (t) => {
  const refused = failed({ status: 404 });
  const failure = await failureOf([refused]);
  t.is(failure.thrown, refused);
  t.is(failure.requests, 1);
});
