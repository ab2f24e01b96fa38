// How a log line looks: the time encodings of the original's flags, and the form for people.

import { styleText } from 'node:util';

export type TimeEncoding = 'epoch' | 'millis' | 'nano' | 'nanos' | 'iso8601' | 'rfc3339' | 'rfc3339nano';

const encoders: Readonly<Record<TimeEncoding, (ms: number) => string>> = {
  epoch: (ms) => String(ms / 1000),
  millis: (ms) => String(ms),
  // More digits than a number holds exactly.
  nano: (ms) => `${ms}000000`,
  nanos: (ms) => `${ms}000000`,
  iso8601: (ms) => `"${new Date(ms).toISOString()}"`,
  rfc3339: (ms) => `"${new Date(ms).toISOString().slice(0, 19)}Z"`,
  rfc3339nano: (ms) => `"${new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')}"`,
};

/** The time as a JSON value. Always UTC; milliseconds are all that the clock gives. */
export function encodeTime(encoding: TimeEncoding, epochMs: number): string {
  return encoders[encoding](Math.trunc(epochMs));
}

const colors: ReadonlyMap<string, 'magenta' | 'cyan' | 'red'> = new Map([
  ['debug', 'magenta'],
  ['info', 'cyan'],
  ['error', 'red'],
]);

/** `time LEVEL msg key=value …` from a JSON object: one line, and nothing in the values reaches the terminal raw. */
export function consoleLine(json: string, color: boolean): string {
  // Whether the terminal shows colors was found out already.
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(style, text, { validateStream: false }) : text;
  const record: unknown = JSON.parse(json);
  if (typeof record !== 'object' || record === null) return json;
  const { level, ts, logger, msg, ...fields } = Object.fromEntries(Object.entries(record));
  const name = String(level);
  const head = [
    paint('dim', String(ts)),
    paint(colors.get(name) ?? 'reset', name.toUpperCase().padEnd(5)),
    ...(logger === undefined ? [] : [paint('dim', `${oneLine(String(logger))}:`)]),
    oneLine(String(msg)),
  ];
  const tail = Object.entries(fields).map(
    ([key, value]) => `${paint('dim', `${oneLine(key)}=`)}${consoleValue(value)}`,
  );
  return `${[...head, ...tail].join(' ')}\n`;
}

function consoleValue(value: unknown): string {
  if (typeof value !== 'string') return oneLine(JSON.stringify(value));
  return /^[^\s"=\p{Cc}\u2028\u2029]+$/u.test(value) ? value : oneLine(JSON.stringify(value));
}

/** Control characters escaped: a newline would forge a line, an escape sequence would reach the terminal. */
function oneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
