import test from 'ava';
import * as fc from 'fast-check';
import { jsonExcess } from '../../../src/shared/network/json-bounds.ts';
import { JsonOutline } from '../../../src/shared/network/json-outline.ts';
import { type CutText, cutKnown, type KnownRecords } from '../../../src/workers/openstack/known-records.ts';

const nothing: KnownRecords = new Map();

/** What is cut out of a text that comes in pieces of that size. */
async function cut(text: string, known = nothing, pieceBytes = 65_536): Promise<CutText> {
  const body = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let start = 0; start < body.length; start += pieceBytes)
    chunks.push(body.subarray(start, start + pieceBytes));
  const outline = new JsonOutline();
  await jsonExcess(chunks, body.length, outline);
  return cutKnown(body, { outline, field: 'servers', known });
}

/** The places of all records of the text, by their digests. */
async function knownOf(text: string): Promise<KnownRecords> {
  return new Map((await cut(text)).records.map(({ digest }, place) => [digest, place]));
}

async function placesIn(text: string, known: KnownRecords): Promise<readonly (number | null)[]> {
  return (await cut(text, known)).records.map(({ place }) => place);
}

test('a record that is known is null, all else is as it came', async (t) => {
  const before =
    '{"servers": [{"id":"a"}, {"id":"b"} ,\n{"id":"ü}]\\"","in":[{"deep":[{}]}]}], "servers_links": []}';
  const now =
    '{"servers": [{"id":"x"}, {"id":"b"} ,\n{"id":"ü}]\\"","in":[{"deep":[{}]}]}], "servers_links": []}';
  const known = await knownOf(before);
  t.is(known.size, 3);
  const { text, records } = await cut(now, known);
  t.is(text, '{"servers": [{"id":"x"}, null ,\nnull], "servers_links": []}');
  t.deepEqual(
    records.map(({ place }) => place),
    [null, 1, 2],
  );
});

test('the records of another field are left as they are, before and after and within', async (t) => {
  const record = '{"id":"a"}';
  const known = await knownOf(`{"servers":[${record}]}`);
  const odd = `{"servers_links":[${record}],"other":{"servers":[${record}]},"servers" : [${record}],"more":[${record}]}`;
  t.is((await cut(odd, known)).text, odd.replace(`"servers" : [${record}]`, '"servers" : [null]'));
});

const uncut: [name: string, text: string][] = [
  ['a list that is not only of objects', '{"servers":[{"id":"a"},null,{"id":"a"}]}'],
  ['a list that begins with something else', '{"servers":[7,{"id":"a"}]}'],
  ['a list that ends with something else', '{"servers":[{"id":"a"},[]]}'],
  ['a text that ends too early', '{"servers":[{"id":"a"}'],
  ['no list', '{"servers":{"id":"a"}}'],
  ['no such list', '{"server":[{"id":"a"}]}'],
  ['an array', '[[{"id":"a"}]]'],
  ['one of two such lists', '{"servers":[{"id":"a"}],"servers":[{"id":"b"}]}'],
];
// To look at each of them would hold the thread for long.
for (const [name, text] of [
  ['very many records', `{"servers":[{"id":"a"}${',{"id":"a"}'.repeat(30_000)}]}`],
  ['very many lists', `{"servers":[{"id":"a"}]${',"":[]'.repeat(30_000)}}`],
] as const)
  uncut.push([name, text]);
for (const [name, text] of uncut)
  test(`nothing is cut out of ${name}`, async (t) => {
    const known = await knownOf('{"servers":[{"id":"a"}]}');
    t.deepEqual(await cut(text, known), { text, records: [] });
  });

test('an empty list has no records', async (t) => {
  t.deepEqual(await cut('{"servers": [ ]}'), { text: '{"servers": [ ]}', records: [] });
});

test('each byte of a record counts', async (t) => {
  const known = await knownOf('{"servers":[{"id":"a","n":1}]}');
  t.deepEqual(await placesIn('{"servers":[{"id":"a","n":1}]}', known), [0]);
  for (const other of ['{"id":"a","n":2}', '{"id":"a", "n":1}', '{"n":1,"id":"a"}', '{"id":"A","n":1}'])
    t.deepEqual(await placesIn(`{"servers":[${other}]}`, known), [null], other);
});

test('what is cut parses as the whole would, with null for what is known, however the text is cut into pieces', async (t) => {
  const record = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
  const page = fc.record({
    records: fc.array(fc.record({ record, known: fc.boolean() }), { maxLength: 6 }),
    indent: fc.nat({ max: 2 }),
    linksFirst: fc.boolean(),
    pieceBytes: fc.integer({ min: 1, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(page, async ({ records, indent, linksFirst, pieceBytes }) => {
      const all = records.map((each) => each.record);
      const links = { servers_links: [{ rel: 'next', href: '?marker=a' }] };
      const whole = linksFirst ? { ...links, servers: all } : { servers: all, ...links };
      const text = JSON.stringify(whole, null, indent);
      const digests = (await cut(text, nothing, pieceBytes)).records.map(({ digest }) => digest);
      t.is(digests.length, all.length);
      const known = new Map(
        digests.flatMap((digest, place) => (records[place]?.known ? [[digest, place]] : [])),
      );
      const done = await cut(text, known, pieceBytes);
      const expected = all.map((each, index) => (known.has(digests[index] ?? 0) ? null : each));
      t.is(JSON.stringify(JSON.parse(done.text)), JSON.stringify({ ...whole, servers: expected }));
      for (const [index, { place }] of done.records.entries())
        if (place !== null) t.deepEqual(all[place], all[index]);
    }),
  );
});
