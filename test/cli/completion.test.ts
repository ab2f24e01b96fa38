// The completion scripts, in the shells themselves where those are installed.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { commands, shells } from '../../src/cli/commands.ts';
import { completionScript } from '../../src/cli/completion.ts';
import { allFlags } from '../../src/main/options/flags.ts';

const run = promisify(execFile);

for (const shell of shells)
  test(`${shell}: every command and every flag is there`, (t) => {
    const script = completionScript(shell, commands);
    for (const { name } of commands) t.regex(script, new RegExp(`\\b${name}\\b`));
    const own = commands.flatMap(({ flags = [] }) => flags);
    const prefix = shell === 'fish' ? '-l ' : '--';
    for (const { name } of [...allFlags, ...own]) t.true(script.includes(`${prefix}${name}`), name);
  });

async function scriptFile(t: ExecutionContext, shell: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const file = join(folder, `completion.${shell}`);
  await writeFile(file, completionScript(shell, commands));
  return file;
}

function installed(shell: string): string | undefined {
  return ['/bin', '/usr/bin', '/usr/local/bin'].map((folder) => join(folder, shell)).find(existsSync);
}

/** What bash offers for these words; the last one is being typed. */
async function inBash(file: string, words: readonly string[]): Promise<readonly string[]> {
  const program = `
    source "$1"; shift
    COMP_WORDS=(region-monitor "$@"); COMP_CWORD=$#
    compopt() { :; }
    _region_monitor
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run(installed('bash') ?? 'bash', ['-c', program, 'bash', file, ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** The words as bash splits them, and what is offered; "…" is anything more. */
const inBashOffered: readonly (readonly [words: string, offered: string])[] = [
  ['d', 'doctor'],
  ['--zap-e', '--zap-encoder'],
  ['--zap-encoder ', 'json console'],
  ['--zap-encoder = ', 'json console'],
  ['--zap-encoder = c', 'console'],
  ['--zap-encoder=c', 'console'],
  ['--zap-encoder', '--zap-encoder'],
  ['check --out', '--output'],
  ['check --output ', 'table wide json yaml'],
  ['check --output = y', 'yaml'],
  ['doctor --output ', 'text json'],
  ['doctor --output json --region', '--region-concurrency --region-logins-per-second --region'],
  ['run --dry', ''],
  ['--out', ''],
  ['completion ', '… bash zsh fish'],
  ['completion z', 'zsh'],
  ['--namespace check che', 'check'],
  ['--namespace = check d', 'doctor'],
  ['check --shadow --dry', '--dry-run'],
  ['check --dry-run = ', 'true false'],
  ['--namespace ', ''],
  ['check d', ''],
];

for (const [line, offered] of inBashOffered)
  test(`bash: region-monitor ${line}▮`, async (t) => {
    if (installed('bash') === undefined) {
      t.log('skipped: there is no bash');
      t.pass();
      return;
    }
    const found = await inBash(await scriptFile(t, 'bash'), line.split(' '));
    const expected = offered.split(' ').filter((word) => word !== '');
    if (expected[0] === '…')
      t.true(
        expected.slice(1).every((word) => found.includes(word)),
        found.join(' '),
      );
    else t.deepEqual(found, expected);
  });

for (const [shell, check] of [
  ['zsh', '-n'],
  ['fish', '--no-execute'],
] as const)
  test(`${shell} takes the script`, async (t) => {
    const program = installed(shell);
    if (program === undefined) {
      t.log(`skipped: there is no ${shell}`);
      t.pass();
      return;
    }
    const { stderr } = await run(program, [check, await scriptFile(t, shell)]);
    t.is(stderr, '');
  });

test('fish: what it offers', async (t) => {
  const program = installed('fish');
  if (program === undefined) {
    t.log('skipped: there is no fish');
    t.pass();
    return;
  }
  const file = await scriptFile(t, 'fish');
  const offered = async (line: string): Promise<readonly string[]> => {
    const { stdout } = await run(program, ['-c', `source ${file}; complete -C '${line}'`]);
    return stdout
      .split('\n')
      .map((entry) => entry.split('\t')[0] ?? '')
      .filter((word) => word !== '');
  };
  t.deepEqual(await offered('region-monitor d'), ['doctor']);
  t.deepEqual(await offered('region-monitor check --output '), ['json', 'table', 'wide', 'yaml']);
  t.deepEqual(await offered('region-monitor doctor --output '), ['json', 'text']);
  t.deepEqual(await offered('region-monitor completion '), ['bash', 'fish', 'zsh']);
  t.deepEqual(await offered('region-monitor run --dry'), []);
  t.deepEqual(await offered('region-monitor --zap-encoder '), ['console', 'json']);
});
