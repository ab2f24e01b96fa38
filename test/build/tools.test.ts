// Programs that are run by hand: nobody would notice that they no longer start.

import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { startCommand } from '../fixtures/command.ts';

const cwd = fileURLToPath(new URL('../..', import.meta.url));

const programs: readonly [path: string, help: RegExp][] = [
  ['bench/bench.ts', /^npm run bench -- .*\b10k\b.*--real/s],
  ['soak/soak.ts', /^npm run soak -- .*--seed/s],
];

for (const [path, help] of programs) {
  test(`${path} starts, and says how it is used`, async (t) => {
    const { code, stdout, stderr } = await startCommand(t, [execPath, path, '--help'], { cwd }).ended;
    t.is(stderr, '');
    t.regex(stdout, help);
    t.is(code, 0);
  });

  test(`${path} refuses an option that it does not know, in one line`, async (t) => {
    const { code, stdout, stderr } = await startCommand(t, [execPath, path, '--nonsense'], { cwd }).ended;
    t.is(stdout, '');
    t.regex(stderr, /^\w+: .*'--nonsense'.*\n$/);
    t.not(code, 0);
  });
}

test('the bench measures a small fleet to the end', async (t) => {
  const size = ['--servers=20', '--regions=1', '--projects=2', '--repeat=1', '--period=1000', '--from=src'];
  const { code, stdout, stderr } = await startCommand(t, [execPath, 'bench/bench.ts', ...size], { cwd })
    .ended;
  t.is(code, 0, stderr);
  t.regex(stdout, /^20 servers, 1 regions × 2 projects/m);
  t.regex(stdout, /^full pass: complete lists, nothing changed\n.*time, s +[\d.]+ /m);
  t.regex(stdout, /^ +patches +\d+/m);
});
