// npm run bench: runs the scenarios that were asked for, one after the other, and prints what it measured.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { measureBurst } from './burst.ts';
import type { FleetSize } from './fleet.ts';
import { type BenchOptions, help, readOptions, type Scenario } from './options.ts';
import { measurePasses } from './passes.ts';
import type { Report } from './report.ts';
import { measureScale } from './scale.ts';
import type { Settings } from './settings.ts';
import { measureLeases, measureShards } from './shards.ts';
import { measureIdle, measureStarts } from './starts.ts';
import { measureWrites } from './writes.ts';

type Measure = (options: BenchOptions, settings: Settings) => Promise<Report>;

function fleet({ size }: BenchOptions, defaults: Omit<FleetSize, 'latencyMs'>): FleetSize {
  return { ...defaults, ...size };
}

const hundred = { servers: 100, regions: 2, projects: 5, hung: 0 };
const tenThousand = { servers: 10_000, regions: 10, projects: 20, hung: 0 };
/** 90,000 in the regions that answer, 10,000 in those that do not. */
const hundredThousand = { servers: 90_000, regions: 18, projects: 20, hung: 2 };
/** All of them answer. */
const divided = { servers: 100_000, regions: 20, projects: 20, hung: 0 };
const own = { servers: 1_000, regions: 10, projects: 10, hung: 0 };

const measures: Readonly<Record<Scenario, Measure>> = {
  start: async (options, settings) =>
    measureStarts(fleet(options, hundred), settings, {
      starts: options.quick ? 3 : options.starts,
      workers: options.quick || settings.real ? [settings.workers] : [1, 2, 4],
    }),
  small: async (options, settings) => measureIdle(fleet(options, hundred), quickly(options, settings)),
  '10k': async (options, settings) =>
    measurePasses(fleet(options, tenThousand), settings, {
      fullToFloor: 1.25,
      changedToFloor: 1.6,
      latencySeconds: 1,
    }),
  '100k': async (options, settings) =>
    measurePasses(fleet(options, hundredThousand), settings, {
      fullSeconds: 60,
      hungToFull: 1.05,
      memoryMiB: 420,
      loopDelayMs: 50,
    }),
  burst: async (options, settings) => {
    const servers = options.quick ? 2_000 : tenThousand.servers;
    return measureBurst(fleet(options, { ...tenThousand, servers }), quickly(options, settings));
  },
  writes: async (options, settings) => measureWrites(fleet(options, tenThousand), quickly(options, settings)),
  scale: async (options, settings) => measureScale(options.size.latencyMs, settings),
  shards: async (options, settings) => measureShards(fleet(options, divided), settings),
  leases: async (_, settings) => measureLeases(settings),
  fleet: async (options, settings) => measurePasses(fleet(options, own), settings),
};

function quickly({ quick }: BenchOptions, settings: Settings): Settings {
  return quick ? { ...settings, repeat: 2 } : settings;
}

function machine(): object {
  const [cpu] = cpus();
  // Empty outside of a git checkout.
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  const revision = (stdout ?? '').trim();
  return { cpus: cpus().length, model: cpu?.model ?? '', node: process.version, revision, load: loadavg() };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === null) {
    print(help);
    return;
  }
  const startMs = performance.now();
  const progress = (text: string): void => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    process.stderr.write(`${seconds.padStart(4)} s  ${text}\n`);
  };
  const before = machine();
  print(JSON.stringify(before));
  print('');
  const reports: Report[] = [];
  for (const scenario of options.scenarios) {
    progress(scenario);
    const report = await measures[scenario](options, { ...options.settings, progress });
    reports.push(report);
    print(report.text());
    // After each: what was measured so far is not lost when a later one fails.
    if (options.json !== null)
      writeFileSync(options.json, JSON.stringify({ machine: before, options, reports }, null, 2));
  }
}

// So that its 'exit' ends what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
