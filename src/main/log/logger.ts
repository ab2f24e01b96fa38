// The monitor's log: the keys of the region service's logger, written by pino. Unlike it, nothing is sampled, no value
// is longer than a line can bear, and no credential gets through.

import { isatty } from 'node:tty';
import { type Logger as Pino, pino } from 'pino';
import { errorText } from './error-text.ts';
import { cutText, FieldCutter, messageLimit } from './fields.ts';
import { consoleLine, encodeTime, type TimeEncoding } from './format.ts';
import { DescriptorSink, type LogDestination, streamSink } from './sink.ts';

export interface LogOptions {
  /** One JSON object a line, or a line for people. */
  readonly encoder: 'json' | 'console';
  /** Verbosity: -1 errors only, 0 info too, 1 and more debug too. */
  readonly level: number;
  /** The lowest level whose lines carry the stack of the error they report. */
  readonly stacktraceLevel: 'info' | 'error' | 'panic';
  readonly timeEncoding: TimeEncoding;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Messages are constant texts; what varies goes into the fields, whose names are snake_case. */
export interface Logger {
  debug(msg: string, fields?: Fields): void;
  info(msg: string, fields?: Fields): void;
  /** `error` is an Error, an error as data, a text, or null where there is none. */
  error(msg: string, error: unknown, fields?: Fields): void;
  /** A logger whose lines say who writes them. */
  named(name: string): Logger;
}

export interface RootLogger extends Logger {
  /** Hands over what waits: call it last. */
  flush(): void;
}

const standardError = 2;

/** `destination` is the standard error stream unless given; `now` gives epoch milliseconds. */
export function createLogger(
  options: LogOptions,
  destination?: LogDestination,
  now: () => number = Date.now,
): RootLogger {
  const sink =
    destination === undefined
      ? new DescriptorSink(standardError, (lines) =>
          logger.error('log lines were lost', 'the standard error stream did not take them', { lines }),
        )
      : streamSink(destination);
  const terminal = destination === undefined ? isatty(standardError) : destination.isTTY === true;
  const colour = terminal && (process.env['NO_COLOR'] ?? '') === '';
  const encode = options.encoder === 'json' ? asIs : (json: string) => consoleLine(json, colour);
  const writer = pino(
    {
      level: options.level < 0 ? 'error' : options.level === 0 ? 'info' : 'debug',
      base: null,
      timestamp: () => `,"ts":${encodeTime(options.timeEncoding, now())}`,
      formatters: { level: (level) => ({ level }) },
    },
    { write: (json: string) => sink.write(encode(json)) },
  );
  const logger = new PinoLogger(writer, options.stacktraceLevel, undefined);
  return Object.assign(logger, { flush: () => sink.flush() });
}

function asIs(json: string): string {
  return json;
}

type Level = 'debug' | 'info' | 'error';

const severity = { debug: 0, info: 1, error: 2, panic: 3 } as const;

class PinoLogger implements Logger {
  readonly #writer: Pino;
  readonly #stacktraceLevel: LogOptions['stacktraceLevel'];
  readonly #name: string | undefined;

  constructor(writer: Pino, stacktraceLevel: LogOptions['stacktraceLevel'], name: string | undefined) {
    this.#writer = writer;
    this.#stacktraceLevel = stacktraceLevel;
    this.#name = name;
  }

  debug(msg: string, fields: Fields = {}): void {
    this.#write('debug', msg, fields);
  }

  info(msg: string, fields: Fields = {}): void {
    this.#write('info', msg, fields);
  }

  error(msg: string, error: unknown, fields: Fields = {}): void {
    this.#write('error', msg, error === null || error === undefined ? fields : { ...fields, error });
  }

  named(name: string): Logger {
    const path = this.#name === undefined ? name : `${this.#name}.${name}`;
    return new PinoLogger(this.#writer, this.#stacktraceLevel, path);
  }

  #write(level: Level, msg: string, { error, ...fields }: Fields): void {
    if (!this.#writer.isLevelEnabled(level)) return;
    const cutter = new FieldCutter();
    const line: Record<string, unknown> = {};
    if (this.#name !== undefined) line['logger'] = this.#name;
    line['msg'] = cutText(msg, messageLimit);
    // The error comes last in the line and first in the room that there is.
    const reason = error === undefined || error === null ? undefined : cutter.cut('error', errorText(error));
    const code = errorCode(error);
    const stack =
      severity[level] >= severity[this.#stacktraceLevel] && error instanceof Error ? error.stack : undefined;
    const cutStack = stack === undefined ? undefined : cutter.cut('stacktrace', stack);
    for (const [name, value] of Object.entries(fields)) line[name] = cutter.cut(name, value);
    if (reason !== undefined) line['error'] = reason;
    if (code !== undefined) line['error_code'] = code;
    if (cutStack !== undefined) line['stacktrace'] = cutStack;
    this.#writer[level](line);
  }
}

/** The code of an error as data, or of what carries one. */
function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'error' in error ? errorCode(error.error) : undefined;
}
