// How a log line looks: the time encodings of the original's flags, and the form for people.

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

interface Paint {
  level(level: string, text: string): string;
  dim(text: string): string;
}

const plain: Paint = { level: (_, text) => text, dim: (text) => text };

const colours: Readonly<Record<string, string>> = { debug: '35', info: '36', error: '31' };
const coloured: Paint = {
  level: (level, text) => `\u001b[${colours[level] ?? '0'}m${text}\u001b[0m`,
  dim: (text) => `\u001b[2m${text}\u001b[0m`,
};

/** `time LEVEL msg key=value …` from a line of JSON. One line whatever the values hold: nothing in them reaches the terminal raw. */
export function consoleLine(json: string, colour: boolean): string {
  const paint = colour ? coloured : plain;
  const record: unknown = JSON.parse(json);
  if (typeof record !== 'object' || record === null) return json;
  const { level, ts, logger, msg, ...fields } = Object.fromEntries(Object.entries(record));
  const name = String(level);
  const head = [
    paint.dim(String(ts)),
    paint.level(name, name.toUpperCase().padEnd(5)),
    ...(logger === undefined ? [] : [paint.dim(`${oneLine(String(logger))}:`)]),
    oneLine(String(msg)),
  ];
  const tail = Object.entries(fields).map(
    ([key, value]) => `${paint.dim(`${oneLine(key)}=`)}${consoleValue(value)}`,
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
