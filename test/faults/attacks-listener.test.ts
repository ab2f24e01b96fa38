// Clients that try to keep the kubelet's probes from their answers, or to fill the memory. The monitor is a process of its
// own, beside 200 regions; its probes are compared with those of an HTTP server that is left in peace meanwhile.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { SandboxCloud } from '../../src/sandbox/openstack/cloud.ts';
import { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import {
  type MonitorProcess,
  probeStatus,
  startMonitorProcess,
} from '../fixtures/monitor/monitor-process.ts';

const regions = 200;
const probes = 60;
/** What the kubelet waits for, by far. */
const probeTimeoutMs = 5_000;
/** On a machine that is busy with other tests, peace is slow, too. */
const slowest = { ms: 100, times: 20 };
/** Megabytes that an attack may cost. */
const attackMiB = 160;
/** Of the chart. */
const limitMiB = 512;

const cleanup = new SharedCleanup();
let monitor: MonitorProcess;
let peacefulPort: number;

test.afterEach(assertDocumented);
test.after.always(async () => cleanup.release());

/** Answers every request, in a thread of its own. */
const peacefulServer = `
  const { createServer } = require('node:http');
  const { parentPort } = require('node:worker_threads');
  const server = createServer((_, response) => response.end('ok'));
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test.before(async (t) => {
  t.timeout(120_000);
  const peaceful = new Worker(peacefulServer, { eval: true });
  cleanup.teardown(async () => {
    await peaceful.terminate();
  });
  peaceful.once('message', (port: unknown) => {
    peacefulPort = Number(port);
  });
  await once(peaceful, 'message');
  const sandbox = await startSandbox(cleanup);
  const { cluster } = sandbox;
  const cloud = await SandboxCloud.start();
  cleanup.teardown(async () => cloud.close());
  for (let index = 0; index < regions; index++) {
    const id = `region-${index}`;
    new SandboxRegion({ cluster, cloud, namespace, name: id, id }).addProject();
  }
  monitor = await startMonitorProcess(cleanup, sandbox, { flags: ['--poll-period=2s'] });
  await eventually('ready', async () => (await monitor.get('/readyz'))?.status === 200);
});

/** Milliseconds that nine of ten probes took at most, each on a connection of its own, as the kubelet's are. */
async function probe(t: ExecutionContext): Promise<{ attacked: number; inPeace: number }> {
  const attacked: number[] = [];
  const inPeace: number[] = [];
  for (let index = 0; index < probes; index++) {
    const path = index % 2 === 0 ? '/healthz' : '/readyz';
    const beganMs = performance.now();
    t.is(await probeStatus(monitor.port, path, probeTimeoutMs), 200, path);
    const betweenMs = performance.now();
    t.is(await probeStatus(peacefulPort, path, probeTimeoutMs), 200);
    attacked.push(betweenMs - beganMs);
    inPeace.push(performance.now() - betweenMs);
    await sleep(25);
  }
  return { attacked: percentile(attacked, 0.9), inPeace: percentile(inPeace, 0.9) };
}

async function memoryMiB(field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const text = await readFile(`/proc/${monitor.child.pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1024;
}

interface Attack {
  readonly connections: number;
  readonly path: string;
  readonly manner: 'pipelined' | 'one by one' | 'idle' | 'slow headers' | 'slow reader';
}

async function survive(t: ExecutionContext, attack: Attack): Promise<void> {
  t.timeout(120_000);
  const before = await memoryMiB('VmRSS');
  const attacker = new Worker(new URL('../fixtures/monitor/http-attack.ts', import.meta.url), {
    workerData: { ...attack, port: monitor.port },
  });
  try {
    await once(attacker, 'message');
    await sleep(500);
    const { attacked, inPeace } = await probe(t);
    const peak = await memoryMiB('VmHWM');
    t.log(
      `probes ${attacked.toFixed(0)} ms (in peace ${inPeace.toFixed(0)}), peak ${peak.toFixed(0)} MiB (before ${before.toFixed(0)})`,
    );
    t.true(attacked < slowest.ms + slowest.times * inPeace, `${attacked} ms, in peace ${inPeace} ms`);
    t.true(peak < Math.min(limitMiB, before + attackMiB), `${peak} MiB, before ${before} MiB`);
  } finally {
    await attacker.terminate();
  }
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

const attacks: Readonly<Record<string, Attack>> = {
  '1,800 requests at once on one connection': { connections: 1, path: '/statusz', manner: 'pipelined' },
  '1,800 requests at once on each of 20 connections': {
    connections: 20,
    path: '/statusz',
    manner: 'pipelined',
  },
  '1,800 scrapes at once on each of 4 connections': { connections: 4, path: '/metrics', manner: 'pipelined' },
  'scrapes without a pause on 20 connections': { connections: 20, path: '/metrics', manner: 'one by one' },
  '260 idle connections': { connections: 260, path: '/healthz', manner: 'idle' },
  '260 connections that never finish their headers': {
    connections: 260,
    path: '/healthz',
    manner: 'slow headers',
  },
  '260 slow readers of the state': { connections: 260, path: '/statusz', manner: 'slow reader' },
  '260 slow readers of the events': { connections: 260, path: '/events', manner: 'slow reader' },
};

for (const [name, attack] of Object.entries(attacks))
  test.serial(`${name}: probes are answered as usual, and memory is bounded`, async (t) =>
    survive(t, attack),
  );
