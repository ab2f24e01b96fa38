// The command line: npm run bench -- [scenario …] [options].

import { parseArgs } from 'node:util';
import { releases } from '../src/sandbox/flags.ts';
import type { FleetSize } from './fleet.ts';
import { findBuild } from './monitor.ts';
import type { Settings } from './settings.ts';

const scenarios = [
  'start',
  'small',
  '10k',
  '100k',
  'burst',
  'writes',
  'scale',
  'shards',
  'leases',
  'fleet',
] as const;
export type Scenario = (typeof scenarios)[number];

export const help = `npm run bench -- [SCENARIO …] [OPTION …]

Measures the monitor from outside, beside simulated clouds and a Kubernetes API, each in a process of its own.

  start    100 servers: time to ready of starts in a row, memory beside 1, 2 and 4 workers
  small    100 servers, 1 worker: memory, CPU in polls and between them
  10k      10,000 servers in 10 regions: passes beside a bare client that downloads the same pages
  100k     100,000 servers in 20 regions, 2 of which hang
  burst    10,000 transitions at once, beside a bare client that sends the same patches
  writes   10,000 transitions at once beside polls every two seconds, and a PATCH that hangs
  scale    CPU a server of a full pass: 1,000 and 100,000 servers
  shards   100,000 servers on 4 replicas beside one process: memory, CPU
  leases   3 replicas with 3 and with 10 shards, idle: requests about Leases
  fleet    passes over a fleet of your own: --servers, --regions, --projects, --hung

Without a scenario: a quick look (start, small, 10k, burst of 2,000) in about three minutes; with --servers: fleet.

  --servers N --regions N --projects N --hung N   the fleet; projects are of each region
  --latency MS        delay of each answer of the clouds (5)
  --workers N         worker threads of the monitor (2)
  --replica-workers N   worker threads of each replica, for shards (as many)
  --repeat N          samples of each figure (5)
  --period MS         poll period; follows from the fleet
  --starts N          starts in a row (5; 20 with --real)
  --real              a real API server instead of the stand-in
  --definitions v1.16|v1.19   the custom resource definitions (v1.16)
  --from src|bundle|FOLDER   which build runs: the bundle where there is one
  --flag FLAG         a further flag of the monitor, as often as you like
  --profile FOLDER    write CPU profiles of the monitor's threads there
  --node-arg ARG      a further argument of the monitor's Node
  --json FILE         write all samples there

PEER_CMD='…' runs another monitor after ours and adds its column; it gets KUBECONFIG, NAMESPACE and POLL_PERIOD.
`;

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  /** True when nothing was asked for in particular. */
  readonly quick: boolean;
  readonly size: Partial<Omit<FleetSize, 'latencyMs'>> & Pick<FleetSize, 'latencyMs'>;
  readonly starts: number;
  readonly json: string | null;
  readonly settings: Omit<Settings, 'progress'>;
}

/** Null when help was asked for. Throws an error of one line for what cannot be run. */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): BenchOptions | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      servers: { type: 'string' },
      regions: { type: 'string' },
      projects: { type: 'string' },
      hung: { type: 'string' },
      latency: { type: 'string' },
      workers: { type: 'string' },
      'replica-workers': { type: 'string' },
      repeat: { type: 'string' },
      period: { type: 'string' },
      starts: { type: 'string' },
      real: { type: 'boolean', default: false },
      definitions: { type: 'string', default: 'v1.16' },
      from: { type: 'string' },
      flag: { type: 'string', multiple: true },
      profile: { type: 'string' },
      'node-arg': { type: 'string', multiple: true },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const number = (name: keyof typeof values, least: number): number | undefined => {
    const text = values[name];
    if (typeof text !== 'string') return undefined;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    throw new Error(`--${name} must be an integer of at least ${least}, not ${JSON.stringify(text)}`);
  };
  const size = {
    ...present('servers', number('servers', 1)),
    ...present('regions', number('regions', 1)),
    ...present('projects', number('projects', 1)),
    ...present('hung', number('hung', 0)),
    latencyMs: number('latency', 0) ?? 5,
  };
  const chosen = positionals.map(scenarioOf);
  const peer = env['PEER_CMD'] ?? '';
  return {
    scenarios: chosen.length > 0 ? chosen : size.servers === undefined ? quickScenarios : ['fleet'],
    quick: chosen.length === 0 && size.servers === undefined,
    size,
    starts: number('starts', 1) ?? (values.real ? 20 : 5),
    json: values.json ?? null,
    settings: {
      build: findBuild(values.from),
      workers: number('workers', 1) ?? 2,
      replicaWorkers: number('replica-workers', 1) ?? null,
      repeat: number('repeat', 1) ?? 5,
      periodMs: number('period', 100) ?? null,
      real: values.real,
      definitions: release(values.definitions),
      peer: peer === '' ? null : peer,
      nodeArgs: [
        ...(values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]),
        ...(values['node-arg'] ?? []),
      ],
      flags: values.flag ?? [],
    },
  };
}

const quickScenarios: readonly Scenario[] = ['start', 'small', '10k', 'burst'];

function present<Name extends string>(name: Name, value: number | undefined): { [Key in Name]?: number } {
  const entry: { [Key in Name]?: number } = {};
  if (value !== undefined) entry[name] = value;
  return entry;
}

function release(name: string): (typeof releases)[number] {
  const found = releases.find((each) => each === name);
  if (found === undefined)
    throw new Error(`--definitions must be ${releases.join(' or ')}, not ${JSON.stringify(name)}`);
  return found;
}

function scenarioOf(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario === name);
  if (found === undefined)
    throw new Error(`there is no scenario ${JSON.stringify(name)}: ${scenarios.join(', ')}`);
  return found;
}
