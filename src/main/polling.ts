// Everything that a poll needs, wired together: the client and the caches, the worker pool, the writer, the checkers.
// `run` polls by a clock, `check` once.

import type { Checker, CheckJob } from '../shared/checker.ts';
import type { Clock } from '../shared/clock.ts';
import { Network } from '../shared/network/network.ts';
import type { RegionRef } from '../shared/region-ref.ts';
import type { ObjectRef } from '../shared/watched-object.ts';
import type { ObjectViews, Onlookers, OwnCheck } from './checks/own-check.ts';
import { reportEvents } from './events/event-reporter.ts';
import { loadClusterAccess } from './kubernetes/access/config.ts';
import { KubernetesClient } from './kubernetes/client.ts';
import { ProfileWatch } from './kubernetes/objects/profile.ts';
import { ResourceCaches } from './kubernetes/objects/resource-caches.ts';
import { SecretReader } from './kubernetes/objects/secret-reader.ts';
import { watchedResources } from './kubernetes/required-rights.ts';
import { Warnings } from './kubernetes/warnings.ts';
import type { Logger } from './log/logger.ts';
import type { CreateCheckers, MonitorParts } from './monitor-parts.ts';
import type { Options } from './options/options.ts';
import { ownChecks } from './own-checks.ts';
import { CheckerPool } from './polls/checker-pool.ts';
import { EndedPolls } from './polls/ended-polls.ts';
import { EventLoopTurns } from './polls/event-loop-turns.ts';
import { type Pollable, PollCycle } from './polls/poll-cycle.ts';
import { workerModule } from './polls/worker-modules.ts';
import { ProblemLog } from './problems/problem-log.ts';
import { RecentTransitions } from './projection/recent-transitions.ts';
import { StateCounts } from './projection/state-counts.ts';
import { WriteQueue } from './projection/write-queue.ts';
import { Writing } from './projection/writing.ts';
import { AccessReader } from './regions/access.ts';
import { Regions } from './regions/regions.ts';
import { createShards, leaseAccess, shardCaches } from './shards/create-shards.ts';
import type { Shards } from './shards/shards.ts';
import { startupStep } from './startup-error.ts';
import { Metrics } from './telemetry/metrics.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import { WatchedClock } from './telemetry/watched-clock.ts';
import type { Version } from './version.ts';

export interface PollingContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: Version;
  readonly telemetry: Pick<Telemetry, 'meter' | 'tracer'>;
  /** Aborts when polls are to end. */
  readonly signal: AbortSignal;
  /** Takes a releaser for everything that is opened, but for the pool: its owner closes it once writes are drained. */
  readonly resources: AsyncDisposableStack;
  readonly createCheckers?: CreateCheckers | undefined;
  /** Called when a shard that was taken has regions which this process did not poll before. */
  readonly onRegionsGained?: (isNew: (region: RegionRef) => boolean) => void;
  /** What a command puts in place of the usual parts. */
  readonly replace?: Replacements;
}

interface Replacements {
  readonly views: (all: ObjectViews) => ObjectViews;
  readonly problems: Pick<ProblemLog, 'report' | 'add'>;
  readonly onlookers: Onlookers;
}

export interface Polling {
  /** The context's, watched. */
  readonly clock: Clock;
  readonly client: KubernetesClient;
  readonly caches: ResourceCaches;
  readonly definitions: ProfileWatch;
  readonly pool: CheckerPool;
  readonly regions: Regions;
  readonly writes: WriteQueue;
  readonly writing: Pick<Writing, 'settle' | 'drain'>;
  readonly counts: StateCounts;
  readonly transitions: RecentTransitions;
  readonly problems: Pick<ProblemLog, 'open'>;
  readonly cycles: readonly Pollable[];
  /** True when no poll is needed before the next one of everything, as long as none is under way. */
  readonly isSettled: () => boolean;
  /** Null where this process watches all regions. */
  readonly shards: Shards | null;
}

/** For each request to the API server. Polls do not wait for writes, so the poll period says nothing about it. */
const apiTimeoutMs = 15_000;
/** Definitions that are replaced count within a minute, polls included. */
const definitionsCheckMs = 10_000;

/** Rejects with a StartupError when the API server cannot be reached by configuration. */
export async function createPolling(options: Options, context: PollingContext): Promise<Polling> {
  const { logger, version, telemetry, signal, resources } = context;
  const clock = new WatchedClock(context.clock);
  const network = new Network(process.env);
  for (const problem of network.problems) logger.error('network environment cannot be used', problem);
  const access = await startupStep('failed to create client', async () =>
    loadClusterAccess({
      kubeconfig: options.kubeconfig,
      context: options.context,
      clock,
      signal,
      onNotice: (output) => logger.info('credential plugin reports', { output }),
    }),
  );
  const apiWarnings = logger.named('KubeAPIWarningLogger');
  const warnings = new Warnings((text) => apiWarnings.info(text));
  const openClient = (limits: { readonly requestTimeoutMs: number; readonly connections: number }) =>
    resources.adopt(
      new KubernetesClient(access, {
        ...limits,
        userAgent: `region-monitor/${version.version}`,
        network,
        onRequest: ({ verb, resource, status, seconds }) =>
          metrics.apiRequest(verb, resource, status, seconds),
        warnings,
      }),
      async (opened) => opened.close(),
    );
  // Reads must not queue behind a mass of writes.
  const client = openClient({ requestTimeoutMs: apiTimeoutMs, connections: options.writeConcurrency + 4 });
  const namespaces = { watched: options.namespace, ofProcess: access.defaultNamespace };
  const leases = await startupStep('failed to find the Leases', () =>
    options.shards === null ? null : leaseAccess(options.shards, namespaces, openClient),
  );

  const counts = new StateCounts();
  const transitions = new RecentTransitions(clock);
  const caches = new ResourceCaches({
    client,
    namespace: options.namespace,
    watched: watchedResources(options.checkers),
    pollPeriodMs: options.pollPeriodMs,
    clock,
    logger,
    shards: leases === null ? undefined : shardCaches(leases),
  });
  const shards: Shards | null =
    leases &&
    createShards({
      ...leases,
      caches,
      clock,
      logger,
      onTaken: (shard) => metrics.shardTaken(shard),
      onLost: () => regions.retain(({ name }) => shards?.owns(name) !== false),
      onGained: (isNew) => context.onRegionsGained?.(isNew),
      onRenewal: (outcome) => metrics.leaseRenewal(outcome),
    });
  // What this process works on: with shards, a part of the objects.
  const own: ObjectViews = shards ?? caches;
  const monitorParts: MonitorParts = {
    regions: own.regions,
    servers: own.servers,
    logger,
    meter: telemetry.meter,
    tracer: telemetry.tracer,
    clock,
  };
  const further = await startupStep(
    'failed to create checkers',
    () => context.createCheckers?.(monitorParts) ?? [],
  );
  // The sources are read at collection, by which time all of them exist.
  const metrics = new Metrics(
    telemetry.meter,
    {
      serverStates: () => {
        shards?.look();
        return counts.values();
      },
      workers: () => pool.workers(),
      queueLength: () => pool.queueLength,
      regions: () => regions.snapshots(),
      caches: () => caches.snapshots(),
      shards: () => shards?.states() ?? [],
      checkers: () => [...checks, ...further].map(({ name }) => name),
      takeLateMs: () => clock.takeLateMs(),
    },
    version,
  );
  resources.defer(() => metrics.close());
  const turns = new EventLoopTurns();
  const pool = new CheckerPool({
    turns,
    entry: workerModule('entry'),
    checks: [
      ...options.checkers.map((name) => workerModule(`${name}/check`)),
      ...further.map(({ worker }) => worker),
    ],
    workers: options.workers,
    checkTimeoutMs: options.checkTimeoutMs,
    clock,
    onWorkerEnded: (worker, reason) => {
      metrics.workerRestarted(worker, reason);
      logger.error('worker thread ended, starting another', null, { worker, reason });
    },
    onError: (error) => logger.error('worker thread failed', error),
    onWarning: (text) => logger.error('warning of Node.js in a worker thread', text),
  });
  const definitions = new ProfileWatch({
    client,
    clock,
    periodMs: definitionsCheckMs,
    onChange: (detected) => logger.info('custom resource definitions detected', { profile: detected }),
    onError: (error) => logger.error('failed to detect the custom resource definitions', error.message),
  });
  const events = options.events ? [reportEvents({ client, clock, logger, metrics, resources })] : [];
  const namesNamespaces = options.namespace === '';
  const problemLog = new ProblemLog(logger, clock, {
    isThere: (object) => isThere(object, own),
    namesNamespaces,
  });
  const { replace } = context;
  const views = replace?.views(own) ?? own;
  const regions = new Regions({
    namespace: options.namespace,
    records: views.regions,
    pollPeriodMs: options.pollPeriodMs,
    clock,
    onGone: (region) => {
      for (const check of checks) check.forget(region);
      problemLog.forgetRegion(region);
      pool.forget(region);
      endedPolls.forget(region);
    },
  });
  const writes = new WriteQueue({
    concurrency: options.writeConcurrency,
    onRegionIdle: (region) => {
      for (const check of checks) check.regionIdle(region);
    },
  });
  const { meter, tracer } = telemetry;
  const endedPolls = new EndedPolls(clock);
  const common = { clock, logger, metrics, tracer, definitions };
  const writing = new Writing({
    ...common,
    client,
    transitions,
    listeners: events,
    shadow: options.shadow,
    namesNamespaces,
    queue: writes,
    mayWrite: ({ regionId }) => shards?.owns(regionId) ?? true,
  });
  const parts = {
    ...common,
    options,
    limits: {
      requestTimeoutMs: options.requestTimeoutMs,
      concurrency: options.regionConcurrency,
      loginsPerSecond: options.regionLoginsPerSecond,
    },
    turns,
    meter,
    caches,
    views,
    regions,
    endedPolls,
    counts,
    problems: replace?.problems ?? problemLog,
    onlookers: replace?.onlookers ?? {},
    access: new AccessReader({
      // Leave enough of the check's time for the check itself.
      secrets: new SecretReader({ client, clock, patienceMs: options.checkTimeoutMs / 4 }),
      namespace: options.namespace,
      regions: caches.regions,
      identities: caches.identities,
      openstackIdentities: caches.openstackIdentities,
    }),
    writing,
  };
  const checks: readonly OwnCheck[] = options.checkers.map((name) => ownChecks[name](parts));
  const cycleOf = <Job extends CheckJob, Result>(checker: Checker<Job, Result>): Pollable =>
    new PollCycle({
      checker,
      pool,
      checkTimeoutMs: options.checkTimeoutMs,
      // They must have ended when the next poll wants the region.
      unsettledTimeoutMs: options.transitionPollPeriodMs * 0.9,
      clock,
      metrics,
      tracer,
      logger,
      mayPoll: ({ name }) => shards?.owns(name) ?? true,
      onFinished: (check, region, number) => endedPolls.note(check, region, number),
      signal,
    });
  const cycles = [...checks.map((check) => check.cycle(cycleOf)), ...further.map((one) => cycleOf(one))];
  return {
    clock,
    client,
    caches,
    definitions,
    pool,
    regions,
    writes,
    writing,
    counts,
    transitions,
    problems: problemLog,
    cycles,
    // Only polls unsettle a region. With shards, regions come between polls; what checkers of others wait for is not known.
    isSettled: () => shards === null && further.length === 0 && !regions.unsettled,
    shards,
  };
}

/** Not deleted, nor replaced by another of its name, nor moved to another region. */
function isThere({ resource, namespace, name, uid, regionId }: ObjectRef, objects: ObjectViews): boolean {
  const now = objects[resource].get(namespace, name);
  return now?.uid === uid && !now.deleting && now.regionId === regionId;
}
