// The commands, as one table: the parser, --help, the completion of shells and docs/options.md come from it.

import { checkFlags, doctorFlags } from '../check/flags.ts';
import type { Logger } from '../main/log/logger.ts';
import type { Version } from '../main/version.ts';
import type { Stream } from '../terminal/terminal.ts';
import type { CommandDefinition, Invocation } from './command-line.ts';

export interface CommandContext {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly version: Version;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** The exit code. */
type Start = (invocation: Invocation<Command>, context: CommandContext) => Promise<number>;

export interface Command extends CommandDefinition {
  /** Somebody waits for its answer: that it cannot start is told as one line, not as an entry of a log. */
  readonly interactive: boolean;
  /** Loads what the command needs, so that --help need not. */
  readonly load: () => Promise<Start>;
}

/** For whoever sits at a terminal and waits: what went wrong, and no more. */
const quiet = { 'zap-encoder': 'console', 'zap-log-level': 'error' };

export const shells = ['bash', 'zsh', 'fish'] as const;

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
      stdout.write(completionScript(argument, commands));
      return 0;
    };
  },
};

const sandbox: Command = {
  name: 'sandbox',
  interactive: false,
  description: 'watch a demo fleet in simulated clouds; needs nothing else',
  // Readable, quick to show something, and on a port that is surely free; the first lines say which.
  defaults: { 'zap-encoder': 'console', 'poll-period': '2s', listen: '127.0.0.1:0' },
  load: async () => {
    const { runSandbox } = await import('../sandbox/sandbox.ts');
    return async ({ options }, context) => runSandbox(options, context).then(() => 0);
  },
};

export const commands: readonly [Command, ...Command[]] = [run, check, doctor, completion, sandbox];
