// Whether cost grows with the fleet, or faster: the CPU of a full pass, a server, of a small and of a large fleet.

import { MeasuredMonitor } from './monitor.ts';
import { atMost, Report } from './report.ts';
import { median } from './samples.ts';
import { periodFor, type Settings } from './settings.ts';
import { Stage } from './stage.ts';

const small = { servers: 1_000, regions: 1, projects: 4, hung: 0 };
/** The same number of servers in each project: what a request costs is shared by as many. */
const large = { servers: 100_000, regions: 20, projects: 20, hung: 0 };
/** A small pass is short: it takes more of them to be sure. */
const moreOften = 4;

export async function measureScale(latencyMs: number, settings: Settings): Promise<Report> {
  const report = new Report(
    `full passes over 1,000 and 100,000 servers, 250 a project, ${settings.build.name}`,
  );
  for (const size of [small, large]) {
    const fleet = { ...size, latencyMs };
    settings.progress(`${size.servers} servers`);
    const stage = await Stage.open(fleet, settings);
    const section = report.section(`${size.servers} servers`);
    try {
      const monitor = new MeasuredMonitor({
        build: settings.build,
        nodeArgs: settings.nodeArgs,
        periodMs: periodFor(fleet, settings),
        kubeconfig: stage.cluster.kubeconfig,
        flags: [`--workers=${settings.workers}`, '--reconcile-every=1', ...settings.flags],
      });
      try {
        await monitor.ready();
        // The first passes are for the compiler.
        const warm = size === small ? moreOften * 2 : 2;
        for (let round = 0; round < warm; round++) await monitor.pass(stage.regions);
        const rounds = settings.repeat * (size === small ? moreOften : 1);
        for (let round = 0; round < rounds; round++) {
          const { cpu, seconds } = await monitor.pass(stage.regions);
          section.add('CPU a server', 'µs', { monitor: (cpu.total / size.servers) * 1e6 });
          section.add('of it main thread', 'µs', { monitor: (cpu.main / size.servers) * 1e6 });
          section.add('of it workers', 'µs', { monitor: (cpu.workers / size.servers) * 1e6 });
          if (seconds !== null) section.add('time', 's', { monitor: seconds });
        }
      } finally {
        await monitor.stop();
      }
    } finally {
      await stage.close();
    }
  }
  const [before, after] = [small, large].map(({ servers }) =>
    median(report.section(`${servers} servers`).samples('CPU a server', 'monitor')),
  );
  const growth = (after ?? Number.NaN) / (before ?? Number.NaN);
  report.section('growth').add('CPU a server, large ÷ small', '', { monitor: growth }, atMost(1.2));
  return report;
}
