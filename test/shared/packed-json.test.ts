import test from 'ava';
import * as fc from 'fast-check';
import { pack, unpack } from '../../src/shared/packed-json.ts';

const inOneTurn = async <T>(slice: () => T): Promise<T> => slice();

test('what is packed comes back as JSON would have it', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 8 }), async (value) => {
      t.deepEqual(await unpack(pack(value), inOneTurn), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a long array comes in pieces, each read in a turn of its own', async (t) => {
  const observations = Array.from({ length: 50_000 }, (_, index) => ({ id: `id-${index}` }));
  const value = {
    ok: true,
    result: { projects: [{ outcome: { observations } }, { outcome: { observations: [] } }] },
  };
  const packed = pack(value);
  t.is(packed.pieces.length, 50);
  t.true(packed.text.length < 1_000);
  let turns = 0;
  const found = await unpack(packed, async (slice) => {
    turns++;
    return slice();
  });
  t.deepEqual(found, value);
  t.is(turns, 51);
});

test('values that know how they become JSON do so; what cannot is refused', async (t) => {
  const at = new Date(0);
  t.deepEqual(await unpack(pack({ at, none: undefined }), inOneTurn), { at: at.toISOString() });
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  t.throws(() => pack(circle));
});
