// Writes beside polls: thousands of servers change at once while every region keeps its pace, and a PATCH that hangs
// delays only its own server.

import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetSize } from './fleet.ts';
import { MeasuredMonitor } from './monitor.ts';
import { atMost, Report, type Section } from './report.ts';
import { median } from './samples.ts';
import type { Settings } from './settings.ts';
import { Stage } from './stage.ts';

const periodMs = 2_000;
const lookEveryMs = 50;
const timeoutMs = 180_000;
/** Percent of the servers that change beside a hung PATCH: their writes are over in much less than its time-out. */
const few = 1;

export async function measureWrites(size: FleetSize, settings: Settings): Promise<Report> {
  settings.progress(`filling clouds and cluster: ${size.servers} servers in ${size.regions} regions`);
  const stage = await Stage.open(size, settings);
  try {
    const report = new Report(
      `${size.servers} servers, a poll every ${periodMs / 1000} s, ${size.regions} regions × ${size.projects} projects, ` +
        `${stage.cluster.name}, ${settings.workers} workers, ${settings.build.name}`,
    );
    const monitor = new MeasuredMonitor({
      build: settings.build,
      nodeArgs: settings.nodeArgs,
      periodMs: settings.periodMs ?? periodMs,
      kubeconfig: stage.cluster.kubeconfig,
      flags: [`--workers=${settings.workers}`, ...settings.flags],
    });
    try {
      await monitor.ready();
      await measurePace(stage, monitor, { report, settings });
      if (stage.cluster.hangPatch !== null)
        await measureHung(stage, { settings, hangPatch: stage.cluster.hangPatch, report });
    } finally {
      await monitor.stop();
    }
    return report;
  } finally {
    await stage.close();
  }
}

async function measurePace(
  stage: Stage,
  monitor: MeasuredMonitor,
  { report, settings }: { readonly report: Report; readonly settings: Settings },
): Promise<void> {
  const section = report.section('every server changes at once');
  const period = settings.periodMs ?? periodMs;
  for (let round = 0; round < settings.repeat; round++) {
    settings.progress(`all servers change, round ${round + 1}`);
    const quiet = await longestGap(stage, monitor, async () => sleep(5 * period));
    stage.watch.take();
    const skipped = await monitor.total('unikorn_region_monitor_polls_skipped_total');
    const startMs = performance.now();
    const changed = await stage.clouds.change(100, stage.size.regions);
    const gap = await longestGap(stage, monitor, async () => {
      if (!(await stage.watch.until(changed, timeoutMs))) report.note('! not all changes were written');
    });
    section.add('writing, s', '', { monitor: (performance.now() - startMs) / 1000 });
    // The floor is the same monitor with nothing to write.
    section.add(
      'longest time between polls of a region ÷ period',
      '',
      { monitor: gap / period, floor: quiet / period },
      atMost(2),
    );
    section.add(
      'polls skipped',
      '',
      { monitor: (await monitor.total('unikorn_region_monitor_polls_skipped_total')) - skipped },
      atMost(0),
    );
  }
}

/** The longest time in which no poll of some region ended, in milliseconds, until the work is done. */
async function longestGap(
  stage: Stage,
  monitor: MeasuredMonitor,
  work: () => Promise<void>,
): Promise<number> {
  const done = new AbortController();
  const working = work().finally(() => done.abort());
  const polls = new Map<string, { count: number; sinceMs: number }>();
  let longest = 0;
  while (!done.signal.aborted) {
    const counts = await monitor.byRegion('unikorn_region_monitor_region_polls_total');
    const nowMs = performance.now();
    for (const region of stage.regions) {
      const count = counts.get(region) ?? 0;
      const known = polls.get(region);
      if (known !== undefined) longest = Math.max(longest, nowMs - known.sinceMs);
      if (known === undefined || known.count !== count) polls.set(region, { count, sinceMs: nowMs });
    }
    await sleep(lookEveryMs);
  }
  await working;
  return longest;
}

async function measureHung(
  stage: Stage,
  options: { readonly settings: Settings; readonly hangPatch: () => Promise<void>; readonly report: Report },
): Promise<void> {
  const { settings, hangPatch, report } = options;
  const section: Section = report.section('one PATCH hangs');
  for (let round = 0; round < settings.repeat; round++) {
    settings.progress(`a PATCH hangs, round ${round + 1}`);
    const seconds = async (missing: number): Promise<number> => {
      stage.watch.take();
      const startMs = performance.now();
      const changed = await stage.clouds.change(few, stage.size.regions);
      if (!(await stage.watch.until(changed - missing, timeoutMs)))
        report.note('! not all changes were written');
      return (performance.now() - startMs) / 1000;
    };
    const floor = await seconds(0);
    await hangPatch();
    section.add('the others are written, s', '', { monitor: await seconds(1), floor });
    // The hung one is given up and written by a later poll; the next round begins after that.
    await stage.watch.until(1, timeoutMs);
    await sleep(2 * periodMs);
  }
  const floor = median(section.samples('the others are written, s', 'floor'));
  for (const seconds of section.samples('the others are written, s', 'monitor'))
    section.add('beside a hung PATCH ÷ without', '', { monitor: seconds / floor }, atMost(2));
}
