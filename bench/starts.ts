// Starts in a row: how long until ready, with how much memory, for some numbers of workers; then idle life.

import { setTimeout as sleep } from 'node:timers/promises';
import { measureBareNode } from './bare-node.ts';
import type { FleetSize } from './fleet.ts';
import { MeasuredMonitor } from './monitor.ts';
import { cpuBetween, cpuTime, memory } from './process-stats.ts';
import { atMost, Report } from './report.ts';
import type { Settings } from './settings.ts';
import { Stage } from './stage.ts';

const startTarget = atMost(2);

/** `starts` of them for each number of workers. */
export async function measureStarts(
  size: FleetSize,
  settings: Settings,
  { starts, workers }: { readonly starts: number; readonly workers: readonly number[] },
): Promise<Report> {
  const stage = await Stage.open(size, settings);
  try {
    const report = new Report(
      `${starts} starts in a row, ${size.servers} servers in ${size.regions} regions, ${stage.cluster.name}, ` +
        settings.build.name,
    );
    for (const count of workers) {
      settings.progress(`${starts} starts with ${count} workers`);
      const section = report.section(`${count} worker${count === 1 ? '' : 's'}`);
      let ready = 0;
      for (let start = 0; start < starts; start++) {
        const monitor = startMonitor(stage, settings, { workers: count, periodMs: 10_000 });
        try {
          section.add('spawn to ready', 's', { monitor: await monitor.ready() }, startTarget);
          ready++;
          const { total } = cpuTime(monitor.pids());
          const { rssMiB } = memory(monitor.pids());
          const bare = measureBareNode(count);
          // With a CPU limit of 0.1, a start takes ten times as long.
          section.add('CPU until ready', 's', { monitor: total, floor: bare.cpuSeconds });
          section.add('resident memory when ready', 'MiB', { monitor: rssMiB, floor: bare.rssMiB });
        } catch (error) {
          report.note(`! start ${start + 1}: ${error instanceof Error ? error.message : String(error)}`);
        } finally {
          await monitor.stop();
        }
      }
      report.note(`${count} worker${count === 1 ? '' : 's'}: ${ready} of ${starts} starts became ready`);
    }
    return report;
  } finally {
    await stage.close();
  }
}

const idlePeriodMs = 10_000;
/** What runs after a pass (collections, the closing of connections) is over by then. */
const settleMs = 1_000;
const idleMs = 6_000;

/** A small fleet, one worker: memory, and CPU in polls and between them. */
export async function measureIdle(size: FleetSize, settings: Settings): Promise<Report> {
  const stage = await Stage.open(size, settings);
  try {
    const report = new Report(
      `small and idle: ${size.servers} servers in ${size.regions} regions, a poll every ${idlePeriodMs / 1000} s, ` +
        `1 worker, ${settings.build.name}`,
    );
    settings.progress('small and idle');
    const section = report.section('one worker');
    const monitor = startMonitor(stage, settings, { workers: 1, periodMs: idlePeriodMs });
    try {
      section.add('spawn to ready', 's', { monitor: await monitor.ready() }, startTarget);
      // Only from the second pass on it is known when one begins.
      await monitor.pass(stage.regions);
      for (let round = 0; round < settings.repeat; round++) {
        const { cpu } = await monitor.pass(stage.regions);
        await sleep(settleMs);
        const before = cpuTime(monitor.pids());
        await sleep(idleMs);
        const idle = cpuBetween(before, cpuTime(monitor.pids()));
        section.add('CPU between polls, of one core', '%', { monitor: (idle.total / idleMs) * 100_000 });
        section.add('CPU of a poll', 'ms', { monitor: cpu.total * 1000 });
      }
      const { rssMiB, peakRssMiB } = memory(monitor.pids());
      const floor = measureBareNode(1).rssMiB;
      section.add('resident memory', 'MiB', { monitor: rssMiB, floor }, atMost(100));
      section.add('resident memory, peak', 'MiB', { monitor: peakRssMiB });
    } finally {
      await monitor.stop();
    }
    return report;
  } finally {
    await stage.close();
  }
}

function startMonitor(
  stage: Stage,
  { build, nodeArgs, flags }: Settings,
  { workers, periodMs }: { readonly workers: number; readonly periodMs: number },
): MeasuredMonitor {
  return new MeasuredMonitor({
    build,
    nodeArgs,
    periodMs,
    kubeconfig: stage.cluster.kubeconfig,
    flags: [`--workers=${workers}`, ...flags],
  });
}
