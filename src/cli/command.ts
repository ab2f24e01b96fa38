// What a command is: how it is called, and what runs it.

import type { Logger } from '../main/log/logger.ts';
import type { Version } from '../main/version.ts';
import type { Stream } from '../terminal/terminal.ts';
import type { CommandDefinition, Invocation } from './command-line.ts';

interface CommandContext {
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
  /** A person waits for its answer: why it cannot start is printed as one line, not logged. */
  readonly interactive: boolean;
  /** Loads what the command needs, so that --help need not. */
  readonly load: () => Promise<Start>;
}
