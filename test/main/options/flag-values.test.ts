import test from 'ava';
import * as fc from 'fast-check';
import { durationFrom, FlagValueError } from '../../../src/main/options/flag-values.ts';

const longestMs = 2 ** 31 - 1;
const anyNs = fc.oneof(
  fc.bigInt({ min: -1_000_000_000n, max: 4_000_000_000_000_000n }),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
);

test('a flag takes every duration from its least to the longest timer, in whole milliseconds, and no other', (t) => {
  fc.assert(
    fc.property(anyNs, fc.integer({ min: 0, max: 10_000 }), (ns, leastMs) => {
      const text = `${ns}ns`;
      const wholeMs = ns >= 0n ? ns / 1_000_000n : -((-ns + 999_999n) / 1_000_000n);
      const fits = wholeMs >= BigInt(leastMs) && wholeMs <= BigInt(longestMs);
      if (fits) t.is(durationFrom(leastMs)(text), Number(wholeMs), text);
      else t.throws(() => durationFrom(leastMs)(text), { instanceOf: FlagValueError }, text);
    }),
    { numRuns: 2_000 },
  );
});

test('what is no duration is refused in one line', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        const ms = durationFrom(0)(text);
        t.true(Number.isInteger(ms) && ms >= 0 && ms <= longestMs);
      } catch (error) {
        t.true(error instanceof FlagValueError);
        t.false(error instanceof Error && /[\n\r]/.test(error.message));
      }
    }),
  );
});
