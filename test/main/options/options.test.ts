import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import test from 'ava';
import { Command } from 'commander';
import * as fc from 'fast-check';
import { optionsPage } from '../../../build/options-page.ts';
import { formatMs } from '../../../src/main/options/durations.ts';
import { allFlags, environmentName } from '../../../src/main/options/flags.ts';
import {
  addFlags,
  type FlagDefaults,
  type Options,
  OptionsError,
  readOptions,
} from '../../../src/main/options/options.ts';

interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly defaults?: FlagDefaults;
}

function read(args: readonly string[], { env = {}, defaults = {} }: Given = {}): Options {
  const command = addFlags(new Command());
  command.exitOverride().configureOutput({ outputError: () => {} });
  return readOptions(command.parse(args, { from: 'user' }), env, defaults);
}

/** The message that refuses the arguments; it is always one line. */
function refusal(args: readonly string[], given: Given = {}): string {
  try {
    read(args, given);
  } catch (error) {
    if (error instanceof OptionsError) return error.message;
    throw error;
  }
  return 'accepted';
}

/** Of a request and of a check. */
function timeouts(...args: string[]): readonly number[] {
  const { requestTimeoutMs, checkTimeoutMs } = read(args);
  return [requestTimeoutMs, checkTimeoutMs];
}

test('nothing given: the defaults of the original, and ours', (t) => {
  const { workers, ...options } = read([]);
  t.deepEqual(options, {
    namespace: '',
    checkers: ['server-health'],
    otlpEndpoint: '',
    traceSamplingRatio: 0,
    pollPeriodMs: 60_000,
    transitionPollPeriodMs: 10_000,
    checkTimeoutMs: 54_000,
    requestTimeoutMs: 20_000,
    log: { encoder: 'json', level: 0, stacktraceLevel: 'error', timeEncoding: 'rfc3339' },
    holdLastKnownMs: 0,
    kubeconfig: '',
    context: '',
    listen: null,
    regionConcurrency: 4,
    regionLoginsPerSecond: 20,
    serversPerJob: 2_500,
    writeConcurrency: 16,
    reconcileEvery: 10,
    startupTimeoutMs: 30_000,
    drainTimeoutMs: 8_000,
    events: false,
    requireAllRegions: false,
    shadow: false,
    shards: null,
  });
  t.true(workers >= 1 && workers <= 4);
});

test('shards: who this replica is, and where its Leases are', (t) => {
  const { shards } = read(['--shards=3'], { env: { POD_NAME: 'monitor-abc' } });
  t.deepEqual(shards, { count: 3, replicaName: 'monitor-abc', leaseNamespace: '', leaseDurationMs: 15_000 });
  const given = ['--shards=1', '--replica-name=one', '--lease-namespace=ops', '--lease-duration=6s'];
  t.deepEqual(read(given, { env: { POD_NAME: 'monitor-abc' } }).shards, {
    count: 1,
    replicaName: 'one',
    leaseNamespace: 'ops',
    leaseDurationMs: 6_000,
  });
  t.is(read(['--shards=2'], { env: { POD_NAME: '' } }).shards?.replicaName, hostname());
});

test('shards that cannot work are refused', (t) => {
  t.regex(refusal(['--shards=-1']), /--shards: must be a whole number from 0 to 256/);
  t.regex(refusal(['--shards=2', '--lease-duration=1s']), /--lease-duration: must be at least 2s/);
  t.regex(refusal(['--shards=2', '--replica-name=a b']), /--replica-name: must be 1 to 200/);
  t.regex(refusal(['--shards=2', '--lease-namespace=A']), /--lease-namespace: is not a valid name/);
  t.regex(refusal(['--shards=2', '--shadow']), /--shadow writes nothing, and --shards writes Leases/);
  t.regex(
    refusal(['--require-all-regions'], { env: { REGION_MONITOR_SHARDS: '2' } }),
    /with REGION_MONITOR_SHARDS a replica has only some/,
  );
  t.is(read(['--shards=0', '--shadow', '--require-all-regions']).shards, null);
});

test('the original has these flags, and so do we', (t) => {
  const original = [
    'namespace',
    'otlp-endpoint',
    'trace-sampling-ratio',
    'poll-period',
    'zap-devel',
    'zap-encoder',
    'zap-log-level',
    'zap-stacktrace-level',
    'zap-time-encoding',
    'kubeconfig',
  ];
  const ours = new Set(allFlags.map(({ name }) => name));
  t.deepEqual(
    original.filter((name) => !ours.has(name)),
    [],
  );
});

test("a value is joined by an equals sign or follows; a switch needs none: pflag's forms", (t) => {
  t.is(read(['--poll-period=90s']).pollPeriodMs, 90_000);
  t.is(read(['--poll-period', '1m30s']).pollPeriodMs, 90_000);
  t.is(read(['--trace-sampling-ratio', '-1']).traceSamplingRatio, -1);
  t.true(read(['--require-all-regions']).requireAllRegions);
  t.true(read(['--require-all-regions=T']).requireAllRegions);
  t.false(read(['--require-all-regions=false']).requireAllRegions);
  t.true(read(['--require-all-regions', '--namespace=a']).requireAllRegions);
  t.is(read(['--namespace=a', '--namespace=b']).namespace, 'b');
  t.is(read(['--namespace=']).namespace, '');
});

test('every flag can come from the environment; a flag wins; nothing is not set', (t) => {
  const env = {
    REGION_MONITOR_POLL_PERIOD: '30s',
    REGION_MONITOR_LISTEN: '127.0.0.1:8080',
    REGION_MONITOR_REQUIRE_ALL_REGIONS: 'true',
    REGION_MONITOR_ZAP_ENCODER: 'console',
    REGION_MONITOR_WORKERS: '',
    // What Kubernetes sets for a Service that is called region-monitor.
    REGION_MONITOR_PORT: 'tcp://10.0.0.1:8080',
    REGION_MONITOR_SERVICE_HOST: '10.0.0.1',
  };
  const options = read([], { env });
  t.is(options.pollPeriodMs, 30_000);
  t.deepEqual(options.listen, { host: '127.0.0.1', port: 8080 });
  t.true(options.requireAllRegions);
  t.is(options.log.encoder, 'console');

  const both = read(['--poll-period=10s', '--listen=', '--require-all-regions=false'], { env });
  t.is(both.pollPeriodMs, 10_000);
  t.is(both.listen, null);
  t.false(both.requireAllRegions);
});

test("no flag has a variable that Kubernetes sets for a Service of the monitor's name", (t) => {
  for (const { name } of allFlags)
    t.notRegex(environmentName(name), /^REGION_MONITOR_(?:PORT|SERVICE_HOST|SERVICE_PORT)/);
});

test('a command has defaults of its own, below flag and environment', (t) => {
  const defaults = { 'poll-period': '2s', listen: '127.0.0.1:0', 'zap-encoder': 'console' };
  t.is(read([], { defaults }).checkTimeoutMs, 1_800);
  t.deepEqual(read([], { defaults }).listen, { host: '127.0.0.1', port: 0 });
  t.is(read(['--listen='], { defaults }).listen, null);
  t.is(read([], { defaults, env: { REGION_MONITOR_ZAP_ENCODER: 'json' } }).log.encoder, 'json');
});

test('an error in a variable names the variable', (t) => {
  t.is(
    refusal([], { env: { REGION_MONITOR_POLL_PERIOD: '60' } }),
    'invalid argument "60" for REGION_MONITOR_POLL_PERIOD: time: missing unit in duration "60": write "60s" for seconds',
  );
  t.is(
    refusal(['--poll-period=1m'], { env: { REGION_MONITOR_CHECK_TIMEOUT: '2m' } }),
    'REGION_MONITOR_CHECK_TIMEOUT (2m0s) must be less than --poll-period (1m0s): ' +
      'lower REGION_MONITOR_CHECK_TIMEOUT or raise --poll-period',
  );
});

const refused: readonly (readonly [readonly string[], RegExp])[] = [
  [['--poll-period=60'], /^invalid argument "60" for --poll-period: time: missing unit in duration "60"/],
  [['--poll-period=0'], /--poll-period: must be at least 100ms/],
  [['--poll-period', '-1s'], /"-1s" for --poll-period: must be at least 100ms/],
  [['--poll-period=99ms'], /must be at least 100ms/],
  [['--poll-period=600h'], /must be at most 596h31m23\.647s/],
  [['--workers=0'], /for --workers: must be a whole number from 1 to 64/],
  [['--workers=65'], /from 1 to 64/],
  [['--workers=1.5'], /from 1 to 64/],
  [['--workers=0x2'], /from 1 to 64/],
  [['--workers='], /"" for --workers/],
  [['--region-concurrency=0'], /from 1 to 256/],
  [['--write-concurrency=0'], /from 1 to 256/],
  [['--reconcile-every=0'], /from 1 to/],
  [['--request-timeout=0'], /--request-timeout: must be at least 1ms/],
  [['--check-timeout=60s'], /^--check-timeout \(1m0s\) must be less than --poll-period \(1m0s\): lower/],
  [['--request-timeout=60s'], /^--request-timeout \(1m0s\) must be less than --poll-period \(1m0s\): lower/],
  [
    ['--request-timeout=9s', '--check-timeout=9s'],
    /^--request-timeout \(9s\) must be less than --check-timeout \(9s\): lower/,
  ],
  [['--startup-timeout=0'], /must be at least 1ms/],
  [['--trace-sampling-ratio=NaN'], /must be a number from 0/],
  [['--trace-sampling-ratio=half'], /must be a number from 0/],
  [['--require-all-regions=maybe'], /must be true or false/],
  [['--namespace=Region'], /is not a valid name of a namespace/],
  [
    ['--otlp-endpoint=grpc://collector:4317'],
    /--otlp-endpoint: is not the address of an OTLP receiver over HTTP: give host:port/,
  ],
  [
    ['--otlp-endpoint=collector:port'],
    /is not the address of an OTLP receiver over HTTP: give host:port, or a URL/,
  ],
  [['--listen=8080'], /must be :port or host:port/],
  [['--listen=:99999'], /must be :port or host:port/],
  [['--listen=::1:80'], /must be :port or host:port/],
  [['--listen=:http'], /must be :port or host:port/],
  [['--zap-encoder=xml'], /invalid encoder value "xml": choose json or console/],
  [['--zap-log-level=0'], /invalid log level "0"/],
  [['--zap-log-level=-1'], /invalid log level "-1"/],
  [['--zap-log-level=warn'], /invalid log level "warn"/],
  [['--zap-log-level=panic'], /invalid log level "panic"/],
  [['--zap-stacktrace-level=warn'], /invalid stacktrace level "warn"/],
  [['--zap-time-encoding=nano'], /invalid time-encoding value "nano": choose epoch, millis, nanos,/],
];

for (const [args, message] of refused)
  test(`refused: ${args.join(' ')}`, (t) => {
    t.regex(refusal(args), message);
    t.notRegex(refusal(args), /\n/);
  });

test('where to listen', (t) => {
  t.deepEqual(read(['--listen=:8080']).listen, { host: '', port: 8080 });
  t.deepEqual(read(['--listen=localhost:0']).listen, { host: 'localhost', port: 0 });
  t.deepEqual(read(['--listen=[::1]:8080']).listen, { host: '::1', port: 8080 });
});

test('the zap flags, in whatever case', (t) => {
  t.is(read(['--zap-encoder=CONSOLE']).log.encoder, 'console');
  t.is(read(['--zap-log-level=Debug']).log.level, 1);
  t.is(read(['--zap-log-level=5']).log.level, 5);
  t.is(read(['--zap-log-level=error']).log.level, -1);
  t.is(read(['--zap-stacktrace-level=panic']).log.stacktraceLevel, 'panic');
  t.is(read(['--zap-time-encoding=RFC3339Nano']).log.timeEncoding, 'rfc3339nano');
});

test('--zap-devel changes what the other zap flags default to, and nothing that was given', (t) => {
  t.like(read(['--zap-devel']).log, { encoder: 'console', level: 1 });
  t.like(read(['--zap-devel', '--zap-encoder=json', '--zap-log-level=info']).log, {
    encoder: 'json',
    level: 0,
  });
});

test('time-outs that are not given follow from what is', (t) => {
  t.deepEqual(timeouts('--poll-period=500ms'), [225, 450]);
  t.deepEqual(timeouts('--poll-period=10m'), [20_000, 540_000]);
  t.deepEqual(timeouts('--check-timeout=10s'), [5_000, 10_000]);
  t.deepEqual(timeouts('--request-timeout=5s'), [5_000, 54_000]);
  t.deepEqual(timeouts('--request-timeout=57s'), [57_000, 58_500]);
});

test('what is accepted always satisfies 0 < request < check < period', (t) => {
  const duration = fc.option(fc.integer({ min: 1, max: 200_000 }), { nil: undefined });
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 100_000 }), duration, duration, (period, check, request) => {
      const args = [`--poll-period=${formatMs(period)}`];
      if (check !== undefined) args.push(`--check-timeout=${formatMs(check)}`);
      if (request !== undefined) args.push(`--request-timeout=${formatMs(request)}`);
      try {
        const { requestTimeoutMs, checkTimeoutMs, pollPeriodMs } = read(args);
        t.true(requestTimeoutMs > 0 && requestTimeoutMs < checkTimeoutMs && checkTimeoutMs < pollPeriodMs);
        t.is(checkTimeoutMs, check ?? checkTimeoutMs);
        t.is(requestTimeoutMs, request ?? requestTimeoutMs);
      } catch (error) {
        t.true(error instanceof OptionsError, String(error));
        t.true(check !== undefined || request !== undefined, 'a poll period alone is enough');
      }
    }),
  );
});

test("every flag's default is one that it accepts, and every flag says what it does", (t) => {
  for (const flag of allFlags) {
    if (flag.default === undefined) t.truthy(flag.follows);
    else t.notThrows(() => flag.parse(flag.default ?? ''));
    t.regex(flag.description, /^[a-z/].*[^.]$/);
  }
});

test('docs/options.md is what `npm run docs` writes', (t) => {
  t.is(readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8'), optionsPage());
});

function period(...args: string[]): number {
  return read(args).transitionPollPeriodMs;
}

test('what is in transition is asked for between two polls', (t) => {
  t.is(period('--poll-period=30s'), 5_000, 'a sixth');
  t.is(period('--poll-period=2s'), 1_000, 'at least a second');
  t.is(period('--poll-period=500ms'), 500, 'or not at all');
  t.is(period('--poll-period=60s', '--transition-poll-period=0'), 60_000);
  t.is(
    period('--poll-period=60s', '--transition-poll-period=7s'),
    60_000 / 9,
    'a whole number fits into the period',
  );
  t.throws(() => read(['--poll-period=10s', '--transition-poll-period=11s']), {
    message: /--transition-poll-period \(11s\) must not be more than --poll-period \(10s\)/,
  });
});
