import test from 'ava';
import * as fc from 'fast-check';
import { DurationError, formatMs, parseDuration } from '../../../src/main/options/durations.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

// Each value as Go's time.ParseDuration gives it, in whole milliseconds.
const accepted: readonly (readonly [string, number])[] = [
  ['0', 0],
  ['-0', 0],
  ['+0', 0],
  ['0s', 0],
  ['+5s', 5 * second],
  ['-1s', -second],
  ['1m30s', 90 * second],
  ['1.5h', 90 * minute],
  ['.5s', 500],
  ['5.s', 5 * second],
  ['1.004s', 1004],
  ['1.9999ms', 1],
  ['-1ns', -1],
  ['999999ns', 0],
  ['11us', 0],
  ['1200\u00b5s', 1],
  ['3400\u03bcs', 3],
  ['-2m3.4s', -(2 * minute + 3400)],
  ['1h2m3s4ms5us6ns', hour + 2 * minute + 3 * second + 4],
  ['1s1h', hour + second],
  ['0.3333333333333333333h', 20 * minute],
  ['0.100000000000000000000h', 6 * minute],
  ['0.830103483285477580700h', 2_988_372],
];

for (const [text, ms] of accepted)
  test(`${text} is ${ms} ms`, (t) => {
    t.is(parseDuration(text), ms);
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
  ['1s ', 'time: unknown unit "s " in duration "1s "'],
  [' 1s', 'time: invalid duration " 1s"'],
  ['1d', 'time: unknown unit "d" in duration "1d": the units are h, m, s, ms, us and ns'],
  ['1S', 'time: unknown unit "S" in duration "1S"'],
  ['1e3s', 'time: unknown unit "e" in duration "1e3s"'],
  ['1.2.3s', 'time: missing unit in duration "1.2.3s"'],
  ['1s\n', 'time: unknown unit "s\\n" in duration "1s\\n"'],
  ['3000000h', 'time: invalid duration "3000000h"'],
];

for (const [text, message] of refused)
  test(`${JSON.stringify(text)} is refused`, (t) => {
    const error = t.throws(() => parseDuration(text), { instanceOf: DurationError });
    t.true(error.message.startsWith(message), error.message);
  });

test('formats as Go does', (t) => {
  const expected = ['0s', '1ms', '999ms', '1s', '3.3s', '1m0s', '4m5.001s', '1h0m0s', '5h6m7.001s'];
  const given = [0, 1, 999, second, 3300, minute, 4 * minute + 5001, hour, 5 * hour + 6 * minute + 7001];
  t.deepEqual(given.map(formatMs), expected);
});

test('what was formatted reads back as the same duration', (t) => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), (ms) => {
      t.is(parseDuration(formatMs(ms)), ms);
    }),
    { numRuns: 2000 },
  );
});

test('anything else is refused with a DurationError of one line', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        t.true(Number.isInteger(parseDuration(text)));
      } catch (error) {
        t.true(error instanceof DurationError);
        t.false(error instanceof Error && /[\n\r]/.test(error.message));
      }
    }),
  );
});
