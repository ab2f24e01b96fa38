// The settings of a monitor, and how they are read from a command line and the environment.

import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import type { LogOptions } from '../log/logger.ts';
import type { CheckName } from './check-names.ts';
import { defaultWorkers, FlagValueError, type ListenAddress } from './flag-values.ts';
import { allFlags, environmentName, type FixedFlag, type Flag, flags } from './flags.ts';
import { type Chosen, conflict, followingTimeouts, transitionPeriod } from './option-rules.ts';

export interface Options {
  /** "" for all namespaces. */
  readonly namespace: string;
  /** The monitor's own checks that run. */
  readonly checkers: readonly CheckName[];
  /** "host:port" or an http or https URL; "" for what the variables of OpenTelemetry say. */
  readonly otlpEndpoint: string;
  /** 0 or less: never; 1 or more: always. */
  readonly traceSamplingRatio: number;
  readonly pollPeriodMs: number;
  /** Fits a whole number of times into pollPeriodMs; equal to it when there are no polls in between. */
  readonly transitionPollPeriodMs: number;
  /** 0: not at all. */
  readonly holdLastKnownMs: number;
  readonly log: LogOptions;
  readonly workers: number;
  /** A file; "" where none was given. */
  readonly kubeconfig: string;
  /** "" for the kubeconfig's current one. */
  readonly context: string;
  /** Null: no HTTP server. */
  readonly listen: ListenAddress | null;
  /** Always: 0 < requestTimeoutMs < checkTimeoutMs < pollPeriodMs. */
  readonly requestTimeoutMs: number;
  readonly checkTimeoutMs: number;
  readonly regionConcurrency: number;
  readonly regionLoginsPerSecond: number;
  /** A project is never divided: a job has at least one. */
  readonly serversPerJob: number;
  readonly writeConcurrency: number;
  readonly reconcileEvery: number;
  readonly startupTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Reports transitions also as Events. */
  readonly events: boolean;
  readonly requireAllRegions: boolean;
  /** Writes nothing; logs what it would write. */
  readonly shadow: boolean;
  /** Null: all regions are watched, and no Lease is touched. */
  readonly shards: ShardOptions | null;
}

export interface ShardOptions {
  readonly count: number;
  readonly replicaName: string;
  /** "" for the pod's, the kubeconfig's, or the one that is watched. */
  readonly leaseNamespace: string;
  readonly leaseDurationMs: number;
}

/** Invalid settings. The message is one line that says which one, why, and what to change. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

/** Texts by name of the flag, for a command whose defaults differ from the table's. */
export type FlagDefaults = Readonly<Record<string, string>>;

/** Registers every flag with a commander command. Values stay texts until `readOptions` reads them. */
export function addFlags(command: Command): Command {
  return addOwnFlags(command, allFlags);
}

/** Registers flags that belong to one command alone. */
export function addOwnFlags(command: Command, own: readonly Flag<unknown>[]): Command {
  for (const flag of own) command.addOption(commanderOption(flag));
  return command;
}

function commanderOption(flag: Flag<unknown>): Option {
  const { name, kind, group, description, repeatable } = flag;
  const value = kind === 'bool' ? '[bool]' : `<${kind}>`;
  const text = flag.default ?? flag.follows ?? '';
  const suffix = text === '' ? '' : ` (default: ${text})`;
  const option = new Option(`--${name} ${value}`, description + suffix).helpGroup(`${group}:`);
  return repeatable === true ? option.argParser(joined) : option;
}

function joined(text: string, before: string | undefined): string {
  return before === undefined ? text : `${before},${text}`;
}

/**
 * The settings from the flags that `command` (or a parent of it) was given, else from `env`, else from `defaults`,
 * else from the table. Throws an OptionsError.
 */
export function readOptions(
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
  defaults: FlagDefaults = {},
): Options {
  const reader = flagReader(command, env, defaults);
  const duration = (flag: Flag<number>): Chosen | undefined => {
    const ms = reader.given(flag);
    return ms === undefined ? undefined : { ms, source: reader.source(flag) };
  };

  const timeouts = {
    pollPeriod: { ms: reader.value(flags.pollPeriod), source: reader.source(flags.pollPeriod) },
    checkTimeout: duration(flags.checkTimeout),
    requestTimeout: duration(flags.requestTimeout),
    transitionPollPeriod: duration(flags.transitionPollPeriod),
  };
  const problem = conflict(timeouts);
  if (problem !== undefined) throw new OptionsError(problem);

  return {
    namespace: reader.value(flags.namespace),
    checkers: reader.value(flags.checkers),
    otlpEndpoint: reader.value(flags.otlpEndpoint),
    traceSamplingRatio: reader.value(flags.traceSamplingRatio),
    pollPeriodMs: timeouts.pollPeriod.ms,
    ...followingTimeouts(timeouts),
    transitionPollPeriodMs: transitionPeriod(timeouts),
    holdLastKnownMs: reader.value(flags.holdLastKnown),
    log: logOptions(reader),
    workers: reader.given(flags.workers) ?? defaultWorkers(),
    kubeconfig: reader.value(flags.kubeconfig),
    context: reader.value(flags.context),
    listen: reader.value(flags.listen),
    regionConcurrency: reader.value(flags.regionConcurrency),
    regionLoginsPerSecond: reader.value(flags.regionLoginsPerSecond),
    serversPerJob: reader.value(flags.serversPerJob),
    writeConcurrency: reader.value(flags.writeConcurrency),
    reconcileEvery: reader.value(flags.reconcileEvery),
    startupTimeoutMs: reader.value(flags.startupTimeout),
    drainTimeoutMs: reader.value(flags.drainTimeout),
    events: reader.value(flags.events),
    requireAllRegions: reader.value(flags.requireAllRegions),
    shadow: reader.value(flags.shadow),
    shards: shardOptions(reader, env),
  };
}

function shardOptions(
  reader: FlagReader,
  env: Readonly<Record<string, string | undefined>>,
): ShardOptions | null {
  const count = reader.value(flags.shards);
  if (count === 0) return null;
  const source = reader.source(flags.shards);
  if (reader.value(flags.shadow))
    throw new OptionsError(`--shadow writes nothing, and ${source} writes Leases: leave one of them out`);
  if (reader.value(flags.requireAllRegions))
    throw new OptionsError(
      `--require-all-regions needs all regions at the start, and with ${source} a replica has only some: leave one of them out`,
    );
  return {
    count,
    replicaName: reader.given(flags.replicaName) ?? (env['POD_NAME'] || hostname()),
    leaseNamespace: reader.given(flags.leaseNamespace) ?? '',
    leaseDurationMs: reader.value(flags.leaseDuration),
  };
}

const debugVerbosity = 1;

/** --zap-devel changes what the other zap flags default to, and nothing that was given. */
function logOptions(reader: FlagReader): LogOptions {
  const devel = reader.value(flags.zapDevel);
  return {
    encoder: reader.given(flags.zapEncoder) ?? (devel ? 'console' : reader.value(flags.zapEncoder)),
    level: reader.given(flags.zapLogLevel) ?? (devel ? debugVerbosity : reader.value(flags.zapLogLevel)),
    stacktraceLevel: reader.value(flags.zapStacktraceLevel),
    timeEncoding: reader.value(flags.zapTimeEncoding),
  };
}

/** The flags of a command: those that it was given, else from `env`, else from `defaults`. */
export function flagReader(
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
  defaults: FlagDefaults = {},
): FlagReader {
  return new FlagReader(command.optsWithGlobals(), env, defaults);
}

/** Where each value comes from: the command line, then the environment, then the defaults. */
export class FlagReader {
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #defaults: FlagDefaults;

  constructor(
    given: Readonly<Record<string, unknown>>,
    env: Readonly<Record<string, string | undefined>>,
    defaults: FlagDefaults,
  ) {
    this.#given = given;
    this.#env = env;
    this.#defaults = defaults;
  }

  /** What was given for this command, by flag, environment or the command's defaults; undefined when nothing was. */
  given<Value>(flag: Flag<Value>): Value | undefined {
    const text = this.#text(flag);
    return text === undefined ? undefined : this.#parse(flag, text);
  }

  /** What was given, or the table's default. */
  value<Value>(flag: FixedFlag<Value>): Value {
    return this.#parse(flag, this.#text(flag) ?? flag.default);
  }

  /** Where the value came from: the flag, or the environment variable. */
  source(flag: Flag<unknown>): string {
    return this.#fromCommandLine(flag) === undefined && this.#fromEnvironment(flag) !== undefined
      ? environmentName(flag.name)
      : `--${flag.name}`;
  }

  #text(flag: Flag<unknown>): string | undefined {
    return this.#fromCommandLine(flag) ?? this.#fromEnvironment(flag) ?? this.#defaults[flag.name];
  }

  #fromCommandLine(flag: Flag<unknown>): string | undefined {
    const value = this.#given[new Option(`--${flag.name}`).attributeName()];
    if (value === true) return 'true'; // a switch without a value
    return typeof value === 'string' ? value : undefined;
  }

  /** An empty variable counts as not set: manifests have no other way to leave one out. */
  #fromEnvironment(flag: Flag<unknown>): string | undefined {
    const value = this.#env[environmentName(flag.name)];
    return value === '' ? undefined : value;
  }

  #parse<Value>(flag: Flag<Value>, text: string): Value {
    try {
      return flag.parse(text);
    } catch (error) {
      if (!(error instanceof FlagValueError)) throw error;
      throw new OptionsError(
        `invalid argument ${JSON.stringify(text)} for ${this.source(flag)}: ${error.message}`,
      );
    }
  }
}
