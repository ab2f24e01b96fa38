// The process: arguments and signals in, exit code out. 0 is a clean stop, or a command that found no problem; 1 a failed
// start, or a command that found a problem; 2 an invalid command line.

import { StartupError } from '../main/startup-error.ts';
import { readVersion, type Version } from '../main/version.ts';
import { onNodeWarning } from '../shared/node-warnings.ts';
import type { Command } from './command.ts';
import { type Invocation, readCommandLine, UsageError } from './command-line.ts';
import { commands } from './commands.ts';
import { candidates, completeCommand } from './completion.ts';
import { stopSignal } from './stop-signal.ts';

// A reader that is gone, as of `check | head`, is not our failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

async function main(args: readonly string[]): Promise<number> {
  const [first, ...words] = args;
  if (first === completeCommand) {
    print(
      candidates(words, commands)
        .map((line) => `${line}\n`)
        .join(''),
    );
    return 0;
  }
  const version = readVersion();
  try {
    const invocation = readCommandLine(args, { commands, version, env: process.env, print });
    if (invocation === undefined) return 0;
    return await execute(invocation, version);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain(error.message);
    return 2;
  }
}

function complain(message: string): void {
  process.stderr.write(`region-monitor: ${message}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}

/**
 * Resolves when a reader took what was written, or is gone. A pipe takes 64 KiB at once: an exit would lose the rest. A
 * reader that does not read is waited for, as for any other program; a signal ends that.
 */
async function handedOver(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return;
  const taken = Promise.withResolvers<void>();
  stream.once('close', taken.resolve);
  stream.write('', () => taken.resolve());
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => taken.resolve());
  await taken.promise;
}

async function execute(invocation: Invocation<Command>, version: Version): Promise<number> {
  const { command, options } = invocation;
  const signal = stopSignal();
  const { createLogger } = await import('../main/log/logger.ts');
  const logger = createLogger(options.log);
  // However the process ends: even a crash must leave its last lines.
  process.once('exit', () => logger.flush());
  onNodeWarning((text) => logger.error('warning of Node.js', text));
  try {
    const start = await command.load();
    const { env, stdout, stderr } = process;
    return await start(invocation, { signal, logger, version, env, stdout, stderr });
  } catch (error) {
    // A failed start has a reason that the user can fix: a stack helps only with a defect of ours.
    if (!(error instanceof StartupError)) logger.error('failed to start', error);
    else if (command.interactive) complain(`${error.title}: ${error.message}`);
    else logger.error(error.title, error.message);
    return 1;
  }
}

const code = await main(process.argv.slice(2));
await Promise.all([handedOver(process.stdout), handedOver(process.stderr)]);
// Exits even if something is still open: the stop is complete.
process.exit(code);
