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
    'Exit code 0: every server was found and checked, and what changed was written',
    '(or would be, with --dry-run). 1: something could not be. 2: a bad command line.',
    'What state the servers are in makes no difference to it.',
  ].join('\n'),
  load: async () => {
    const { check } = await import('../check/check.ts');
    return async ({ options, flags }, context) => check(options, context, flags);
  },
};

const doctor: Command = {
  name: 'doctor',
  interactive: true,
  description: 'examine access to Kubernetes and to every region',
  defaults: quiet,
  flags: Object.values(doctorFlags),
  help: [
    'Goes once along every way that the monitor takes, says what to do where it does',
    'not work, and changes nothing. With --shadow the rights to write are not needed.',
    'Exit code 0: no step failed. 1: one did. 2: a bad command line.',
  ].join('\n'),
  load: async () => {
    const { doctor } = await import('../doctor/doctor.ts');
    return async ({ options, flags }, context) => doctor(options, context, flags);
  },
};

const completion: Command = {
  name: 'completion',
  interactive: true,
  description: 'print what completes command lines in bash, zsh or fish',
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
