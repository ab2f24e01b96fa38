// The composition root: builds every part, hands each its collaborators, and releases them in reverse order.

import { systemClock } from '../shared/clock.ts';
import type { CheckError } from '../shared/errors.ts';
import { CheckerPool } from './checker-pool.ts';
import { formatMs } from './durations.ts';
import { Health } from './health.ts';
import { startHttpEndpoints } from './http-endpoints.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { loadClusterAccess } from './kubernetes-config.ts';
import { createLogger, type Logger } from './logger.ts';
import { Metrics } from './metrics.ts';
import type { Options } from './options.ts';
import { PollClock } from './poll-clock.ts';
import { type Pollable, PollCycle } from './poll-cycle.ts';
import { ProblemLog } from './problem-log.ts';
import { ProfileWatch } from './profile.ts';
import { ProviderRegistry } from './provider-registry.ts';
import { ResourceCaches } from './resource-caches.ts';
import { ServerHealthChecker } from './server-health-checker.ts';
import { StartupError, startupStep } from './startup-error.ts';
import { StateCounts } from './state-counts.ts';
import { StatusWriter } from './status-writer.ts';
import { createTelemetry } from './telemetry.ts';
import { TransitionLog } from './transition-log.ts';
import type { Version } from './version.ts';
import { workerModule } from './worker-modules.ts';

export interface RunContext {
  /** Aborting it stops the monitor. */
  readonly signal: AbortSignal;
  readonly logger?: Logger;
  readonly version?: Version;
  /** Told where the HTTP endpoints are, once they listen. */
  readonly onListening?: (address: { host: string; port: number }) => void;
}

const application = 'region-monitor';

/** What a stop may take: writes in flight are finished, then telemetry is flushed. Together less than 3 s. */
const stopMs = { writes: 1_000, telemetry: 1_500 };

/** For each request to the API server. Polls do not wait for writes, so the poll period says nothing about it. */
const apiTimeoutMs = 15_000;
const profileCheckMs = 60_000;

/** Watches until the signal aborts; rejects with a StartupError when it cannot start. */
export async function run(options: Options, context: RunContext): Promise<void> {
  const { signal } = context;
  const logger = context.logger ?? createLogger(options.log);
  const version = context.version ?? { version: 'unknown', revision: '' };
  logger.named(application).info('service starting', { application, ...version });
  await using resources = new AsyncDisposableStack();
  try {
    await watch(options, { ...context, logger, version, resources });
  } catch (error) {
    // A stop in the middle of the start is a stop.
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
  const clock = systemClock;
  const telemetry = resources.adopt(
    await startupStep('failed to setup OpenTelemetry', () =>
      createTelemetry({
        otlpEndpoint: options.otlpEndpoint,
        traceSamplingRatio: options.traceSamplingRatio,
        serviceName: application,
        serviceVersion: version.version,
        onError: (error) => logger.error('failed to export telemetry', error.message),
        onRecovered: (message) => logger.info('telemetry exported again', { detail: message }),
      }),
    ),
    async (opened) => opened.shutdown(stopMs.telemetry),
  );
  const client = resources.adopt(
    new KubernetesClient(
      await startupStep('failed to create client', async () => loadClusterAccess(options)),
      {
        requestTimeoutMs: apiTimeoutMs,
        // Reads must not queue behind a mass of writes.
        connections: options.writeConcurrency + 4,
        userAgent: `${application}/${version.version}`,
        onRequest: ({ verb, resource, status, seconds }) =>
          metrics.apiRequest(verb, resource, status, seconds),
      },
    ),
    async (opened) => opened.close(),
  );

  const counts = new StateCounts();
  const caches = new ResourceCaches({ client, namespace: options.namespace, clock, logger });
  // The sources are read when somebody collects, by which time all of them exist.
  const metrics = new Metrics(
    telemetry.meter,
    {
      serverStates: () => counts.values(),
      workers: () => pool.workers(),
      queueLength: () => pool.queueLength,
      regions: () => checker.regionSnapshots(),
      caches: () => caches.snapshots(),
    },
    version,
  );
  resources.defer(() => metrics.close());
  const pool = new CheckerPool({
    entry: workerModule('entry'),
    checks: [workerModule('server-health')],
    workers: options.workers,
    checkTimeoutMs: options.checkTimeoutMs,
    clock,
    onWorkerEnded: (worker, reason) => {
      metrics.workerRestarted(worker, reason);
      logger.error('worker thread ended, starting another', null, { worker, reason });
    },
    onError: (error) => logger.error('worker thread failed', error),
  });
  const writer = new StatusWriter({
    client,
    servers: caches.servers,
    concurrency: options.writeConcurrency,
    clock,
    log: new TransitionLog(logger),
    metrics,
    tracer: telemetry.tracer,
  });
  const registry = new ProviderRegistry({
    client,
    namespace: options.namespace,
    regions: caches.regions,
    identities: caches.identities,
    openstackIdentities: caches.openstackIdentities,
  });
  const checker = new ServerHealthChecker({
    worker: workerModule('server-health'),
    registry,
    regions: caches.regions,
    servers: caches.servers,
    writer,
    counts,
    problems: new ProblemLog(logger),
    metrics,
    tracer: telemetry.tracer,
    clock,
    limits: {
      requestTimeoutMs: options.requestTimeoutMs,
      concurrency: options.regionConcurrency,
      reconcileEvery: options.reconcileEvery,
    },
    onRegionGone: (regionId) => pool.forget(regionId),
  });
  const cycles: readonly Pollable[] = [
    new PollCycle({
      checker,
      pool,
      checkTimeoutMs: options.checkTimeoutMs,
      clock,
      metrics,
      tracer: telemetry.tracer,
      logger,
      signal,
    }),
  ];
  const firstPoll = Promise.withResolvers<void>();
  const polls = new PollClock({
    periodMs: options.pollPeriodMs,
    clock,
    onTick: (number) => {
      const poll = Promise.all(cycles.map(async (cycle) => cycle.poll(number)));
      void poll.then(() => firstPoll.resolve());
    },
  });

  const health = new Health({
    clock,
    polls,
    pollPeriodMs: options.pollPeriodMs,
    caches,
    triedAll: () => checker.triedAll,
  });

  const stop = new AbortController();
  const stopping = AbortSignal.any([signal, stop.signal]);
  const background: Promise<void>[] = [];
  resources.defer(async () => {
    stop.abort();
    await writer.drained(stopMs.writes);
    await Promise.all([pool.close(), ...background]);
  });
  if (options.listen !== null) {
    const { listen } = options;
    const endpoints = resources.adopt(
      await startupStep('failed to listen', async () =>
        startHttpEndpoints({
          listen,
          health,
          metricsText: async () => telemetry.prometheus.text(),
          status: () => ({
            regions: [...checker.regionSnapshots()],
            workers: [...pool.workers()],
            caches: [...caches.snapshots()],
          }),
        }),
      ),
      async (opened) => opened.close(),
    );
    context.onListening?.({ host: listen.host, port: endpoints.port });
    logger.info('listening', { host: listen.host, port: endpoints.port });
  }

  background.push(caches.run(stopping));
  await caches.whenSynced(options.startupTimeoutMs, stopping);
  const profile = new ProfileWatch({
    client,
    clock,
    periodMs: profileCheckMs,
    onChange: (detected) => logger.info('custom resource definitions detected', { profile: detected }),
    onError: (error) => logger.error('failed to detect the custom resource definitions', error.message),
  });
  background.push(profile.run(stopping));
  logger.info('watching', {
    regions: caches.regions.size,
    servers: caches.servers.size,
    workers: options.workers,
    poll_period: formatMs(options.pollPeriodMs),
  });
  const polling = polls.run(stopping);
  if (options.requireAllRegions) {
    await Promise.race([firstPoll.promise, polling]);
    assertAllResolved(checker.failures);
  }
  await polling;
}

function assertAllResolved(failures: ReadonlyMap<string, CheckError>): void {
  if (failures.size === 0) return;
  const reasons = [...failures].map(([regionId, { message }]) => `${regionId}: ${message}`);
  throw new StartupError('failed to initialize providers', `--require-all-regions: ${reasons.join('; ')}`);
}
