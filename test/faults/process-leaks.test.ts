// Many rounds of everything that can go wrong with clouds and API server at once: each leaves the process as it was before,
// with as many descriptors, threads and series, and with as much memory.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { SandboxRegion, SandboxServer } from '../../src/sandbox/sandbox-region.ts';
import { type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type MonitorProcess, startMonitorProcess } from '../fixtures/monitor/monitor-process.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const assertHandlesClosed = watchHandles();
test.after.always('no handle is left', async (t) => assertHandlesClosed(t));

/** The first ones fill what is filled once: code, connections, the log's memory of what it said. */
const rounds = { first: 3, more: 8 };
const list = { route: 'GET /servers/detail' } as const;
const mebibyte = 1 << 20;
const always = { times: Number.POSITIVE_INFINITY };

/** By id of the region that it happens to. */
const cloudFaults: Readonly<Record<string, (region: SandboxRegion) => void | Promise<void>>> = {
  refused: async ({ cloud }) => cloud.pause(),
  silent: ({ cloud }) => void cloud.faults.add({ kind: 'hang' }),
  reset: ({ cloud }) => void cloud.faults.add({ kind: 'reset' }),
  cut: ({ cloud }) => void cloud.faults.add({ kind: 'cut' }, list),
  dripping: ({ cloud }) => void cloud.faults.add({ kind: 'drip' }),
  huge: ({ cloud }) => void cloud.faults.add({ kind: 'huge', bytes: 1 << 30 }, list),
  endless: ({ cloud }) => void cloud.faults.add({ kind: 'endless-next' }),
  failing: ({ cloud }) => void cloud.faults.add({ kind: 'status', status: 500 }, list),
  revoked: ({ cloud }) => {
    cloud.faults.add({ kind: 'status', status: 401 });
    cloud.revokeTokens();
  },
};

const clusterFaults: readonly ((cluster: Sandbox['cluster']) => void | Promise<void>)[] = [
  async (cluster) => cluster.pause(),
  ({ faults }) => void faults.closeWatches('destroy'),
  ({ faults }) => faults.expireWatches(),
  ({ faults }) => {
    faults.add(always, { kind: 'respond', status: 500 });
    faults.closeWatches();
  },
  ({ faults }) => void faults.conflict({ times: 20 }),
];

interface Held {
  readonly descriptors: number;
  readonly threads: number;
  /** Lines of /metrics. */
  readonly series: number;
  readonly heapBytes: number;
}

async function heldBy(life: MonitorProcess): Promise<Held> {
  const { pid } = life.child;
  // Twice: what finalizers let go of is collected after them.
  for (const _ of [1, 2]) {
    life.child.kill('SIGUSR2');
    await life.get('/healthz');
  }
  const { text = '' } = (await life.get('/metrics')) ?? {};
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    series: text.split('\n').length,
    heapBytes: await life.total('nodejs_heap_size_used_bytes'),
  };
}

test('many rounds of faults of all kinds leave nothing behind', async (t) => {
  t.timeout(240_000);
  const sandbox = await startSandbox(t);
  const fleet: { id: string; region: SandboxRegion; lively: SandboxServer }[] = [];
  for (const id of Object.keys(cloudFaults)) {
    const region = await sandbox.addRegion(id);
    fleet.push({ id, region, lively: sandbox.addServer(region.addProject(), { id: `in-${id}` }) });
  }
  const preload = fileURLToPath(new URL('../fixtures/monitor/collecting-garbage.ts', import.meta.url));
  const life = await startMonitorProcess(t, sandbox, {
    env: { NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${preload}` },
  });
  const untilPhase = async (phase: string) => {
    for (const { lively } of fleet) await sandbox.untilPhase(lively.id, phase);
  };
  await untilPhase('Running');

  const up = async () => life.total('unikorn_region_monitor_region_up');
  const round = async (number: number) => {
    for (const { id, region } of fleet) await cloudFaults[id]?.(region);
    await clusterFaults[number % clusterFaults.length]?.(sandbox.cluster);
    const phase = number % 2 === 0 ? 'Stopped' : 'Running';
    for (const { region, lively } of fleet)
      if (phase === 'Stopped') region.cloud.stop(lively.providerId);
      else region.cloud.start(lively.providerId);
    await eventually('all are down', async () => (await up()) === 0);
    for (const { region } of fleet) {
      region.cloud.faults.clear();
      await region.cloud.resume();
    }
    sandbox.cluster.faults.clear();
    await sandbox.cluster.resume();
    await untilPhase(phase);
    await eventually('all are up', async () => (await up()) === fleet.length);
  };
  for (let number = 0; number < rounds.first; number++) await round(number);
  const before = await heldBy(life);
  for (let number = rounds.first; number < rounds.first + rounds.more; number++) await round(number);

  const least = { descriptors: Number.POSITIVE_INFINITY, threads: Number.POSITIVE_INFINITY };
  await eventually('as few descriptors and threads as before', async () => {
    const { descriptors, threads } = await heldBy(life);
    least.descriptors = Math.min(least.descriptors, descriptors);
    least.threads = Math.min(least.threads, threads);
    return least.descriptors <= before.descriptors && least.threads <= before.threads;
  }).catch(() => {});
  const after = await heldBy(life);
  t.log(JSON.stringify({ before, after }));
  t.true(least.descriptors <= before.descriptors + 2, `${least.descriptors} descriptors`);
  t.true(least.threads <= before.threads, `${least.threads} threads`);
  t.true(after.series <= before.series + 20, `${after.series} lines of metrics`);
  t.true(after.heapBytes <= before.heapBytes + 4 * mebibyte, `${after.heapBytes} bytes`);
  t.deepEqual(life.logged('worker thread ended, starting another'), []);
  for (const { lively } of fleet) {
    const told = life.lines.filter(
      (line) => line['instance_id'] === lively.id && line['msg'] === 'instance phase transition',
    );
    t.is(told.length, 1 + rounds.first + rounds.more, lively.id);
  }
  t.is(await life.end('SIGTERM'), 0);
});
