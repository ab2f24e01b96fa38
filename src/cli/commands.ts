// The commands, as one table: the parser, --help, the completion of shells and docs/options.md come from it.

import { checkFlags } from '../check/flags.ts';
import { doctorFlags } from '../doctor/flags.ts';
import type { Command } from './command.ts';
import { sandbox } from './sandbox-command.ts';

/** For a person at a terminal: only what went wrong. */
const quiet = { 'zap-encoder': 'console', 'zap-log-level': 'error' };

const shells = ['bash', 'zsh', 'fish'] as const;

const run: Command = {
  name: 'run',
  interactive: false,
  description: 'watch the regions',
  defaults: {},
  load: async () => {
    const { run } = await import('../main/run.ts');
    return async ({ options }, context) => run(options, context).then(() => 0);
  },
};

const check: Command = {
  name: 'check',
  interactive: true,
  description: 'poll once, show every server, write what changed',
  defaults: quiet,
  flags: Object.values(checkFlags),
  help: [
    'Exit code 0: every server was found and checked, and changes were written (with',
    '--dry-run: could be written). 1: something could not be checked or written.',
    '2: invalid command line. The state of the servers does not matter.',
  ].join('\n'),
  load: async () => {
    const { check } = await import('../check/check.ts');
    return async ({ options, flags }, context) => check(options, context, flags);
  },
};

const doctor: Command = {
  name: 'doctor',
  interactive: true,
  description: 'test access to Kubernetes and to every region',
  defaults: quiet,
  flags: Object.values(doctorFlags),
  help: [
    'Tests every connection and permission that the monitor needs, says how to fix',
    'what fails, and changes nothing. With --shadow it needs no write permissions.',
    'Exit code 0: no step failed. 1: a step failed. 2: invalid command line.',
  ].join('\n'),
  load: async () => {
    const { doctor } = await import('../doctor/doctor.ts');
    return async ({ options, flags }, context) => doctor(options, context, flags);
  },
};

const completion: Command = {
  name: 'completion',
  interactive: true,
  description: 'print the completion script for bash, zsh or fish',
  defaults: quiet,
  argument: { name: 'shell', values: shells },
  help: [
    'bash  source <(region-monitor completion bash)',
    'zsh   source <(region-monitor completion zsh)',
    'fish  region-monitor completion fish | source',
  ].join('\n'),
  load: async () => {
    const { completionScript } = await import('./completion.ts');
    return async ({ argument }, { stdout }) => {
      stdout.write(completionScript(argument));
      return 0;
    };
  },
};

export const commands: readonly [Command, ...Command[]] = [run, check, doctor, completion, sandbox];
