// The monitor's log: one line a message, with the keys of the region service's logger, in their order. Guarantees: no
// line is sampled away; no value is too long and no credential gets through (fields.ts), whatever the fields hold; lines
// survive a crash, and a reader that is slow or gone neither blocks nor ends the process (sink.ts).
//
// Not pino: its destination blocks on a full pipe, or loses lines at a crash. Only its JSON encoder would be left to use,
// for 13 packages and 9 MB of memory.

import { isatty } from 'node:tty';
import { errorText } from './error-text.ts';
import { cutText, FieldCutter, messageLimit, readable, unreadable } from './fields.ts';
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
  const color = terminal && (process.env['NO_COLOR'] ?? '') === '';
  const lowest = options.level < 0 ? 'error' : options.level === 0 ? 'info' : 'debug';
  const logger = new LineLogger({
    lowest: severity[lowest],
    withStack: severity[options.stacktraceLevel],
    write: (level, fields) => {
      const time = encodeTime(options.timeEncoding, now());
      const json = `{"level":"${level}","ts":${time},${JSON.stringify(fields).slice(1)}`;
      sink.write(options.encoder === 'json' ? `${json}\n` : consoleLine(json, color));
    },
  });
  return Object.assign(logger, { flush: () => sink.flush() });
}

type Level = 'debug' | 'info' | 'error';

const severity = { debug: 0, info: 1, error: 2, panic: 3 } as const;

interface Output {
  /** The lowest severity that is written. */
  readonly lowest: number;
  /** The lowest severity whose lines carry a stack. */
  readonly withStack: number;
  readonly write: (level: Level, fields: Fields) => void;
}

class LineLogger implements Logger {
  readonly #output: Output;
  readonly #name: string | undefined;

  constructor(output: Output, name?: string) {
    this.#output = output;
    this.#name = name;
  }

  debug(msg: string, fields: Fields = {}): void {
    this.#write('debug', msg, fields);
  }

  info(msg: string, fields: Fields = {}): void {
    this.#write('info', msg, fields);
  }

  error(msg: string, error: unknown, fields: Fields = {}): void {
    this.#write('error', msg, fields, error);
  }

  named(name: string): Logger {
    return new LineLogger(this.#output, this.#name === undefined ? name : `${this.#name}.${name}`);
  }

  #write(level: Level, msg: string, fields: Fields, given?: unknown): void {
    const { lowest, withStack, write } = this.#output;
    if (severity[level] < lowest) return;
    const cutter = new FieldCutter();
    // The error comes last in the line and first in the room that there is.
    const errors = readable(
      () => errorFields(cutter, given ?? fields['error'], severity[level] >= withStack),
      { error: unreadable },
    );
    const others = readable(() => cutter.cutAll(fields, 'error'), { fields: unreadable });
    const name = this.#name === undefined ? {} : { logger: this.#name };
    write(level, { ...name, msg: cutText(msg, messageLimit), ...others, ...errors });
  }
}

function errorFields(cutter: FieldCutter, error: unknown, withStack: boolean): Fields {
  if (error === undefined || error === null) return {};
  const reason = cutter.cut('error', errorText(error));
  const code = errorCode(error);
  const stack = withStack && error instanceof Error ? error.stack : undefined;
  return {
    error: reason,
    ...(code === undefined ? {} : { error_code: code }),
    ...(stack === undefined ? {} : { stacktrace: cutter.cut('stacktrace', stack) }),
  };
}

/** The code of an error as data, or of what carries one. */
function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'error' in error ? errorCode(error.error) : undefined;
}
