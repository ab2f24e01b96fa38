// The table of commands, through the parser: their own flags, arguments and help.

import test from 'ava';
import { checkFlags } from '../../src/check/flags.ts';
import type { Command } from '../../src/cli/command.ts';
import { type Invocation, readCommandLine, UsageError } from '../../src/cli/command-line.ts';
import { commands } from '../../src/cli/commands.ts';

const version = { version: 'test', revision: '' };

function read(args: readonly string[], env: Readonly<Record<string, string>> = {}): Invocation<Command> {
  const invocation = readCommandLine(args, { commands, version, env, print: () => {} });
  if (invocation === undefined) throw new Error('nothing to run');
  return invocation;
}

function help(...args: readonly string[]): string {
  let text = '';
  readCommandLine([...args, '--help'], {
    commands,
    version,
    env: {},
    print: (part) => {
      text += part;
    },
  });
  return text;
}

for (const { name, flags = [] } of commands)
  test(`${name} --help fits into 80 columns and has its flags`, (t) => {
    const text = help(name);
    t.deepEqual(
      text.split('\n').filter((line) => line.length > 80),
      [],
    );
    for (const flag of flags) t.regex(text, new RegExp(`^ {2}--${flag.name} `, 'm'));
  });

test('the program says which commands there are', (t) => {
  for (const { name, description } of commands)
    t.true(help().replaceAll(/\s+/g, ' ').includes(`${name} `) && help().includes(description.slice(0, 20)));
});

test('a flag of a command: given, from the environment, or its default', (t) => {
  t.is(read(['check']).flags.value(checkFlags.output), 'table');
  t.is(read(['check', '--output', 'yaml']).flags.value(checkFlags.output), 'yaml');
  t.is(read(['check'], { REGION_MONITOR_OUTPUT: 'JSON' }).flags.value(checkFlags.output), 'json');
  t.true(read(['check', '--dry-run']).flags.value(checkFlags.dryRun));
  t.is(read(['check', '--namespace=x', '--dry-run']).options.namespace, 'x');
});

test('a flag that is given several times has all values, with commas too', (t) => {
  const regions = (...args: string[]) => read(['check', ...args]).flags.value(checkFlags.region);
  t.deepEqual(regions(), []);
  t.deepEqual(regions('--region=a', '--region', 'b'), ['a', 'b']);
  t.deepEqual(regions('--region=a,b', '--region=c'), ['a', 'b', 'c']);
  t.deepEqual(read(['check'], { REGION_MONITOR_REGION: 'a,b' }).flags.value(checkFlags.region), ['a', 'b']);
});

test('the argument of a command', (t) => {
  t.is(read(['completion', 'zsh']).argument, 'zsh');
  t.is(read(['check']).argument, '');
});

const unusable: readonly (readonly [string, RegExp])[] = [
  ['completion', /missing shell: choose bash, zsh or fish/],
  ['completion tcsh', /invalid shell "tcsh": choose bash, zsh or fish/],
  ['completion bash zsh', /unexpected argument "zsh"/],
  ['check now', /unexpected argument "now"/],
  ['check --output=xml', /"xml" for --output: invalid output "xml": choose table, wide, json or yaml/],
  ['check --region=a,,b', /"a,,b" for --region: has an empty name/],
  ['doctor --dry-run', /unknown option '--dry-run'/],
  ['run --output=json', /unknown option '--output=json'/],
];

for (const [line, message] of unusable)
  test(`${line}: a usage error that says what to change`, (t) => {
    const error = t.throws(() => read(line.split(' ')), { instanceOf: UsageError });
    t.regex(error.message, message);
    t.notRegex(error.message, /\n/);
  });
