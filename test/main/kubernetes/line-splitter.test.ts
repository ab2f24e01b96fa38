import test from 'ava';
import * as fc from 'fast-check';
import { LineSplitter } from '../../../src/main/kubernetes/line-splitter.ts';

function linesOf(chunks: readonly (Buffer | string)[], maxBytes = 1_000): string[] {
  const splitter = new LineSplitter(maxBytes);
  return chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
}

test('lines come whole, however they are cut', (t) => {
  const lines = ['{"name":"größe"}', '', '{"a":[1,2]}', '  ', '"✓"'];
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
      const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
      const chunks = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
      t.deepEqual(linesOf(chunks), ['{"name":"größe"}', '{"a":[1,2]}', '"✓"']);
    }),
  );
});

test('a stream that ends in the middle of a line is told from one that ends with it', (t) => {
  const splitter = new LineSplitter(100);
  t.false(splitter.partial);
  t.deepEqual([...splitter.push(Buffer.from('{"a":1}\n{'))], ['{"a":1}']);
  t.true(splitter.partial);
  t.deepEqual([...splitter.push(Buffer.from('}\n'))], ['{}']);
  t.false(splitter.partial);
});

test('a line may have so many bytes, and not one more', (t) => {
  const line = `"${'x'.repeat(8)}"`;
  t.deepEqual(linesOf([`${line}\n${line}\n`], 10), [line, line]);
  t.deepEqual(linesOf([line.slice(0, 5), `${line.slice(5)}\n`], 10), [line]);
  t.throws(() => linesOf([line, 'x'], 10), { message: 'a line is longer than 10 bytes' });
  t.throws(() => linesOf([`"${'x'.repeat(9)}"\n`], 10), { message: 'a line is longer than 10 bytes' });
});

test('a line that would hold up its reader is refused', (t) => {
  const splitter = new LineSplitter(1_000_000);
  const nested = Buffer.from(`${'['.repeat(200_000)}\n`);
  t.throws(() => splitter.push(nested).next(), { message: /^a line of 200000 bytes holds / });
});
