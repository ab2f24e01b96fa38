// What completes command lines: the candidates, and the scripts in the shells themselves where those are installed.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { commands } from '../../src/cli/commands.ts';
import { candidates, completionScript } from '../../src/cli/completion.ts';
import { allFlags } from '../../src/main/options/flags.ts';

const run = promisify(execFile);
const bin = fileURLToPath(new URL('../../bin', import.meta.url));

function offered(words: readonly string[]): readonly string[] {
  return candidates(words, commands).map((line) => line.split('\t')[0] ?? '');
}

test('every command and every flag is offered, with what it is', (t) => {
  const lines = candidates([''], commands);
  for (const { name, description } of commands) t.true(lines.includes(`${name}\t${description}`), name);
  for (const { name, description } of allFlags) t.true(lines.includes(`--${name}\t${description}`), name);
  for (const { name, flags = [] } of commands)
    for (const flag of flags) t.true(offered([name, '--']).includes(`--${flag.name}`), flag.name);
});

/** The words as shells split them, the last one being typed, and what is offered; "…" is anything more. */
const examples: readonly (readonly [words: string, offered: string])[] = [
  ['d', 'doctor'],
  ['--zap-e', '--zap-encoder'],
  ['--zap-encoder ', 'json console'],
  ['--zap-encoder =', 'json console'],
  ['--zap-encoder = ', 'json console'],
  ['--zap-encoder = c', 'console'],
  ['--zap-encoder=c', '--zap-encoder=console'],
  ['--zap-encoder', '--zap-encoder'],
  ['check --out', '--output'],
  ['check --output ', 'table wide json yaml'],
  ['check --output = y', 'yaml'],
  ['check --output=y', '--output=yaml'],
  ['doctor --output json --region', '--region-concurrency --region-logins-per-second --region'],
  ['run --dry', ''],
  ['--out', ''],
  ['--ver', '--version'],
  ['completion ', '… bash zsh fish'],
  ['completion z', 'zsh'],
  ['--namespace check che', 'check'],
  ['--namespace = check d', 'doctor'],
  ['check --shadow --dry', '--dry-run'],
  ['check --dry-run = ', 'true false'],
  ['check --dry-run --shad', '--shadow'],
  ['--namespace ', ''],
  ['--kubeconfig ', ':files'],
  ['--kubeconfig=/etc', ':files'],
  ['--no-such-flag=', ''],
  ['check d', ''],
];

for (const [line, expected] of examples)
  test(`region-monitor ${line}▮`, (t) => {
    const found = offered(line.split(' '));
    const wanted = expected.split(' ').filter((word) => word !== '');
    if (wanted[0] === '…')
      t.true(
        wanted.slice(1).every((word) => found.includes(word)),
        found.join(' '),
      );
    else t.deepEqual(found, wanted);
  });

function installed(shell: string): string | undefined {
  return ['/bin', '/usr/bin', '/usr/local/bin'].map((folder) => join(folder, shell)).find(existsSync);
}

/** A test in a shell: what `program` prints there, which is given the script's path as its first argument. */
function shellTest(
  shell: string,
  what: string,
  { program, prints }: { program: string; prints: string },
): void {
  const path = installed(shell);
  const title = `${shell} ${what}`;
  if (path === undefined) test.skip(`${title} (no ${shell})`, (t) => t.fail());
  else test(title, async (t) => t.is(await inShell(t, { shell, path, program }), prints));
}

async function inShell(
  t: ExecutionContext,
  { shell, path, program }: { shell: string; path: string; program: string },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const file = join(folder, `completion.${shell}`);
  await writeFile(file, completionScript(shell));
  const args = shell === 'bash' ? ['-c', program, shell, file] : ['-c', program, file];
  const env = { ...process.env, HOME: folder, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const { stdout, stderr } = await run(path, args, { env, cwd: folder, timeout: 30_000 });
  t.is(stderr, '');
  return stdout.replaceAll(/[ \t]+$/gm, '');
}

shellTest('bash', 'asks the program, and completes names of files itself', {
  program: `source "$1"
    compopt() { :; }
    offer() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _region_monitor; echo "\${COMPREPLY[@]}"; }
    offer region-monitor d
    offer '${bin}/region-monitor' check --output ''
    offer region-monitor --kubeconfig comp`,
  prints: 'doctor\ntable wide json yaml\ncompletion.bash\n',
});

shellTest('zsh', 'asks the program, with what each candidate is', {
  program: `compdef() { :; }
    source "$0"
    _describe() { print -rl -- "\${(@P)2}"; }
    _files() { print files; }
    compset() { :; }
    offer() { local words=("$@") CURRENT=$#; _region_monitor; }
    offer region-monitor d
    offer region-monitor --zap-encoder=j
    offer region-monitor --kubeconfig ''`,
  prints: 'doctor:test access to Kubernetes and to every region\n--zap-encoder=json:\nfiles\n',
});

shellTest('fish', 'asks the program', {
  program: `source $argv[1]
    complete -C 'region-monitor d'
    complete -C 'region-monitor check --output t'
    complete -C 'region-monitor --zap-encoder=j'
    complete -C 'region-monitor --kubeconfig comp'`,
  prints:
    'doctor\ttest access to Kubernetes and to every region\ntable\n--zap-encoder=json\ncompletion.fish\n',
});
