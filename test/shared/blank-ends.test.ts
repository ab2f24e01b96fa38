import test from 'ava';
import { blankEnds } from '../../src/shared/blank-ends.ts';

const rows: readonly [value: string, said: string[]][] = [
  ['s3cret', []],
  ['two words\nand lines', []],
  ['', []],
  ['s3cret\n', ['the password ends with a newline']],
  ['s3cret\r\n', ['the password ends with a newline']],
  ['s3cret ', ['the password ends with a space']],
  ['s3cret\t', ['the password ends with a space']],
  [' s3cret', ['the password begins with white space']],
  ['\ns3cret', ['the password begins with white space']],
];

for (const [value, said] of rows)
  test(`white space at the ends of ${JSON.stringify(value)}`, (t) => {
    t.deepEqual(blankEnds([{ name: 'password', value }]), said);
  });
