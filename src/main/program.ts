// The command line: which command, with which options. What the commands do is given by cli.ts.

import { Command, CommanderError } from 'commander';
import { addFlags, type FlagDefaults, type Options, OptionsError, readOptions } from './options.ts';
import type { Version } from './version.ts';

export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  /** Defaults of this command that differ from the table of flags. */
  readonly defaults: FlagDefaults;
}

/** A command line that was understood: `region-monitor <command>` with these options. */
export interface Invocation<Definition extends CommandDefinition> {
  readonly command: Definition;
  readonly options: Options;
}

/** A command line that was not. The message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ProgramOptions<Definition extends CommandDefinition> {
  /** The first one is what runs when none is named. */
  readonly commands: readonly [Definition, ...Definition[]];
  readonly version: Version;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes what --help and --version print. */
  readonly print: (text: string) => void;
}

const afterHelp = `
Every flag can come from the environment instead: --poll-period from
REGION_MONITOR_POLL_PERIOD, and so on. A flag wins. Durations are written as
in 90s, 1m30s or 500ms.`;

/**
 * Reads the arguments that follow the program's name. Undefined when all that was asked for has been printed; throws a
 * UsageError for anything that cannot be run.
 */
export function readCommandLine<Definition extends CommandDefinition>(
  args: readonly string[],
  { commands, version, env, print }: ProgramOptions<Definition>,
): Invocation<Definition> | undefined {
  let invocation: Invocation<Definition> | undefined;
  const choose = (definition: Definition) => (_: unknown, command: Command) => {
    const [unexpected] = command.args;
    if (unexpected !== undefined) throw new OptionsError(`unexpected argument ${JSON.stringify(unexpected)}`);
    invocation = { command: definition, options: readOptions(command, env, definition.defaults) };
  };

  const revision = version.revision === '' ? '' : ` (${version.revision})`;
  const program = new Command('region-monitor')
    .description('Polls every cloud region; keeps Kubernetes status, logs and metrics true to what it sees.')
    .version(`region-monitor ${version.version}${revision}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .addHelpText('after', afterHelp)
    .configureOutput({ writeOut: print, outputError: () => {} })
    .exitOverride()
    .helpCommand(false)
    .allowExcessArguments()
    .action(choose(commands[0]));
  addFlags(program);

  for (const definition of commands) {
    const note = definition === commands[0] ? ' (what runs when none is named)' : '';
    const command = program
      .command(definition.name)
      .description(definition.description + note)
      .addHelpText('after', afterHelp)
      .allowExcessArguments()
      .action(choose(definition));
    // Flags belong to the program, so that they may stand before and after the command: one help for all.
    command.helpInformation = () => program.helpInformation();
  }

  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw usageError(error);
  }
  return invocation;
}

function usageError(error: unknown): unknown {
  if (!(error instanceof CommanderError || error instanceof OptionsError)) return error;
  const line = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  return new UsageError(`${line} (see region-monitor --help)`);
}
