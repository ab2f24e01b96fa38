// The process: arguments and signals in, exit code out. 0 is a clean stop, 1 a start that failed, 2 a bad command line.

import type { Logger } from './logger.ts';
import type { Options } from './options.ts';
import { type CommandDefinition, readCommandLine, UsageError } from './program.ts';
import { StartupError } from './startup-error.ts';
import { stopSignal } from './stop-signal.ts';
import { readVersion, type Version } from './version.ts';

interface Context {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly version: Version;
}

interface Command extends CommandDefinition {
  /** Loads what the command needs, so that --help need not. */
  readonly load: () => Promise<(options: Options, context: Context) => Promise<void>>;
}

const commands: readonly [Command, ...Command[]] = [
  {
    name: 'run',
    description: 'watch the regions',
    defaults: {},
    load: async () => (await import('./run.ts')).run,
  },
  {
    name: 'sandbox',
    description: 'watch a demo fleet in simulated clouds; needs nothing else',
    // Readable, quick to show something, and on a port that is surely free; the first lines say which.
    defaults: { 'zap-encoder': 'console', 'poll-period': '2s', listen: '127.0.0.1:0' },
    load: async () => (await import('../sandbox/sandbox.ts')).runSandbox,
  },
];

async function main(args: readonly string[]): Promise<number> {
  const version = readVersion();
  try {
    const invocation = readCommandLine(args, { commands, version, env: process.env, print });
    if (invocation === undefined) return 0;
    return await execute(invocation.command, invocation.options, version);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`region-monitor: ${error.message}\n`);
    return 2;
  }
}

function print(text: string): void {
  process.stdout.write(text);
}

async function execute(command: Command, options: Options, version: Version): Promise<number> {
  const signal = stopSignal();
  const { createLogger } = await import('./logger.ts');
  const logger = createLogger(options.log);
  try {
    const start = await command.load();
    await start(options, { signal, logger, version });
    return 0;
  } catch (error) {
    // Whoever reads a failed start wants its reason; where in our code it was noticed helps only with a defect of ours.
    if (error instanceof StartupError) logger.error(error.title, error.message);
    else logger.error('failed to start', error);
    return 1;
  } finally {
    logger.flush();
  }
}

// Ends here even if something were still open: the stop that was asked for is complete.
process.exit(await main(process.argv.slice(2)));
