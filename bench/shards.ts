// What several replicas cost that divide the regions, beside one process that has them all: memory of each, CPU of all
// together, and what their Leases cost the API server.

import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../test/fixtures/eventually.ts';
import { type FleetSize, namespace } from './fleet.ts';
import { MeasuredMonitor } from './monitor.ts';
import { cpuBetween, cpuTime, memory } from './process-stats.ts';
import { atMost, Report, type Section } from './report.ts';
import { median } from './samples.ts';
import { periodFor, type Settings } from './settings.ts';
import { Stage } from './stage.ts';

const replicas = 4;
/** The first passes are for the compiler. */
const warmUp = 2;
const shareTimeoutMs = 120_000;
const idleSeconds = 60;
/** What follows from the start is over by then. */
const settleMs = 15_000;

export async function measureShards(size: FleetSize, settings: Settings): Promise<Report> {
  const report = new Report(
    `${replicas} replicas and shards, ${size.servers} servers in ${size.regions} regions, beside one process, ` +
      settings.build.name,
  );
  settings.progress(`filling clouds and cluster: ${size.servers} servers in ${size.regions} regions`);
  const stage = await Stage.open(size, settings);
  try {
    const alone = report.section('one process with everything');
    settings.progress('one process');
    await measureAll(stage, settings, { section: alone, count: 1 });
    const shared = report.section(`${replicas} replicas`);
    settings.progress(`${replicas} replicas`);
    const workers = settings.replicaWorkers ?? settings.workers;
    await measureAll(stage, { ...settings, workers }, { section: shared, count: replicas });
    const ratio = (figure: string): number =>
      median(shared.samples(figure, 'monitor')) / median(alone.samples(figure, 'monitor'));
    const compared = report.section('replicas ÷ one process');
    compared.add('resident memory of each', '', { monitor: ratio('resident memory') }, atMost(0.4));
    const own = ratio('of it not mapped from files');
    compared.add('of it not mapped from files', '', { monitor: own });
    const cpu = ratio('CPU of a poll period');
    compared.add('CPU of a poll period, all replicas', '', { monitor: cpu }, atMost(1.15));
  } finally {
    await stage.close();
  }
  return report;
}

async function measureAll(
  stage: Stage,
  settings: Settings,
  { section, count }: { readonly section: Section; readonly count: number },
): Promise<void> {
  const monitors = await startAll(stage, settings, { count, shards: count === 1 ? 0 : count });
  try {
    const parts = await Promise.all(
      monitors.map(async (monitor) => ({ monitor, regions: await monitor.regions() })),
    );
    for (const { regions } of parts) section.add('regions', '', { monitor: regions.length });
    for (let round = 0; round < warmUp; round++)
      await Promise.all(parts.map(async ({ monitor, regions }) => monitor.pass(regions)));
    const pids = monitors.flatMap((monitor) => monitor.pids());
    for (let round = 0; round < settings.repeat; round++) {
      const before = cpuTime(pids);
      // Exactly one poll of each region, whenever it begins; and no questions, which would cost each replica the same.
      await sleep(periodFor(stage.size, settings));
      const { total, main, workers } = cpuBetween(before, cpuTime(pids));
      section.add('CPU of a poll period', 's', { monitor: total });
      section.add('of it main threads', 's', { monitor: main });
      section.add('of it workers', 's', { monitor: workers });
      for (const { monitor } of parts) {
        const { rssMiB, ownMiB } = memory(monitor.pids());
        section.add('resident memory', 'MiB', { monitor: rssMiB });
        section.add('of it not mapped from files', 'MiB', { monitor: ownMiB });
      }
    }
    for (const { monitor } of parts)
      section.add('resident memory, peak', 'MiB', { monitor: memory(monitor.pids()).peakRssMiB });
  } finally {
    await Promise.all(monitors.map(async (monitor) => monitor.stop()));
  }
}

/** Starts them together, and waits until they have shared all regions. */
async function startAll(
  stage: Stage,
  settings: Settings,
  { count, shards }: { readonly count: number; readonly shards: number },
): Promise<readonly MeasuredMonitor[]> {
  const { build, nodeArgs, workers, flags } = settings;
  const monitors = Array.from(
    { length: count },
    (_, index) =>
      new MeasuredMonitor({
        build,
        nodeArgs,
        periodMs: periodFor(stage.size, settings),
        kubeconfig: stage.cluster.kubeconfig,
        flags: [
          `--workers=${workers}`,
          '--reconcile-every=1',
          ...(shards === 0
            ? []
            : [
                `--shards=${shards}`,
                `--replica-name=replica-${index}`,
                `--lease-namespace=${namespace}`,
                // A shard must not move because the machine is busy with the others.
                '--lease-duration=30s',
              ]),
          ...flags,
        ],
      }),
  );
  await Promise.all(monitors.map(async (monitor) => monitor.ready()));
  if (shards === count) await untilShared(monitors, Math.floor(stage.size.regions / count));
  return monitors;
}

async function untilShared(monitors: readonly MeasuredMonitor[], least: number): Promise<void> {
  const look = async (): Promise<boolean> => {
    const held = await Promise.all(monitors.map(async (monitor) => monitor.regions()));
    return held.every((regions) => regions.length >= least);
  };
  await eventually('regions that are shared', look, { timeoutMs: shareTimeoutMs, everyMs: 200 });
}

/** Requests about Leases while nothing happens: three replicas with the usual lease duration. */
export async function measureLeases(settings: Settings): Promise<Report> {
  const report = new Report(`Leases of 3 replicas, --lease-duration=15s, idle, ${settings.build.name}`);
  const section = report.section('requests about Leases');
  const size = { servers: 40, regions: 20, projects: 1, hung: 0, latencyMs: 5 };
  for (const shards of [3, 10]) {
    settings.progress(`Leases of ${shards} shards`);
    const stage = await Stage.open(size, settings);
    try {
      await stage.cluster.takeLeaseRequests();
      await sleep(idleSeconds * 1000);
      const without = await stage.cluster.takeLeaseRequests();
      const idle = { ...settings, periodMs: 10_000, flags: [...settings.flags, '--lease-duration=15s'] };
      const monitors = await startAll(stage, idle, { count: 3, shards });
      try {
        await sleep(settleMs);
        await stage.cluster.takeLeaseRequests();
        await sleep(idleSeconds * 1000);
        const requests = (await stage.cluster.takeLeaseRequests()) - without;
        section.add(`a second, ${shards} shards`, '', { monitor: requests / idleSeconds });
      } finally {
        await Promise.all(monitors.map(async (monitor) => monitor.stop()));
      }
    } finally {
      await stage.close();
    }
  }
  return report;
}
