// `region-monitor check`: one poll of all regions, or of some, and what it found of every object. What changed is written
// as the daemon would write it; with --dry-run, or --shadow, nothing is.

import { createNoopMeter, ProxyTracerProvider } from '@opentelemetry/api';
import type { ObjectViews } from '../main/checks/own-check.ts';
import type { ObjectView } from '../main/kubernetes/objects/object-view.ts';
import type { RegionRecord } from '../main/kubernetes/objects/resource-records.ts';
import type { Logger } from '../main/log/logger.ts';
import type { FlagReader, Options } from '../main/options/options.ts';
import { createPolling } from '../main/polling.ts';
import { namesRegion, unknownRegions } from '../main/regions/selection.ts';
import { StartupError, startupStep } from '../main/startup-error.ts';
import type { Version } from '../main/version.ts';
import { systemClock } from '../shared/clock.ts';
import type { LoadBalancerRecord } from '../shared/load-balancer-record.ts';
import { regionKey } from '../shared/region-ref.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { WatchedObject } from '../shared/watched-object.ts';
import { ProgressLine } from '../terminal/progress-line.ts';
import { type Stream, terminalOf } from '../terminal/terminal.ts';
import { checkFlags, type tableOutputs } from './flags.ts';
import { ProblemCollector } from './problem-collector.ts';
import { type Recorded, RecordingWriter } from './recording-writer.ts';
import { type CheckReport, checkReport, isComplete } from './report.ts';
import { checkSummary, checkTable, countedObjects } from './table.ts';

export interface CheckContext {
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly version: Version;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** For the writes of a poll that was interrupted. */
const drainMs = 1_000;

/** The exit code: 0 when every object was checked, and written where it had to be. */
export async function check(options: Options, context: CheckContext, flags: FlagReader): Promise<number> {
  const { signal, stdout, stderr, env } = context;
  const startMs = systemClock.monotonicMs();
  const shadow = options.shadow || flags.value(checkFlags.dryRun);
  const report = await pollOnce(
    { ...options, shadow, shards: null },
    context,
    flags.value(checkFlags.region),
  ).catch((error: unknown) => {
    // An interruption needs no explanation.
    if (signal.aborted) return null;
    throw error;
  });
  if (report === null || signal.aborted) return 1;
  const output = flags.value(checkFlags.output);
  stdout.write(await rendered(report, output, context));
  if (output === 'table' || output === 'wide') {
    const seconds = (systemClock.monotonicMs() - startMs) / 1000;
    stderr.write(checkSummary(report, seconds, terminalOf(stderr, env)));
  }
  return isComplete(report) ? 0 : 1;
}

async function rendered(
  report: CheckReport,
  output: (typeof tableOutputs)[number],
  { stdout, env }: CheckContext,
): Promise<string> {
  if (output === 'json') return `${JSON.stringify(report, null, 2)}\n`;
  if (output === 'yaml') {
    const { dump } = await import('js-yaml');
    // Each part in full: half of a line's fields stand twice, before and after.
    return dump(report, { noRefs: true });
  }
  return checkTable(report, { terminal: terminalOf(stdout, env), wide: output === 'wide' });
}

/** Rejects with a StartupError when the objects cannot be read, or a wanted region is not there. */
async function pollOnce(
  options: Options,
  { signal, logger, version, stderr, env }: CheckContext,
  wanted: readonly string[],
): Promise<CheckReport> {
  await using resources = new AsyncDisposableStack();
  const problems = new ProblemCollector();
  const recordedServers = new Map<string, Recorded<ServerRecord>>();
  const recordedBalancers = new Map<string, Recorded<LoadBalancerRecord>>();
  const recordedRegions = new Map<string, Recorded<RegionRecord>>();
  const {
    caches,
    cycles,
    definitions,
    pool,
    regions: polled,
    writes,
    writing,
  } = await createPolling(options, {
    clock: systemClock,
    logger,
    version,
    telemetry: { meter: createNoopMeter(), tracer: new ProxyTracerProvider().getTracer('region-monitor') },
    signal,
    resources,
    replace: {
      views: (all) => selection(all, wanted),
      onlookers: {
        regions: (writer) => new RecordingWriter(writer, recordedRegions),
        servers: (writer) => new RecordingWriter(writer, recordedServers),
        loadbalancers: (writer) => new RecordingWriter(writer, recordedBalancers),
      },
      problems,
    },
  });
  const { regions, servers, loadbalancers } = selection(caches, wanted);
  let planned: Planned | null = null;
  const progress = new ProgressLine({
    stream: stderr,
    terminal: terminalOf(stderr, env),
    text: () =>
      planned === null
        ? 'reading the objects from Kubernetes'
        : `checking: ${recordedServers.size + recordedBalancers.size} of ${objectsOf(planned)}`,
  });
  const stop = new AbortController();
  const background = caches.run(AbortSignal.any([signal, stop.signal]));
  resources.defer(async () => {
    progress.end();
    stop.abort();
    await writing.drain(drainMs);
    await Promise.all([pool.close(), background]);
  });
  const looked = definitions.look(signal);
  await startupStep('failed to sync caches', async () => caches.whenSynced(options.startupTimeoutMs, signal));
  await looked;
  const known = [...caches.regions.values()];
  const unknown = unknownRegions(wanted, known);
  if (unknown.length > 0) {
    const names = known.map(({ name, displayName }) => displayName || name).join(', ');
    throw new StartupError(
      'unknown region',
      `--region ${unknown.join(', ')}: not found; available: ${names || 'none'}`,
    );
  }
  // As of before the poll: it did not miss what is deleted meanwhile.
  planned = { servers: [...servers.values()], loadBalancers: [...loadbalancers.values()] };
  await Promise.all(cycles.map(async (cycle) => cycle.poll(1, 'all')));
  await writes.whenIdle();
  return checkReport({
    dryRun: options.shadow,
    regions: regions.values(),
    servers: { objects: planned.servers, recorded: recordedServers },
    loadBalancers: { objects: planned.loadBalancers, recorded: recordedBalancers },
    recordedRegions: options.checkers.includes('region-health') ? recordedRegions : null,
    problems,
    flavorName: ({ namespace, regionId: name = '', flavorId }) =>
      polled.get({ namespace, name })?.flavors.name(flavorId) ?? '',
  });
}

/** What a poll is to look at. Kinds that no check of it looks after are not there. */
interface Planned {
  readonly servers: readonly ServerRecord[];
  readonly loadBalancers: readonly LoadBalancerRecord[];
}

function objectsOf({ servers, loadBalancers }: Planned): string {
  return countedObjects({ servers: servers.length, loadBalancers: loadBalancers.length });
}

/** Only the regions that are wanted, and their objects. */
function selection(all: ObjectViews, wanted: readonly string[]): ObjectViews {
  const { regions, servers, loadbalancers } = all;
  if (wanted.length === 0) return { regions, servers, loadbalancers };
  const chosen = () => [...regions.values()].filter((region) => namesRegion(wanted, region));
  const within = <Watched extends WatchedObject>(view: ObjectView<Watched>): ObjectView<Watched> => ({
    get: (namespace, name) => view.get(namespace, name),
    values: () => {
      const keys = new Set(chosen().map(regionKey));
      return [...view.values()].filter(
        ({ namespace, regionId: name }) => name !== undefined && keys.has(regionKey({ namespace, name })),
      );
    },
  });
  return {
    regions: { get: (namespace, name) => regions.get(namespace, name), values: chosen },
    servers: within(servers),
    loadbalancers: within(loadbalancers),
  };
}
