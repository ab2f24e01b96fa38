import type { LookupFunction } from 'node:net';
import test from 'ava';
import { sharedLookup } from '../../../src/workers/openstack/shared-lookup.ts';

type Callback = Parameters<LookupFunction>[2];

function setUp() {
  const asked: { hostname: string; answer: Callback }[] = [];
  const lookup = sharedLookup((hostname, _options, answer) => {
    asked.push({ hostname, answer });
  });
  const ask = async (hostname: string, family = 0): Promise<string> =>
    new Promise((resolve) => {
      lookup(hostname, { family }, (error, address) =>
        resolve(error === null && typeof address === 'string' ? address : (error?.message ?? '')),
      );
    });
  return { asked, ask };
}

test('who asks for the same name at the same time shares an answer', async (t) => {
  const { asked, ask } = setUp();
  const answers = [ask('a.example'), ask('b.example'), ask('a.example'), ask('a.example', 6)];
  t.deepEqual(
    asked.map(({ hostname }) => hostname),
    ['a.example', 'b.example', 'a.example'],
  );
  for (const [index, { answer }] of asked.entries()) answer(null, `192.0.2.${index}`, 4);
  t.deepEqual(await Promise.all(answers), ['192.0.2.0', '192.0.2.1', '192.0.2.0', '192.0.2.2']);
});

test('an answer is not kept: a name that did not resolve is asked for again', async (t) => {
  const { asked, ask } = setUp();
  const first = ask('a.example');
  asked[0]?.answer(new Error('ENOTFOUND'), '');
  t.is(await first, 'ENOTFOUND');
  const second = ask('a.example');
  t.is(asked.length, 2);
  asked[1]?.answer(null, '192.0.2.1', 4);
  t.is(await second, '192.0.2.1');
});
