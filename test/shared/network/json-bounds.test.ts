import test from 'ava';
import * as fc from 'fast-check';
import { jsonExcess, jsonExcessNow } from '../../../src/shared/network/json-bounds.ts';
import { novaServer } from '../../fixtures/clouds/scripted-cloud.ts';

const megabyte = 1_000_000;

/** What is said of a text that comes in pieces of that size. */
async function excess(text: string, pieceBytes = 65_536): Promise<string | null> {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += pieceBytes)
    chunks.push(bytes.subarray(start, start + pieceBytes));
  const said = await jsonExcess(chunks, bytes.length);
  if (pieceBytes === 65_536) assertSame(said, jsonExcessNow(bytes));
  return said;
}

function assertSame(one: string | null, other: string | null): void {
  if (one !== other) throw new Error(`in pieces: ${one}, at once: ${other}`);
}

function page(servers: number, fields: object = {}): string {
  const records = Array.from({ length: servers }, (_, index) => novaServer(`id-${index}`, fields));
  return JSON.stringify({ servers: records });
}

for (const [name, text] of [
  ['nested arrays', '['.repeat(4 * megabyte)],
  ['nested objects', '{"a":'.repeat(megabyte)],
  ['nested arrays in a list of servers', `{"servers":${'['.repeat(megabyte)}`],
  ['nested arrays in a server', page(1000).replace('"metadata":{}', `"metadata":${'['.repeat(megabyte)}`)],
] as const)
  test(`refused: ${name}`, async (t) => {
    t.is(await excess(text), 'more than 64 values within each other');
  });

for (const [name, text] of [
  ['empty objects', `{"servers":[${'{},'.repeat(megabyte)}{}]}`],
  ['empty arrays', `[${'[],'.repeat(megabyte)}[]]`],
  ['numbers', `[${'0,'.repeat(megabyte)}0]`],
  ['keys', `{${Array.from({ length: megabyte }, (_, index) => `"${index}":0`).join(',')}}`],
] as const)
  test(`refused: a million ${name}`, async (t) => {
    t.regex((await excess(text)) ?? '', /^more than \d{6} values$/);
  });

for (const [name, text] of [
  ['a page of 1000 servers', page(1000)],
  ['a page of 10,000 servers', page(10_000)],
  ['servers with 128 metadata each', page(1000, { metadata: metadata(128) })],
  ['brackets and commas in strings', page(1000, { name: '[[[[{{{{,,,,'.repeat(100) })],
  ['quotes and backslashes in strings', page(1000, { name: '\\"[{\\\\"'.repeat(100) })],
  ['a small text, whatever it holds', '['.repeat(100_000)],
  ['a long string', `["${'x'.repeat(4 * megabyte)}"]`],
] as const)
  test(`accepted: ${name}`, async (t) => {
    t.is(await excess(text), null);
    t.is(await excess(text, 997), null);
  });

function metadata(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`key-of-${index}`, `value ${index}`]),
  );
}

test('however a text is cut into pieces, the same is said of it', async (t) => {
  const strings = fc.stringMatching(/^[[\]{},"\\a]{0,40}$/);
  await fc.assert(
    fc.asyncProperty(
      fc.array(strings, { minLength: 1 }),
      fc.integer({ min: 1, max: 50_000 }),
      async (parts, size) => {
        const text = JSON.stringify({
          parts,
          more: Array.from({ length: 120_000 / parts.length }, () => parts),
        });
        t.is(await excess(text, size), await excess(text));
      },
    ),
    { numRuns: 20 },
  );
});
