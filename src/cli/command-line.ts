// The command line: which command, with which options. What the commands do is given by cli.ts.

import { Command, CommanderError } from 'commander';
import type { Flag } from '../main/options/flags.ts';
import {
  addFlags,
  addOwnFlags,
  type FlagDefaults,
  type FlagReader,
  flagReader,
  type Options,
  OptionsError,
  readOptions,
} from '../main/options/options.ts';
import type { Version } from '../main/version.ts';

export interface CommandDefinition {
  readonly name: string;
  readonly description: string;
  /** Defaults of this command that differ from the table of flags. */
  readonly defaults: FlagDefaults;
  /** Flags of this command alone. */
  readonly flags?: readonly Flag<unknown>[];
  /** The one word that must follow the command. */
  readonly argument?: { readonly name: string; readonly values: readonly string[] };
  /** Text of its own --help; absent where the program's --help is enough. */
  readonly help?: string;
}

/** A valid command line: `region-monitor <command>` with these options. */
export interface Invocation<Definition extends CommandDefinition> {
  readonly command: Definition;
  readonly options: Options;
  /** The command's own flags, all of which can be read. */
  readonly flags: FlagReader;
  /** The command's argument; "" where it has none. */
  readonly argument: string;
}

/** An invalid command line. The message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ProgramOptions<Definition extends CommandDefinition> {
  /** The first one is the default. */
  readonly commands: readonly [Definition, ...Definition[]];
  readonly version: Version;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes what --help and --version print. */
  readonly print: (text: string) => void;
}

const afterHelp = `
Each flag can also be set by an environment variable: --poll-period by
REGION_MONITOR_POLL_PERIOD, and so on. The flag takes precedence. Durations are
written like 90s, 1m30s or 500ms.`;

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
    const [unknown] = command.parent === null ? command.args : [];
    if (unknown !== undefined) {
      const names = listed(commands.map(({ name }) => name));
      throw new OptionsError(`unknown command ${JSON.stringify(unknown)}: choose ${names}`);
    }
    const argument = argumentOf(definition, command.args);
    const flags = flagReader(command, env, definition.defaults);
    for (const flag of definition.flags ?? []) flags.given(flag);
    const options = readOptions(command, env, definition.defaults);
    invocation = { command: definition, options, flags, argument };
  };

  const revision = version.revision === '' ? '' : ` (${version.revision})`;
  const program = new Command('region-monitor')
    .description('Polls every cloud region and keeps Kubernetes status, logs and metrics up to date.')
    .version(`region-monitor ${version.version}${revision}`, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', afterHelp)
    .configureOutput({ writeOut: print, outputError: () => {} })
    .exitOverride()
    .helpCommand(false)
    .allowExcessArguments()
    .action(choose(commands[0]));
  addFlags(program);

  for (const definition of commands) {
    const note = definition === commands[0] ? ' (default)' : '';
    const command = program
      .command(definition.name)
      .description(definition.description + note)
      .allowExcessArguments()
      .action(choose(definition));
    const { argument, flags = [], help } = definition;
    addOwnFlags(command, flags);
    if (help === undefined) {
      // It has only the program's flags, which may come before or after its name: one help for both.
      command.addHelpText('after', afterHelp);
      command.helpInformation = () => program.helpInformation();
    } else {
      command.usage(argument === undefined ? '[options]' : argument.values.join('|'));
      command.addHelpText('after', `\n${help}\n\nAll flags of region-monitor --help are accepted, too.`);
    }
  }

  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    throw usageError(error);
  }
  return invocation;
}

function argumentOf({ argument }: CommandDefinition, given: readonly string[]): string {
  const [word, unexpected] = argument === undefined ? ['', ...given] : given;
  if (unexpected !== undefined) throw new OptionsError(`unexpected argument ${JSON.stringify(unexpected)}`);
  if (argument === undefined) return '';
  if (word !== undefined && argument.values.includes(word)) return word;
  const choices = `choose ${listed(argument.values)}`;
  throw new OptionsError(
    word === undefined
      ? `missing ${argument.name}: ${choices}`
      : `invalid ${argument.name} ${JSON.stringify(word)}: ${choices}`,
  );
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function usageError(error: unknown): unknown {
  if (!(error instanceof CommanderError || error instanceof OptionsError)) return error;
  const line = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  return new UsageError(`${line} (see region-monitor --help)`);
}
