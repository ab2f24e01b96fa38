// A mass event: every server of the fleet changes at once. How fast the status is written, beside a bare client that
// sends as many patches, as many at once, to the same API server.

import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetSize } from './fleet.ts';
import { MeasuredMonitor } from './monitor.ts';
import { cpuBetween, cpuTime, memory } from './process-stats.ts';
import { atLeast, Report } from './report.ts';
import { median } from './samples.ts';
import type { Settings } from './settings.ts';
import { Stage } from './stage.ts';

/** The monitor's own default. */
const writeConcurrency = 16;
const settleMs = 1_000;

export async function measureBurst(size: FleetSize, settings: Settings): Promise<Report> {
  settings.progress(`filling clouds and cluster: ${size.servers} servers in ${size.regions} regions`);
  const stage = await Stage.open(size, settings);
  try {
    const report = new Report(
      `${size.servers} transitions at once, ${size.regions} regions × ${size.projects} projects, ` +
        `${stage.cluster.name}, ${settings.workers} workers, ${settings.build.name}`,
    );
    const section = report.section('rate of status writes, between the first and the last');
    const transitions = report.section('nothing lost');
    const addFloor = (rate: number): void => section.add('writes per second', '', { floor: rate });
    await bare(stage, settings, ['Stopped', 'Running'], addFloor);
    const periodMs =
      settings.periodMs ?? Math.ceil(3 + (size.servers / 1000) * (settings.real ? 4 : 1.2)) * 1000;
    settings.progress(`the monitor, a poll every ${periodMs / 1000} s`);
    const monitor = new MeasuredMonitor({
      build: settings.build,
      nodeArgs: settings.nodeArgs,
      periodMs,
      kubeconfig: stage.cluster.kubeconfig,
      flags: [`--workers=${settings.workers}`, ...settings.flags],
    });
    try {
      await monitor.ready();
      for (let round = 0; round < settings.repeat; round++) {
        const told = await monitor.total('unikorn_region_monitor_transitions_total');
        await stage.clouds.takeRequests(0);
        stage.watch.take();
        const changed = await stage.clouds.change(100, size.regions);
        const cpuBefore = cpuTime(monitor.pids());
        // Nothing is asked of the monitor meanwhile: that would count as the burst's cost.
        const complete = await stage.watch.until(changed, periodMs * 3);
        if (!complete) report.note(`! not all of ${changed} changes reached Kubernetes`);
        const cpu = cpuBetween(cpuBefore, cpuTime(monitor.pids()));
        const seen = [...stage.watch.take().values()];
        const { firstMs } = await stage.clouds.takeRequests(size.regions);
        section.add('writes per second', '', { monitor: rateOf(seen) });
        section.add('first request to last status', 's', {
          monitor: (Math.max(...seen) - (firstMs ?? Number.NaN)) / 1000,
        });
        section.add('CPU, main thread', 's', { monitor: cpu.main });
        section.add('CPU, all threads', 's', { monitor: cpu.total });
        const loopDelaySeconds = await monitor.total('unikorn_region_monitor_event_loop_delay_seconds');
        section.add('main loop delay, p99', 'ms', { monitor: loopDelaySeconds * 1000 });
        transitions.add('changes in the clouds', '', { monitor: changed });
        transitions.add('seen in Kubernetes', '', { monitor: seen.length });
        // Each changes its phase and its health.
        const after = await monitor.total('unikorn_region_monitor_transitions_total');
        transitions.add('transitions told per change', '', { monitor: (after - told) / changed });
      }
      const { peakRssMiB } = memory(monitor.pids());
      section.add('resident memory, peak', 'MiB', { monitor: peakRssMiB });
    } finally {
      await monitor.stop();
    }
    // Every round of the monitor's turned all of them.
    const stopped = settings.repeat % 2 === 1;
    await bare(stage, settings, stopped ? ['Running', 'Stopped'] : ['Stopped', 'Running'], addFloor);
    const floor = median(section.samples('writes per second', 'floor'));
    for (const rate of section.samples('writes per second', 'monitor'))
      section.add('share of the bare rate', '', { monitor: rate / floor }, atLeast(0.8));
    return report;
  } finally {
    await stage.close();
  }
}

type Phase = Parameters<Stage['floor']['patch']>[0]['phase'];

/** Writes all servers and writes them back: twice as many samples, and all is as before. */
async function bare(
  stage: Stage,
  settings: Settings,
  phases: readonly Phase[],
  add: (rate: number) => void,
): Promise<void> {
  settings.progress('the bare client');
  const { kubeconfig } = stage.cluster;
  for (const phase of phases) {
    stage.watch.take();
    const { patches } = await stage.floor.patch({ kubeconfig, concurrency: writeConcurrency, phase });
    await stage.watch.until(patches, 120_000);
    add(rateOf([...stage.watch.take().values()]));
    await sleep(settleMs);
  }
}

/** Per second, of what was seen at these times. */
function rateOf(timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  const [first, last] = [sorted.at(0) ?? Number.NaN, sorted.at(-1) ?? Number.NaN];
  return ((sorted.length - 1) / (last - first)) * 1000;
}
