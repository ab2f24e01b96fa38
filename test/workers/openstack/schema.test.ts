import test from 'ava';
import * as v from 'valibot';
import {
  describe,
  hasNext,
  readEndpoints,
  readFault,
  readFlavorPage,
  readNodePage,
  readServerPage,
  readServiceTypes,
  readToken,
  readVersions,
  shortText,
} from '../../../src/workers/openstack/schema.ts';

const server = (id: string, fields: object = {}) => ({
  id,
  name: `name-of-${id}`,
  status: 'ACTIVE',
  ...fields,
});
const next = [
  { rel: 'previous', href: '?marker=0' },
  { rel: 'next', href: '?marker=1' },
];

const publicEndpoint = (url: unknown) => ({ interface: 'public', region: 'north', url });
const ids = (json: unknown) => readVersions(json).map(({ id }) => id);
const read = (record: unknown) => readServerPage({ servers: [record] }, 1);

function said(schema: v.GenericSchema, value: unknown): string | null {
  const { issues } = v.safeParse(schema, value);
  return issues === undefined ? null : describe(issues);
}

test('what is read is of the documented shape, or says what is not', (t) => {
  const wrong: readonly [read: (json: unknown) => unknown, json: unknown, says: string][] = [
    [readToken, { token: { expires_at: 7 } }, 'the token … token.expires_at: expected string, got number'],
    [readToken, {}, 'the token … token: expected "token", got undefined'],
    [readFault, { server: null }, 'the server … server: expected Object, got null'],
    [readFlavorPage, { flavors: {} }, 'the list of flavors … flavors: expected Array, got object'],
    [readNodePage, { nodes: 7 }, 'the list of nodes … nodes: expected Array, got number'],
    [
      (json) => readServerPage(json, 1),
      { servers: [], servers_links: [7] },
      'the list of servers … servers_links.0: expected Object, got number',
    ],
  ];
  for (const [readIt, json, says] of wrong)
    t.throws(() => readIt(json), { message: says.replace(' … ', ' is not of the documented shape: ') });
  t.throws(() => readVersions([]), { message: /^the list of API versions is not of the documented shape/ });
});

test('of a value, only its type is said', (t) => {
  t.is(said(v.string(), null), 'the record: expected string, got null');
  t.is(said(v.string(), ['secret']), 'the record: expected string, got array');
  t.is(said(v.string(), { secret: true }), 'the record: expected string, got object');
  t.is(said(v.object({ a: v.number() }), { a: 'secret' }), 'a: expected number, got string');
});

test('a text that is too long is cut', (t) => {
  for (const length of [0, 1_023, 1_024, 1_025, 100_000])
    t.is(v.parse(shortText, 'x'.repeat(length)).length, Math.min(length, 1_024));
});

test('of a catalog, the entries of a type are read that can be', (t) => {
  const catalog = [
    'odd',
    { type: 'odd' },
    { type: 'compute', endpoints: [7, publicEndpoint(null), publicEndpoint('http://a')] },
    { type: 'network', endpoints: [publicEndpoint('http://n')] },
    { type: 'compute', endpoints: [publicEndpoint('http://b')] },
  ];
  const urls = (type: string) => readEndpoints(catalog, type).map(({ url }) => url);
  t.deepEqual(urls('compute'), ['http://a', 'http://b']);
  t.deepEqual(urls('network'), ['http://n']);
  t.deepEqual(urls('image'), []);
  t.deepEqual(readServiceTypes(catalog), ['compute', 'network']);
});

test('versions are listed, or one alone, and those that can be read count', (t) => {
  t.deepEqual(ids({ versions: [{ id: 'v2.0' }, 7, { id: 'v2.1', version: '2.96' }] }), ['v2.0', 'v2.1']);
  t.deepEqual(ids({ version: { id: 'v2.1' } }), ['v2.1']);
  t.deepEqual(ids({ version: null }), []);
});

test('a page of servers: those that are not known, in order, and what cannot be read', (t) => {
  const odd = { id: 'odd', metadata: { serverID: 'owner' }, status: 'ACTIVE' };
  const page = readServerPage({ servers: [server('a'), null, odd, {}, null], servers_links: next }, 3, [
    { digest: 1, place: null },
    { digest: 2, place: 7 },
    { digest: 3, place: null },
    { digest: 4, place: null },
  ]);
  t.deepEqual(
    page.servers.map(({ id }) => id),
    ['a'],
  );
  t.deepEqual(page.listed, [
    { digest: 1, place: null },
    { digest: 2, place: 7 },
  ]);
  t.deepEqual(
    page.malformed.map(({ providerId, ownerId, error }) => [providerId, ownerId, error.message]),
    [
      [
        'odd',
        'owner',
        'server odd is not of the documented shape: name: expected another value, got undefined',
      ],
      [
        null,
        null,
        'server at index 3 of page 3 is not of the documented shape: id: expected "id", got undefined',
      ],
      [
        null,
        null,
        'server at index 4 of page 3 is not of the documented shape: the record: expected Object, got null',
      ],
    ],
  );
  t.is(page.next, '?marker=1');
});

test('a server has a name, unless its cell is down; an id in any case', (t) => {
  t.is(read({ id: 'a', status: 'UNKNOWN' }).servers.length, 1);
  t.is(read({ id: 'a', status: 'ACTIVE' }).servers.length, 0);
  t.like(read({ id: '', name: 'web' }).malformed, [{ providerId: null }]);
  t.deepEqual(read(server('a')).listed, [{ digest: 0, place: null }]);
  t.is(read(server('a')).next, null);
});

test('a server may have a fault', (t) => {
  t.is(readFault({ server: { fault: { message: 'No valid host' } } }), 'No valid host');
  for (const fault of [null, undefined, {}, { message: null }]) t.is(readFault({ server: { fault } }), null);
});

test('pages of flavors and of nodes say what follows', (t) => {
  const flavor = { id: '1', name: 'small', 'os-flavor-access:is_public': true };
  t.deepEqual(readFlavorPage({ flavors: [flavor], flavors_links: next }), {
    flavors: [flavor],
    next: '?marker=1',
  });
  t.is(readFlavorPage({ flavors: [] }).next, null);
  const node = { instance_uuid: 'a', provision_state: 'active' };
  t.deepEqual(readNodePage({ nodes: [node, 7], next: 'n' }), { nodes: [node, {}], next: 'n' });
  t.is(readNodePage({ nodes: [] }).next, null);
  t.true(hasNext(next));
  for (const links of [[], [{ rel: 'previous', href: 'p' }], null, undefined]) t.false(hasNext(links));
});

test('a list that is null is empty, as for gophercloud', (t) => {
  t.deepEqual(readServerPage({ servers: null }, 1), { servers: [], malformed: [], listed: [], next: null });
  t.deepEqual(readFlavorPage({ flavors: null }), { flavors: [], next: null });
  t.deepEqual(readNodePage({ nodes: null }), { nodes: [], next: null });
  t.deepEqual(readVersions({ versions: null }), []);
  const endpoint = { interface: 'public', url: 'http://nova' };
  const catalog = [
    { type: 'compute', endpoints: null },
    { type: 'compute', endpoints: [endpoint] },
  ];
  t.deepEqual(readEndpoints(catalog, 'compute'), [endpoint]);
});

test('a list that is missing is not a list', (t) => {
  t.throws(() => readServerPage({}, 1), { message: /the list of servers is not of the documented shape/ });
  t.throws(() => readFlavorPage({}), { message: /the list of flavors is not of the documented shape/ });
});
