// What a flag's text means. Each parser takes the text and returns the value, or throws a FlagValueError whose message
// says what was wrong with it and what to write instead, in one line.

import { availableParallelism } from 'node:os';
import { DurationError, formatMs, parseDuration } from './durations.ts';
import { otlpUrl, otlpUrlForms } from './otlp-url.ts';

export class FlagValueError extends Error {
  override readonly name = 'FlagValueError';
}

/** Where to listen. An empty host means every address of the machine; port 0 means any free port. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Node takes a longer timer for one of 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** Whole milliseconds, from Go's duration syntax; finer digits are dropped. */
export function durationFrom(minMs: number): (text: string) => number {
  return (text) => {
    const ms = milliseconds(text);
    if (ms < minMs)
      throw new FlagValueError(`must be at least ${formatMs(minMs)}: give more, for example 60s`);
    if (ms > longestTimerMs)
      throw new FlagValueError(`must be at most ${formatMs(longestTimerMs)}: give less`);
    return ms;
  };
}

function milliseconds(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof DurationError) throw new FlagValueError(error.message);
    throw error;
  }
}

export function integerFrom(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw new FlagValueError(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

/** A number of any size, as the sampler takes it: 0 or less is never, 1 or more is always. */
export function ratio(text: string): number {
  const value = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value))
    throw new FlagValueError('must be a number from 0 (never) to 1 (always), for example 0.1');
  return value;
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

export function boolean(text: string): boolean {
  const value = truths.get(text);
  if (value === undefined) throw new FlagValueError('must be true or false, as in --shadow=true');
  return value;
}

export const anyText = (text: string): string => text;

/** A namespace, or "" for all. */
export function namespace(text: string): string {
  if (text !== '' && !/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text))
    throw new FlagValueError(
      'is not a valid name of a namespace: use up to 63 lower-case letters, digits and dashes, or "" for all',
    );
  return text;
}

/** As in the Lease that the replica holds. */
export function replicaName(text: string): string {
  if (!/^[\w.-]{1,200}$/.test(text))
    throw new FlagValueError('must be 1 to 200 letters, digits, dots, dashes and underscores');
  return text;
}

/** What an OTLP receiver's address is written as, or "" for none. */
export function otlpEndpoint(text: string): string {
  if (text !== '' && otlpUrl(text) === null)
    throw new FlagValueError(`is not the address of an OTLP receiver over HTTP: ${otlpUrlForms}`);
  return text;
}

/** ":port", "host:port" or "[IPv6]:port"; "" for not at all. */
export function listenAddress(text: string): ListenAddress | null {
  if (text === '') return null;
  const address = hostAndPort(text);
  if (address === undefined)
    throw new FlagValueError('must be :port or host:port, for example :8080 or [::1]:8080');
  return address;
}

function hostAndPort(text: string): ListenAddress | undefined {
  const { v6, host, port } =
    /^(?:\[(?<v6>[0-9a-f:.%\w]+)\]|(?<host>[\w.-]*)):(?<port>[0-9]{1,5})$/i.exec(text)?.groups ?? {};
  if (port === undefined || Number(port) > 65_535) return undefined;
  return { host: v6 ?? host ?? '', port: Number(port) };
}

/** One of `values`, in upper or lower case. */
export function oneOf<const Value extends string>(what: string, values: readonly Value[]) {
  return (text: string): Value => {
    const value = values.find((candidate) => candidate === text.toLowerCase());
    if (value === undefined)
      throw new FlagValueError(`invalid ${what} ${JSON.stringify(text)}: choose ${listed(values)}`);
    return value;
  };
}

/** Names separated by commas. */
export function names(text: string): readonly string[] {
  if (text === '') return [];
  const list = text.split(',');
  if (list.includes('')) throw new FlagValueError('has an empty name: separate names by single commas');
  return list;
}

/** Names separated by commas, each one of `values`: at least one, in the order of `values`, each once. */
export function someOf<const Value extends string>(what: string, values: readonly Value[]) {
  return (text: string): readonly Value[] => {
    const given = names(text);
    const unknown = given.find((name) => !values.some((value) => value === name));
    if (unknown !== undefined)
      throw new FlagValueError(
        `${JSON.stringify(unknown)} is not a ${what}; available: ${values.join(', ')}`,
      );
    if (given.length === 0) throw new FlagValueError(`names no ${what}; available: ${values.join(', ')}`);
    return values.filter((value) => given.includes(value));
  };
}

function listed(values: readonly string[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

const verbosities: ReadonlyMap<string, number> = new Map([
  ['error', -1],
  ['info', 0],
  ['debug', 1],
]);

/** The logger's verbosity, from the name of a level or a number above 0. */
export function logVerbosity(text: string): number {
  const verbosity = verbosities.get(text.toLowerCase()) ?? (/^\+?[0-9]+$/.test(text) ? Number(text) : 0);
  if (verbosity === 0 && text.toLowerCase() !== 'info')
    throw new FlagValueError(
      `invalid log level ${JSON.stringify(text)}: choose debug, info, error or a number above 0`,
    );
  return verbosity;
}

/**
 * How many worker threads to run by default. Checks mostly wait for clouds, so a few threads serve many
 * regions; each costs some 20 MB, and main, which projects their results, keeps up with about four.
 */
export function defaultWorkers(): number {
  return Math.min(4, Math.max(1, availableParallelism()));
}
