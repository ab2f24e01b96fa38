// Clouds that answer with what takes memory or time out of all proportion. The monitor is a process of its own with one
// worker; four regions attack, each with several projects, and one that is well must not notice.

import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import {
  type HostileAnswer,
  type HostileProxy,
  startHostileProxy,
} from '../fixtures/clouds/hostile-proxy.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { calmPeriodMs } from '../fixtures/monitor/monitor.ts';
import { type MonitorProcess, startMonitorProcess } from '../fixtures/monitor/monitor-process.ts';

const hostileRegions = 4;
const projectsEach = 4;
const polls = 3;
const mebibyte = 1_048_576;
/** Of the chart. */
const limitMiB = 512;

const cleanup = new SharedCleanup();
const proxies: HostileProxy[] = [];
let sandbox: Sandbox;
let monitor: MonitorProcess;

test.afterEach(assertDocumented);
test.after.always(async () => cleanup.release());

test.before(async (t) => {
  t.timeout(120_000);
  sandbox = await startSandbox(cleanup);
  const well = await sandbox.addRegion('well');
  sandbox.addServer(well.addProject(), { id: 'well' });
  for (let index = 0; index < hostileRegions; index++) {
    const id = `hostile-${index}`;
    const region = await sandbox.addRegion(id);
    const proxy = await startHostileProxy(cleanup, region.cloud.endpoint);
    proxies.push(proxy);
    const { endpoint } = proxy;
    sandbox.cluster.patch('regions', namespace, id, { spec: { openstack: { endpoint } } });
    for (let project = 0; project < projectsEach; project++)
      sandbox.addServer(region.addProject(), { id: `${id}-${project}` });
  }
  const periodMs = calmPeriodMs(1_500);
  monitor = await startMonitorProcess(cleanup, sandbox, {
    flags: [
      `--poll-period=${periodMs}ms`,
      `--check-timeout=${periodMs - 10}ms`,
      `--request-timeout=${periodMs - 20}ms`,
      // Every list is complete.
      '--reconcile-every=1',
    ],
  });
  await eventually('all regions up', async () => (await total('region_up')) === hostileRegions + 1);
});

async function total(metric: string, attribute = ''): Promise<number> {
  return monitor.total(`unikorn_region_monitor_${metric}`, attribute);
}

async function memoryMiB(field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const text = await readFile(`/proc/${monitor.child.pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1]) / 1024;
}

function sum(series: readonly string[]): number {
  return series.reduce((count, line) => count + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Polls of the region that is well: all, and those that were answered. */
async function pollsOfWell(): Promise<{ ended: number; ok: number }> {
  const text = (await monitor.get('/metrics'))?.text ?? '';
  const lines = text.split('\n').filter((line) => /region_polls_total\{.*region_id="well"/.test(line));
  return { ended: sum(lines), ok: sum(lines.filter((line) => line.includes('outcome="ok"'))) };
}

async function attack(t: ExecutionContext, ...answers: readonly HostileAnswer[]): Promise<void> {
  t.timeout(180_000);
  const before = await pollsOfWell();
  const resident = await memoryMiB('VmRSS');
  const restarts = await total('worker_restarts_total');
  for (const proxy of proxies) Object.assign(proxy, { answers, hits: 0 });
  await eventually('attacks', () => proxies.every(({ hits }) => hits > 2));
  await eventually(
    'polls of the region that is well',
    async () => (await pollsOfWell()).ended >= before.ended + polls,
  );
  const after = await pollsOfWell();
  const peak = await memoryMiB('VmHWM');
  t.log(`peak ${peak.toFixed(0)} MiB (resident before: ${resident.toFixed(0)})`);
  t.is(
    after.ok - before.ok,
    after.ended - before.ended,
    'every poll of the region that is well was answered',
  );
  t.is(await total('region_breaker_open', 'region_id="well"'), 0);
  t.is(await total('worker_restarts_total'), restarts);
  t.true(peak < limitMiB, `${peak} MiB`);
}

async function survive(t: ExecutionContext, ...answers: readonly HostileAnswer[]): Promise<void> {
  try {
    await attack(t, ...answers);
  } finally {
    for (const proxy of proxies) proxy.answers = [];
    await eventually('all regions up again', async () => (await total('region_up')) === hostileRegions + 1);
  }
}

/** Pieces of a body of so many bytes, of one text over and over. */
function repeated(beginning: string, text: string, bytes: number): HostileAnswer['body'] {
  const piece = Buffer.from(text.repeat(Math.floor(65_536 / text.length)));
  return function* () {
    yield Buffer.from(beginning);
    for (let sent = beginning.length; sent + piece.length < bytes; sent += piece.length) yield piece;
  };
}

const list = '/servers/detail';
const serversBegin = '{"servers":[';
const longName = `{"id":"x","name":"${'x'.repeat(60_000)}","status":"ACTIVE"},`;
const bomb = gzipSync(Buffer.alloc(63 * mebibyte, '[{},'));
let pages = 0;

const attacks: Readonly<Record<string, HostileAnswer>> = {
  'lists of 63 MiB of nested brackets': { path: list, body: repeated(serversBegin, '[', 63 * mebibyte) },
  'lists of 63 MiB, announced': {
    path: list,
    body: repeated(serversBegin, '[', 63 * mebibyte),
    announced: 63 * mebibyte,
  },
  'lists of 15 MiB of nested brackets': { path: list, body: repeated(serversBegin, '[', 15 * mebibyte) },
  'lists of 15 MiB of empty objects': { path: list, body: repeated(serversBegin, '{},', 15 * mebibyte) },
  'lists of 60 MiB of names': { path: list, body: repeated(serversBegin, longName, 60 * mebibyte) },
  'lists of 15 MiB of names': {
    path: list,
    body: function* () {
      yield* repeated(serversBegin, longName, 15 * mebibyte)();
      yield Buffer.from('{"id":"y","name":"y","status":"ACTIVE"}]}');
    },
  },
  'endless pages of 8 MiB of names': {
    path: list,
    body: function* () {
      pages++;
      const page = longName.replace('"x"', `"${pages}"`);
      yield* repeated(serversBegin, page, 8 * mebibyte)();
      const next = `http://x/servers/detail?marker=${pages}`;
      yield Buffer.from(`${page.slice(0, -1)}],"servers_links":[{"rel":"next","href":"${next}"}]}`);
    },
  },
  'lists of 15 MiB that never end': {
    path: list,
    body: repeated(serversBegin, longName, 15 * mebibyte),
    hangs: true,
  },
  'lists that are decompressed to 63 MiB': {
    path: list,
    headers: { 'content-encoding': 'gzip' },
    body: () => [bomb],
  },
  'errors of 60 MiB': {
    path: list,
    status: 500,
    body: repeated('{"computeFault":{"message":"', 'x', 60 * mebibyte),
  },
};

const title = 'the region that is well notices nothing, and memory is bounded';

for (const [name, answer] of Object.entries(attacks))
  test.serial(`${name}: ${title}`, async (t) => survive(t, answer));

test.serial(`logins of 63 MiB of nested brackets: ${title}`, async (t) => {
  const body = repeated('{"token":{"catalog":[', '[', 63 * mebibyte);
  await survive(t, { path: list, status: 401, body: () => [] }, { path: '/auth/tokens', status: 201, body });
});
