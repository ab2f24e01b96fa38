// Durations in Go's syntax (time.ParseDuration, Duration.String), so that a manifest for the original works here: what
// Go takes is taken, and what it refuses is refused. Nothing here needs more than a millisecond.

export class DurationError extends Error {
  override readonly name = 'DurationError';
}

const unitNs: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['\u00b5s', 1e3], // the micro sign
  ['\u03bcs', 1e3], // the Greek letter, which looks the same
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);

/** What a 64-bit number holds. Up to 100 days each nanosecond of it is exact in ours. */
const longestNs = 2 ** 63;

const terms = /(?=.)(?<whole>[0-9]*)(?<fraction>\.[0-9]*)?(?<unit>[^0-9.]*)/gs;

/** Whole milliseconds; finer digits are dropped. Throws a DurationError: Go's message, and what to write instead. */
export function parseDuration(text: string): number {
  const unsigned = text.replace(/^[-+]/, '');
  if (unsigned === '0') return 0;
  if (unsigned === '') throw invalid(text);
  let ns = 0;
  for (const { groups: { whole = '', fraction = '', unit = '' } = {} } of unsigned.matchAll(terms)) {
    if ((whole === '' && fraction.length < 2) || Number(whole) > longestNs) throw invalid(text);
    if (unit === '')
      throw new DurationError(
        `time: missing unit in duration ${quoted(text)}: write ${quoted(`${text}s`)} for seconds`,
      );
    const scale = unitNs.get(unit);
    if (scale === undefined)
      throw new DurationError(
        `time: unknown unit ${quoted(unit)} in duration ${quoted(text)}: the units are h, m, s, ms, us and ns`,
      );
    // In this order, as in Go: 0.001 of a second is exactly a millisecond. Further digits are below its precision.
    const digits = fraction.slice(1, 20);
    ns += Number(whole) * scale + Math.trunc(Number(digits) * (scale / 10 ** digits.length));
    if (ns > longestNs) throw invalid(text);
  }
  return Math.floor((text.startsWith('-') ? -ns : ns) / 1e6);
}

function invalid(text: string): DurationError {
  return new DurationError(
    `time: invalid duration ${quoted(text)}: write it as in "90s", "1m30s" or "500ms"`,
  );
}

const quoted = (text: string): string => JSON.stringify(text);

/** Whole milliseconds as Go prints them: "1m0s", "1.5s", "500ms", "0s". */
export function formatMs(ms: number): string {
  if (ms > 0 && ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = `${(ms % 60_000) / 1000}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
