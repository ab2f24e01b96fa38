import test from 'ava';
import * as fc from 'fast-check';
import {
  DurationError,
  formatDuration,
  formatMs,
  parseDuration,
} from '../../../src/main/options/durations.ts';

const ms = 1_000_000n;
const second = 1000n * ms;
const minute = 60n * second;
const hour = 60n * minute;
const longest = (1n << 63n) - 1n;

// Each value as Go 1.24's time.ParseDuration gives it.
const accepted: readonly (readonly [string, bigint])[] = [
  ['0', 0n],
  ['-0', 0n],
  ['+0', 0n],
  ['0s', 0n],
  ['5s', 5n * second],
  ['+5s', 5n * second],
  ['-1s', -second],
  ['90s', 90n * second],
  ['1m30s', 90n * second],
  ['500ms', 500n * ms],
  ['1.5h', 90n * minute],
  ['.5s', 500n * ms],
  ['5.s', 5n * second],
  ['5.6s', 5600n * ms],
  ['1.004s', 1004n * ms],
  ['10ns', 10n],
  ['11us', 11_000n],
  ['12\u00b5s', 12_000n],
  ['12\u03bcs', 12_000n],
  ['0.9ns', 0n],
  ['3h30m', 3n * hour + 30n * minute],
  ['-2m3.4s', -(2n * minute + 3400n * ms)],
  ['1h2m3s4ms5us6ns', hour + 2n * minute + 3n * second + 4n * ms + 5006n],
  ['39h9m14.425s', 39n * hour + 9n * minute + 14_425n * ms],
  ['1s1h', hour + second],
  ['0.3333333333333333333h', 20n * minute],
  ['9007199254740993ns', 9007199254740993n],
  ['9223372036854775807ns', longest],
  ['-9223372036854775808ns', -longest - 1n],
  ['0.100000000000000000000h', 6n * minute],
  ['0.830103483285477580700h', 2988372539827n],
];

for (const [text, ns] of accepted)
  test(`${text} is ${ns} ns`, (t) => {
    t.is(parseDuration(text), ns);
  });

const refused: readonly (readonly [string, string])[] = [
  ['', 'time: invalid duration ""'],
  ['3', 'time: missing unit in duration "3"'],
  ['60', 'time: missing unit in duration "60": write "60s" for seconds'],
  ['1m30', 'time: missing unit in duration "1m30"'],
  ['-', 'time: invalid duration "-"'],
  ['s', 'time: invalid duration "s"'],
  ['.', 'time: invalid duration "."'],
  ['-.', 'time: invalid duration "-."'],
  ['.s', 'time: invalid duration ".s"'],
  ['--5s', 'time: invalid duration "--5s"'],
  ['1 s', 'time: unknown unit " s" in duration "1 s"'],
  [' 1s', 'time: invalid duration " 1s"'],
  ['1d', 'time: unknown unit "d" in duration "1d": the units are h, m, s, ms, us and ns'],
  ['1S', 'time: unknown unit "S" in duration "1S"'],
  ['1e3s', 'time: unknown unit "e" in duration "1e3s"'],
  ['1.2.3s', 'time: missing unit in duration "1.2.3s"'],
  ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
  ['-9223372036854775809ns', 'time: invalid duration "-9223372036854775809ns"'],
  ['3000000h', 'time: invalid duration "3000000h"'],
];

for (const [text, message] of refused)
  test(`${JSON.stringify(text)} is refused`, (t) => {
    const error = t.throws(() => parseDuration(text), { instanceOf: DurationError });
    t.true(error.message.startsWith(message), error.message);
  });

test('formats as Go does', (t) => {
  const expected: readonly (readonly [bigint, string])[] = [
    [0n, '0s'],
    [1n, '1ns'],
    [1100n, '1.1\u00b5s'],
    [2200000n, '2.2ms'],
    [3300n * ms, '3.3s'],
    [minute, '1m0s'],
    [4n * minute + 5n * second, '4m5s'],
    [4n * minute + 5001n * ms, '4m5.001s'],
    [5n * hour + 6n * minute + 7001n * ms, '5h6m7.001s'],
    [hour, '1h0m0s'],
    [-500n * ms, '-500ms'],
    [longest, '2562047h47m16.854775807s'],
    [-longest - 1n, '-2562047h47m16.854775808s'],
  ];
  t.deepEqual(
    expected.map(([ns]) => formatDuration(ns)),
    expected.map(([, text]) => text),
  );
  t.is(formatMs(1500), '1.5s');
  t.is(formatMs(0.25), '250\u00b5s');
});

test('what was formatted reads back as the same duration', (t) => {
  // Fractions of a second are exact; only the last digits of very long ones would pass through floating point.
  fc.assert(
    fc.property(fc.bigInt({ min: -longest - 1n, max: longest }), (ns) => {
      t.is(parseDuration(formatDuration(ns)), ns);
    }),
    { numRuns: 2000 },
  );
});

test('a sum of whole terms is their sum, in any order and with any unit', (t) => {
  const units = { h: hour, m: minute, s: second, ms, us: 1000n, ns: 1n } as const;
  const termArbitrary = fc.tuple(
    fc.bigInt({ min: 0n, max: 9999n }),
    fc.constantFrom('h', 'm', 's', 'ms', 'us', 'ns'),
  );
  fc.assert(
    fc.property(fc.array(termArbitrary, { minLength: 1, maxLength: 8 }), (terms) => {
      const text = terms.map(([count, unit]) => `${count}${unit}`).join('');
      t.is(
        parseDuration(text),
        terms.reduce((sum, [count, unit]) => sum + count * units[unit], 0n),
      );
    }),
  );
});

test('anything else is refused with a DurationError of one line', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        t.is(typeof parseDuration(text), 'bigint');
      } catch (error) {
        t.true(error instanceof DurationError);
        t.false(error instanceof Error && /[\n\r]/.test(error.message));
      }
    }),
  );
});
