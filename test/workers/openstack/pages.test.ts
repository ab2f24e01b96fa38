import test from 'ava';
import { type CheckError, CheckFailure } from '../../../src/shared/errors.ts';
import type { KnownPage } from '../../../src/shared/server-health.ts';
import { type PageReader, readPages } from '../../../src/workers/openstack/pages.ts';
import { type ServiceScript, scriptedService } from '../../fixtures/clouds/scripted-service.ts';

interface PageJson {
  readonly ids: readonly (string | null)[];
  readonly next: string | null;
}

const page = (ids: PageJson['ids'], next: string | null = null) => ({ json: { ids, next } });
const list = { path: '/things', query: '?limit=2' };

function failed(error: Partial<CheckError>): CheckFailure {
  return new CheckFailure({ code: 'unexpected-status', message: 'it failed', ...error });
}

/** Readings of a list, each with the numbers of the pages that were read. */
function readings() {
  const read: number[][] = [];
  const begin = (): PageReader => {
    const numbers: number[] = [];
    read.push(numbers);
    return (json, pageNumber) => {
      numbers.push(pageNumber);
      if (!isPage(json)) throw new Error('only what is scripted is read');
      return json;
    };
  };
  return { read, begin };
}

function isPage(json: unknown): json is PageJson {
  return typeof json === 'object' && json !== null && 'ids' in json;
}

async function failureOf(
  steps: ServiceScript,
): Promise<{ readonly error: unknown; readonly requests: number; readonly readings: number }> {
  const { service, asked } = scriptedService(...steps);
  const { begin, read } = readings();
  const error = await readPages(service, list, begin).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { error, requests: asked.length, readings: read.length };
}

function errorOf(thrown: unknown): CheckError {
  if (thrown instanceof CheckFailure) return thrown.error;
  throw new Error('it is not a failure of a check', { cause: thrown });
}

test('each page is asked for by the query of the link to it, and read once, in order', async (t) => {
  const { service, asked } = scriptedService(
    page(['a', 'b'], 'http://inside:8774/v2/things?marker=b'),
    page(['c'], '?marker=c'),
    page([]),
  );
  const { begin, read } = readings();
  const { first, pages } = await readPages(service, list, begin);
  t.deepEqual(
    asked.map(({ path, route, knownDigest }) => [path, route, knownDigest]),
    [
      ['/things?limit=2', 'GET /things', undefined],
      ['/things?marker=b', 'GET /things', undefined],
      ['/things?marker=c', 'GET /things', undefined],
    ],
  );
  t.deepEqual(read, [[1, 2, 3]]);
  t.deepEqual(first, { dateMs: 1, waitedMs: 10 });
  t.deepEqual(pages, [
    { digest: 'digest of 1', next: '?marker=b', records: 2, unchanged: false },
    { digest: 'digest of 2', next: '?marker=c', records: 1, unchanged: false },
    { digest: 'digest of 3', next: null, records: 0, unchanged: false },
  ]);
});

test('a list may have a route of its own, and says which records are known', async (t) => {
  const { service, asked } = scriptedService(page([]));
  const records = { field: 'things', known: new Map([[7, 0]]) };
  await readPages(service, { ...list, route: 'GET /v1/things', records }, readings().begin);
  t.like(asked, [{ route: 'GET /v1/things', records }]);
});

const known = (digest: string | null, next: string | null): KnownPage => ({
  digest,
  next,
  records: 3,
  serverDigests: [1, 2, 3],
});

test('a page that is as it was is not read: what is known of it says what follows', async (t) => {
  const knownPages = [known('one', '?marker=1'), known(null, '?marker=2'), known('three', null)];
  const { service, asked } = scriptedService({ unchanged: 'one' }, page(['d'], '?marker=2b'), {
    unchanged: 'three',
  });
  const { begin, read } = readings();
  const { pages } = await readPages(service, { ...list, knownPages }, begin);
  t.deepEqual(
    asked.map(({ path, knownDigest }) => [path, knownDigest]),
    [
      ['/things?limit=2', 'one'],
      ['/things?marker=1', ''],
      ['/things?marker=2b', 'three'],
    ],
  );
  t.deepEqual(read, [[2]]);
  t.deepEqual(pages, [
    { digest: 'one', next: '?marker=1', records: 3, unchanged: true },
    { digest: 'digest of 2', next: '?marker=2b', records: 1, unchanged: false },
    { digest: 'three', next: null, records: 3, unchanged: true },
  ]);
});

test('of pages beyond those that are known, the digest is asked for', async (t) => {
  const { service, asked } = scriptedService(page(['a'], '?marker=a'), page(['b']));
  await readPages(service, { ...list, knownPages: [] }, readings().begin);
  t.deepEqual(
    asked.map(({ knownDigest }) => knownDigest),
    ['', ''],
  );
});

const endless: [why: string, steps: ServiceScript, requests: number, says: RegExp][] = [
  ['a link leads to its own page', [page(['a'], list.query)], 1, /leads back to one already read/],
  [
    'a link leads to the page before',
    [page(['a'], '?marker=a'), page(['b'], '?marker=a')],
    2,
    /leads back to one already read/,
  ],
  [
    'a page has the records of one before, and a next one',
    [page(['a', 'b'], '?marker=b'), page(['b'], '?marker=c')],
    2,
    /brings nothing new/,
  ],
  ['a link has no query', [page(['a'], 'http://inside/things')], 1, /unusable/],
  ['a link is not a URL', [page(['a'], 'http://')], 1, /unusable/],
  [
    'each page has a next one',
    [(asked) => page([`${asked}`], `?marker=${asked}`)],
    1_000,
    /more than 1000 pages/,
  ],
];

for (const [why, steps, requests, says] of endless)
  test(`a list does not end: ${why}`, async (t) => {
    const failure = await failureOf(steps);
    const { code, message } = errorOf(failure.error);
    t.is(code, 'invalid-response');
    t.regex(message, says);
    t.true(message.startsWith('GET /things does not end: '));
    t.is(failure.requests, requests);
  });

test('a list may have a thousand pages, and one new record a page', async (t) => {
  const { service, asked } = scriptedService((asked) =>
    page([`${asked}`, 'first'], asked === 1_000 ? null : `?marker=${asked}`),
  );
  const { pages } = await readPages(service, list, readings().begin);
  t.is(pages.length, 1_000);
  t.is(asked.length, 1_000);
});

test('a page without records is the last one, whatever its link says', async (t) => {
  for (const link of ['?marker=a', 'http://']) {
    const { service, asked } = scriptedService(page(['a'], '?marker=a'), page([], link));
    const { pages } = await readPages(service, list, readings().begin);
    t.is(pages.at(-1)?.next, null);
    t.is(asked.length, 2);
  }
});

test('records without an id may be new ones', async (t) => {
  const { service } = scriptedService(page([null], '?marker=1'), page([null], '?marker=2'), page([]));
  t.is((await readPages(service, list, readings().begin)).pages.length, 3);
});

test('a page that is as it was counts as one that brings something new', async (t) => {
  const knownPages = [known('one', '?marker=1')];
  const { service } = scriptedService({ unchanged: 'one' }, page([]));
  t.is((await readPages(service, { ...list, knownPages }, readings().begin)).pages.length, 2);
});

test('a list may have a hundred thousand records, and no more', async (t) => {
  const [a, b] = ['a', 'b'].map((name) => Array.from({ length: 50_000 }, (_, index) => `${name}-${index}`));
  const halves = [page(a ?? [], '?marker=1'), page(b ?? [], '?marker=2')];
  const { service } = scriptedService(...halves, page([]));
  t.is((await readPages(service, list, readings().begin)).pages.length, 3);
  t.deepEqual(errorOf((await failureOf([...halves, page(['c'])])).error), {
    code: 'response-too-large',
    message: 'GET /things lists more than the 100000 records that we accept: divide the project',
  });
});

for (const status of [400, 404])
  test(`a later page is refused with ${status}: the list is read again from its first page, twice at most`, async (t) => {
    const lost = failed({ status });
    const { service, asked } = scriptedService(
      page(['a'], '?marker=a'),
      lost,
      page(['b'], '?marker=a'),
      page(['c']),
    );
    const { begin, read } = readings();
    const { first, pages } = await readPages(service, list, begin);
    t.deepEqual(read, [[1], [1, 2]]);
    t.is(first.dateMs, 3);
    t.is(pages.length, 2);
    t.is(asked.length, 4);
    const failure = await failureOf([(asked) => (asked % 2 === 1 ? page(['a'], '?marker=a') : lost)]);
    t.deepEqual(errorOf(failure.error), lost.error);
    t.is(failure.requests, 6);
    t.is(failure.readings, 3);
  });

const lasting: readonly [what: string, thrown: Error][] = [
  ['another status', failed({ status: 403 })],
  ['no status', failed({ code: 'unreachable' })],
  ['a defect', new Error('a defect')],
];

for (const [what, thrown] of lasting)
  test(`a later page fails with ${what}: that is the failure of the list`, async (t) => {
    const failure = await failureOf([page(['a'], '?marker=a'), thrown]);
    t.is(failure.error, thrown);
    t.is(failure.requests, 2);
  });

test('a first page that is refused is not asked for again', async (t) => {
  const refused = failed({ status: 404 });
  const failure = await failureOf([refused]);
  t.is(failure.error, refused);
  t.is(failure.requests, 1);
});

test('a list that takes too long says how much of it was read', async (t) => {
  const late = failed({ code: 'timeout', overtime: { pagesRead: 0 } });
  t.is((await failureOf([late])).error, late, 'of nothing there is nothing to say');
  const one = page(['a', 'b'], '?marker=b');
  const two = page(['c'], '?marker=c');
  for (const [steps, pagesRead, read] of [
    [[one, late], 1, 'a page with 2'],
    [[one, two, late], 2, '2 pages with 3'],
  ] as const)
    t.deepEqual(errorOf((await failureOf([...steps])).error), {
      code: 'timeout',
      message:
        `GET /things was not read to its end: the check reached its deadline after ${read} records; ` +
        'raise --check-timeout and --poll-period',
      overtime: { pagesRead },
    });
});
