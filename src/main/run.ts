// The daemon: builds every part (polling.ts what a poll needs), polls by the clock, and releases the parts in reverse
// order.

import { type Clock, systemClock } from '../shared/clock.ts';
import type { CheckError } from '../shared/errors.ts';
import { createLogger, type Logger } from './log/logger.ts';
import { MarkedLogger } from './log/marked-logger.ts';
import type { CreateCheckers } from './monitor-parts.ts';
import { formatMs } from './options/durations.ts';
import type { Options } from './options/options.ts';
import { createPolling } from './polling.ts';
import { PollClock } from './polls/poll-clock.ts';
import { StartupError, startupStep } from './startup-error.ts';
import { createTelemetry } from './telemetry/telemetry.ts';
import type { Version } from './version.ts';
import { monitorStatus } from './web/collect-status.ts';
import { Health } from './web/health.ts';
import { type HttpEndpoints, startHttpEndpoints } from './web/http-endpoints.ts';

export interface RunContext {
  /** Aborting it stops the monitor. */
  readonly signal: AbortSignal;
  readonly logger?: Logger;
  readonly version?: Version;
  /** Called with the address of the HTTP endpoints once they listen. */
  readonly onListening?: (address: { host: string; port: number }) => void;
  /** The system's unless given. */
  readonly clock?: Clock;
  /** Further checkers. */
  readonly checkers?: CreateCheckers;
}

const application = 'region-monitor';

/** Time to give the Leases of the shards back at a stop. Together with Events and telemetry it makes the 2 s that `run` promises. */
const releaseMs = 700;

/** Time to flush telemetry at a stop. */
const flushMs = 1_000;

/**
 * Watches until the signal aborts, and resolves when everything is released: within --drain-timeout and 2 s. Rejects
 * with a StartupError when it cannot start; nothing that a region or the API server does afterwards makes it reject.
 */
export async function run(options: Options, context: RunContext): Promise<void> {
  const { signal } = context;
  const log = context.logger ?? createLogger(options.log);
  // Mark the lines, so that they are not taken for the other monitor's.
  const logger = options.shadow ? new MarkedLogger(log, { shadow: true }) : log;
  const version = context.version ?? { version: 'unknown', revision: '' };
  logger.named(application).info('service starting', { application, ...version });
  await using resources = new AsyncDisposableStack();
  try {
    await watch(options, { ...context, logger, version, resources });
  } catch (error) {
    // Being stopped during the start is not an error.
    if (!signal.aborted) throw error;
  }
  logger.info('service stopping', { reason: signal.reason instanceof Error ? signal.reason.message : '' });
}

interface WatchContext extends RunContext {
  readonly logger: Logger;
  readonly version: Version;
  /** Takes a releaser for everything that is opened. */
  readonly resources: AsyncDisposableStack;
}

async function watch(options: Options, context: WatchContext): Promise<void> {
  const { signal, logger, version, resources } = context;
  let latestPoll = 1;
  const telemetry = resources.adopt(
    await startupStep('failed to setup OpenTelemetry', () =>
      createTelemetry({
        otlpEndpoint: options.otlpEndpoint,
        traceSamplingRatio: options.traceSamplingRatio,
        serviceName: application,
        serviceVersion: version.version,
        onError: (error) => logger.error('failed to export telemetry', error.message),
        onIgnored: (problem) => logger.error('environment variable ignored', problem),
        onRecovered: (message) => logger.info('telemetry exported again', { detail: message }),
      }),
    ),
    async (opened) => opened.shutdown(flushMs),
  );
  const parts = await createPolling(options, {
    clock: context.clock ?? systemClock,
    logger,
    version,
    telemetry,
    signal,
    resources,
    createCheckers: context.checkers,
    onRegionsGained: (isNew) => {
      // They were polled by another replica until now, so they are not late yet.
      for (const cycle of parts.cycles) void cycle.poll(latestPoll, 'all', isNew);
    },
  });
  const { clock, caches, definitions, pool, regions, writing, cycles, shards } = parts;
  const firstPoll = Promise.withResolvers<void>();
  let underway = 0;
  const polls = new PollClock({
    periodMs: options.transitionPollPeriodMs,
    ticksPerPoll: Math.round(options.pollPeriodMs / options.transitionPollPeriodMs),
    isSettled: () => underway === 0 && parts.isSettled(),
    clock,
    onTick: (number, scope) => {
      latestPoll = number;
      underway += 1;
      void writing.settle(stopping);
      const poll = Promise.all(cycles.map(async (cycle) => cycle.poll(number, scope)));
      void poll.then(() => {
        underway -= 1;
        firstPoll.resolve();
        health.ready();
      });
    },
  });

  const health = new Health({
    clock,
    polls,
    pollPeriodMs: options.pollPeriodMs,
    caches,
    triedAll: () => regions.triedAll,
  });

  const stop = new AbortController();
  const leave = new AbortController();
  const stopping = AbortSignal.any([signal, stop.signal]);
  const background: Promise<void>[] = [];
  let sharing: Promise<void> | undefined;
  let endpoints: HttpEndpoints | undefined;
  resources.defer(async () => {
    stop.abort();
    // Its clients may take a while, so nothing else waits for them.
    background.push(endpoints?.close() ?? Promise.resolve());
    await writing.drain(options.drainTimeoutMs);
    // Only now: as long as a shard is held, no other replica writes what is being written.
    leave.abort();
    await sharing;
    await Promise.all([shards?.release(releaseMs), pool.close(), ...background]);
  });
  if (options.listen !== null) {
    const { listen, pollPeriodMs, shadow } = options;
    const startedAt = new Date(clock.now()).toISOString();
    const about = { ...version, startedAt, pollPeriodMs, shadow };
    endpoints = await startupStep('failed to listen', async () =>
      startHttpEndpoints({
        listen,
        health,
        metricsText: async () => telemetry.prometheus.text(),
        status: () => monitorStatus({ ...parts, about, clock, health }),
      }),
    );
    context.onListening?.({ host: listen.host, port: endpoints.port });
    logger.info('listening', { host: listen.host, port: endpoints.port });
  }

  background.push(caches.run(stopping), definitions.run(stopping));
  await startupStep('failed to sync caches', async () =>
    caches.whenSynced(options.startupTimeoutMs, stopping),
  );
  // What is written depends on them.
  await definitions.looked;
  logger.info('watching', {
    regions: caches.regions.size,
    servers: caches.servers.size,
    workers: options.workers,
    poll_period: formatMs(options.pollPeriodMs),
  });
  const polling = polls.run(stopping);
  sharing = shards?.run(leave.signal);
  if (options.requireAllRegions) {
    await Promise.race([firstPoll.promise, polling]);
    assertAllResolved(regions.failures);
  }
  await polling;
}

function assertAllResolved(failures: ReadonlyMap<string, CheckError>): void {
  if (failures.size === 0) return;
  const reasons = [...failures].map(([regionId, { message }]) => `${regionId}: ${message}`);
  throw new StartupError('failed to initialize providers', `--require-all-regions: ${reasons.join('; ')}`);
}
