// `region-monitor sandbox`: the monitor, and beside it everything that it needs to have something to watch.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../main/log/logger.ts';
import { formatMs } from '../main/options/durations.ts';
import type { Options } from '../main/options/options.ts';
import { run } from '../main/run.ts';
import { StartupError } from '../main/startup-error.ts';
import type { Version } from '../main/version.ts';
import { type Stream, terminalOf } from '../terminal/terminal.ts';
import { DemoFleet, demoNamespace } from './demo-fleet.ts';
import type { Profile } from './kubernetes/definitions.ts';
import type { Line } from './replicas/messages.ts';
import { Replicas } from './replicas/replicas.ts';
import { ShownReplicas } from './shown-replicas.ts';
import { StoryLog } from './story-log.ts';

export interface SandboxContext {
  readonly signal: AbortSignal;
  /** For a JSON encoder; a console encoder has the story's. */
  readonly logger: Logger;
  readonly version: Version;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Stream;
}

export interface SandboxSettings {
  /** The release whose definitions are installed. */
  readonly definitions: Profile;
  /** Monitors; several run in processes of their own. */
  readonly replicas: number;
  readonly leaseDurationMs: number;
}

/** Runs until the signal aborts. A console encoder tells a story for people; a JSON one gives the monitor's own lines. */
export async function runSandbox(
  options: Options,
  context: SandboxContext,
  { definitions, replicas, leaseDurationMs }: SandboxSettings,
): Promise<void> {
  const { signal, stdout, env } = context;
  if (replicas > 1) assertDivisible(options);
  await using resources = new AsyncDisposableStack();
  const fleet = resources.adopt(await DemoFleet.start(definitions), async (opened) => opened.close());
  const folder = resources.adopt(await mkdtemp(join(tmpdir(), 'region-monitor-sandbox-')), async (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, fleet.cluster.kubeconfig(demoNamespace), { mode: 0o600 });

  const story = options.log.encoder === 'console';
  const write = (line: string): void => {
    stdout.write(`${line}\n`);
  };
  const logger = new StoryLog({
    write,
    terminal: terminalOf(stdout, env),
    regionName: (id) => fleet.regionName(id),
    serverName: (id) => fleet.serverName(id),
  });
  const stop = new AbortController();
  const drama = fleet.run(AbortSignal.any([signal, stop.signal]));
  resources.defer(async () => {
    stop.abort();
    await drama;
  });
  const watched = { ...options, namespace: demoNamespace, kubeconfig, context: '' };
  if (replicas > 1) {
    const count = options.shards?.count ?? replicas;
    const shown = new ShownReplicas({ fleet, shards: count, kubeconfig, logger: context.logger });
    await using monitors = new Replicas({
      count: replicas,
      cluster: fleet.cluster,
      regions: fleet.regions.map(({ id }) => id),
      options: watched,
      shards: { count, leaseNamespace: demoNamespace, leaseDurationMs },
      version: context.version,
      onLine: story ? (line) => retell(line, logger) : null,
      onChange: (states) => (story ? shown.print(states, write) : shown.log(states)),
    });
    await monitors.run(signal);
    if (!signal.aborted) throw new StartupError('the sandbox has ended', 'all of its replicas have ended');
  } else {
    await run(watched, {
      ...context,
      ...(story ? { logger } : {}),
      onListening: ({ host, port }) => {
        if (story)
          for (const line of introduction({ fleet, options, kubeconfig, url: `http://${host}:${port}` }))
            write(line);
      },
    });
  }
  if (story) for (const line of ['', 'stopped.']) write(line);
}

/** Replicas divide the regions by Leases, so the same is impossible for them as with --shards. */
function assertDivisible({ shadow, requireAllRegions }: Options): void {
  const other = shadow ? '--shadow' : requireAllRegions ? '--require-all-regions' : '';
  if (other !== '')
    throw new StartupError('--replicas', `${other} does not go with several replicas: leave one of them out`);
}

function retell({ level, msg, error, fields }: Line, logger: Logger): void {
  if (level === 'error') logger.error(msg, error, fields);
  else logger.info(msg, fields);
}

interface Introduction {
  readonly fleet: DemoFleet;
  readonly options: Options;
  readonly kubeconfig: string;
  readonly url: string;
}

function introduction({ fleet, options, kubeconfig, url }: Introduction): readonly string[] {
  const regions = fleet.regions.map(({ name }) => name).join(', ');
  return [
    `Watching ${fleet.size} servers in ${fleet.regions.length} simulated regions (${regions}),`,
    `a poll every ${formatMs(options.pollPeriodMs)}, ${options.workers} worker threads. Ctrl-C stops.`,
    '',
    `  page      ${url}/`,
    `  metrics   ${url}/metrics`,
    `  health    ${url}/healthz and /readyz`,
    '  objects   kubectl --kubeconfig \\',
    `              ${kubeconfig} get servers`,
    '',
    'What changes, as it is seen:',
    '',
  ];
}
