// Durations as Go writes and reads them (time.ParseDuration, Duration.String), so that what worked in a manifest for
// the original works here, to the nanosecond. They are whole nanoseconds of a signed 64-bit number, hence bigint.

export class DurationError extends Error {
  override readonly name = 'DurationError';
}

const unitNs: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['\u00b5s', 1_000n], // the micro sign
  ['\u03bcs', 1_000n], // the Greek letter, which looks the same
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

/** One step beyond the longest duration; only a negative one may be as long as this. */
const limitNs = 1n << 63n;

const term = /^(?<whole>[0-9]*)(?<fraction>\.[0-9]*)?(?<unit>[^0-9.]*)/;

/**
 * The duration in nanoseconds. Throws a DurationError whose message is Go's, followed by what to write instead.
 */
export function parseDuration(text: string): bigint {
  const unsigned = text.replace(/^[-+]/, '');
  if (unsigned === '0') return 0n;
  if (unsigned === '') throw invalid(text);

  let total = 0n;
  for (let rest = unsigned; rest !== ''; ) {
    const { whole = '', fraction = '', unit = '' } = term.exec(rest)?.groups ?? {};
    if ((whole === '' && fraction.length < 2) || BigInt(whole) > limitNs) throw invalid(text);
    if (unit === '')
      throw new DurationError(
        `time: missing unit in duration ${quoted(text)}: write ${quoted(`${text}s`)} for seconds`,
      );
    const scale = unitNs.get(unit);
    if (scale === undefined)
      throw new DurationError(
        `time: unknown unit ${quoted(unit)} in duration ${quoted(text)}: the units are h, m, s, ms, us and ns`,
      );
    total += BigInt(whole) * scale + fractionNs(fraction.slice(1), scale);
    if (total > limitNs) throw invalid(text);
    rest = rest.slice(whole.length + fraction.length + unit.length);
  }

  if (text.startsWith('-')) return -total;
  if (total === limitNs) throw invalid(text);
  return total;
}

/** Go computes fractions in floating point and drops what is below a nanosecond; so do we, to agree to the last one. */
function fractionNs(digits: string, scale: bigint): bigint {
  let value = 0n;
  let divisor = 1;
  for (const digit of digits) {
    const next = value * 10n + BigInt(digit);
    if (value > (limitNs - 1n) / 10n || next > limitNs) break; // further digits are below its precision
    value = next;
    divisor *= 10;
  }
  return BigInt(Math.trunc(Number(value) * (Number(scale) / divisor)));
}

function invalid(text: string): DurationError {
  return new DurationError(
    `time: invalid duration ${quoted(text)}: write it as in "90s", "1m30s" or "500ms"`,
  );
}

const quoted = (text: string): string => JSON.stringify(text);

/** As Go prints it: "1m0s", "1.5s", "500ms", "0s". */
export function formatDuration(ns: bigint): string {
  const sign = ns < 0n ? '-' : '';
  const size = ns < 0n ? -ns : ns;
  if (size === 0n) return '0s';
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 3)}\u00b5s`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 6)}ms`;
  const minutes = size / 60_000_000_000n;
  const seconds = `${decimal(size % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `value` divided by 10^places, without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0');
  const fraction = digits.slice(-places).replace(/0+$/, '');
  return fraction === '' ? digits.slice(0, -places) : `${digits.slice(0, -places)}.${fraction}`;
}

/** Milliseconds, with a fraction for what is finer, as Go prints them. */
export function formatMs(ms: number): string {
  return formatDuration(BigInt(Math.round(ms * 1e6)));
}
