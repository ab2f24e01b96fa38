import test from 'ava';
import { Warnings } from '../../../src/main/kubernetes/warnings.ts';

function setUp() {
  const heard: string[] = [];
  return { heard, warnings: new Warnings((text) => heard.push(text)) };
}

const headers: [header: string | readonly string[] | undefined, texts: readonly string[]][] = [
  [undefined, []],
  ['299 - "Region is deprecated"', ['Region is deprecated']],
  ['299 - "one", 299 - "two, with a comma" "Sat, 28 Nov 2026 03:00:00 GMT"', ['one', 'two, with a comma']],
  [
    ['299 - "one"', '299 kyverno "two"'],
    ['one', 'two'],
  ],
  [String.raw`299 - "the \"quoted\" \\ field"`, [String.raw`the "quoted" \ field`]],
  ['110 cache "Response is Stale"', []],
  ['299 - ""', []],
  ['299 - not quoted', []],
  [`299 - "${'x'.repeat(10_000)}"`, []],
];

headers.forEach(([header, texts], index) => {
  test(`what a header warns of (${index})`, (t) => {
    const { heard, warnings } = setUp();
    warnings.take(header);
    t.deepEqual(heard, texts);
  });
});

test('each text counts once, and a thousand texts at most', (t) => {
  const { heard, warnings } = setUp();
  for (let round = 0; round < 2; round++)
    for (let index = 0; index < 1_100; index++) warnings.take(`299 - "unknown field of server-${index}"`);
  t.is(heard.length, 1_000);
  t.is(new Set(heard).size, 1_000);
});
