// Three monitors in processes of their own share twelve regions on a real API server, while servers change all the time.
// The clock of one of them is ten minutes ahead. The tests come one after the other; each leaves three replicas.

import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { loadClusterAccess } from '../../src/main/kubernetes/access/config.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { TcpProxy } from '../fixtures/clouds/tcp-proxy.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../fixtures/kubernetes/control-plane-tests.ts';
import { calmPeriodMs } from '../fixtures/monitor/monitor.ts';
import type { MonitorProcess } from '../fixtures/monitor/monitor-process.ts';
import { ShardedFleet } from '../fixtures/shards/sharded-fleet.ts';

const { serial } = controlPlaneTests();

test.afterEach(assertDocumented);

const periodMs = calmPeriodMs(1_000);
/** How much slower everything is on a machine that has other things to do. */
const slow = periodMs / 1_000;
const leaseMs = 6_000 * Math.min(2, slow);
const aheadMs = 10 * 60_000;
/** Preloaded into a process whose wall clock is ahead. */
const ahead = `data:text/javascript,const now=Date.now;Date.now=()=>now()+${aheadMs}`;

interface Replica {
  readonly name: string;
  readonly process: MonitorProcess;
}

interface Stage {
  readonly fleet: ShardedFleet;
  /** The API server. */
  readonly server: string;
  /** On the way of all replicas to it, but for one that has a way of its own. */
  readonly proxy: TcpProxy;
}

const cleanup = new SharedCleanup();
const file: { stage: Stage | null; alive: Replica[]; ways: TcpProxy[]; started: number } = {
  stage: null,
  alive: [],
  ways: [],
  started: 0,
};

test.before(async (t) => {
  t.timeout(300_000);
  const controlPlane = await startControlPlane(t);
  if (controlPlane === null) return;
  cleanup.teardown(async () => controlPlane.stop());
  await controlPlane.installDefinitions('v1.16');
  const { server } = await loadClusterAccess({ kubeconfig: controlPlane.kubeconfig, context: '' });
  const proxy = await openWay(server);
  const fleet = await ShardedFleet.start(cleanup, controlPlane, { shards: 3, leaseMs, periodMs });
  cleanup.teardown(async () => controlPlane.empty(fleet.namespace));
  await fleet.addRegions(Array.from({ length: 12 }, (_, index) => `region-${index}`));
  file.stage = { fleet, server, proxy };
});

test.after.always('everything is released', async (t) => {
  t.timeout(300_000);
  await cleanup.release();
  t.pass();
});

function stageOf(t: ExecutionContext): Stage {
  t.timeout(300_000);
  if (file.stage === null) throw new Error('the fleet did not start');
  return file.stage;
}

async function startOne(
  { fleet, proxy }: Stage,
  { server = proxy.url, env = {} }: { server?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Replica> {
  const name = `replica-${file.started++}`;
  const replica = { name, process: await fleet.startReplica(name, { server, env }) };
  file.alive.push(replica);
  return replica;
}

/** A proxy before the API server. */
async function openWay(server: string): Promise<TcpProxy> {
  const way = await TcpProxy.start(server);
  file.ways.push(way);
  cleanup.teardown(async () => way.stop());
  return way;
}

/** Ends the one that has lived longest. */
async function endOne(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
  const [oldest, ...others] = file.alive;
  file.alive = others;
  return (await oldest?.process.end(signal)) ?? null;
}

async function untilShared({ fleet }: Stage, replicas: readonly Replica[] = file.alive): Promise<void> {
  await fleet.untilShared(replicas.map(({ name }) => name));
}

/**
 * Waits until all regions are polled. No region may have waited for longer than that; how long it did is logged. Where
 * the machine was so busy that a replica could not renew a Lease, an expired Lease is what a region waits for.
 */
async function untilPolled(
  t: ExecutionContext,
  { fleet }: Stage,
  { sinceMs, mostMs }: { readonly sinceMs: number; readonly mostMs: number },
): Promise<void> {
  await fleet.untilAllPolled(Date.now());
  const { region, ms } = fleet.longestGap(sinceMs);
  const late = file.alive.some((replica) => losses(replica, sinceMs).length > 0);
  const boundMs = late ? Math.max(mostMs, expiredMs) : mostMs;
  const waited = `${region} was not polled for ${ms} ms of ${boundMs} ms; period ${periodMs} ms, Lease ${leaseMs} ms`;
  t.log(waited);
  t.true(ms <= boundMs, waited);
}

/** A shard that is handed over: its next poll is not a period later than usual, on a machine that is as slow as before. */
const handedOverMs = 2 * periodMs + 2_000 * slow;
/** A shard whose holder is gone without a word. */
const expiredMs = leaseMs + 2 * periodMs + 5_000 * slow;

/** Why shards were given up since then, but for those that were handed over. */
function losses({ process }: Replica, sinceMs = 0): readonly string[] {
  return process
    .logged('shard given up')
    .filter(({ ts }) => Date.parse(String(ts)) >= sinceMs)
    .map(({ reason }) => String(reason))
    .filter((reason) => !reason.startsWith('handed over'));
}

/** Whether one of them shows regions, or does not answer. */
async function showRegions(replicas: readonly Replica[]): Promise<boolean> {
  const texts = await Promise.all(replicas.map(async ({ process }) => process.get('/metrics')));
  return texts.some((answer) => answer?.text.includes('unikorn_region_monitor_region_up{') !== false);
}

serial('three replicas share the regions, one with its clock ten minutes ahead', async (t) => {
  const stage = stageOf(t);
  const { fleet } = stage;
  await startOne(stage);
  await startOne(stage, { env: { NODE_OPTIONS: `--import=${JSON.stringify(ahead)}` } });
  await startOne(stage);
  await untilShared(stage);
  await fleet.untilTrue();
  const before = file.alive.flatMap(losses).length;
  fleet.churn(150);
  fleet.watchGauges(500);
  const since = Date.now();
  await fleet.untilAllPolled(since + 2 * leaseMs);
  t.log('lost meanwhile, as the machine is busy', file.alive.flatMap(losses).length - before);
  t.true((await fleet.holders()).every((holder) => file.alive.some(({ name }) => name === holder)));
  await untilPolled(t, stage, { sinceMs: since, mostMs: handedOverMs });
});

serial('one is stopped by SIGTERM: its regions are polled on by the others', async (t) => {
  const stage = stageOf(t);
  const since = Date.now();
  t.is(await endOne('SIGTERM'), 0);
  await untilShared(stage);
  await untilPolled(t, stage, { sinceMs: since, mostMs: handedOverMs });
});

serial('a replica comes: it is given its share', async (t) => {
  const stage = stageOf(t);
  const since = Date.now();
  await startOne(stage);
  await untilShared(stage);
  await untilPolled(t, stage, { sinceMs: since, mostMs: handedOverMs });
});

serial('all are restarted one after the other: no region waits for its poll', async (t) => {
  const stage = stageOf(t);
  const since = Date.now();
  for (let index = 0; index < 3; index++) {
    await startOne(stage);
    t.is(await endOne('SIGTERM'), 0);
  }
  await untilShared(stage);
  await untilPolled(t, stage, { sinceMs: since, mostMs: handedOverMs });
});

serial(
  'one is stopped for twice the lease duration: others take over, and it does nothing when it wakes',
  async (t) => {
    const stage = stageOf(t);
    const [stopped, ...others] = file.alive;
    if (stopped === undefined) return t.fail();
    stopped.process.child.kill('SIGSTOP');
    const since = Date.now();
    await untilShared(stage, others);
    await untilPolled(t, stage, { sinceMs: since, mostMs: expiredMs });
    await sleep(Math.max(0, since + 2 * leaseMs - Date.now()));
    const lost = losses(stopped).length;
    stopped.process.child.kill('SIGCONT');
    await eventually('what it says first', () => losses(stopped).length > lost);
    t.is(losses(stopped)[lost], 'not renewed in time');
    await untilShared(stage);
    return undefined;
  },
);

serial(
  'over all logs together each transition is told once, and no gauge counts a server twice',
  async (t) => {
    const { fleet } = stageOf(t);
    fleet.calm();
    await fleet.untilTrue();
    await eventually('the last lines', () => fleet.mistold().length === 0, { timeoutMs: 10_000 }).catch(
      () => {},
    );
    t.true(fleet.changes > 100, `${fleet.changes} changes`);
    t.deepEqual(fleet.mistold(), []);
    t.deepEqual(fleet.doubled, []);
    fleet.churn(150);
  },
);

serial(
  'one is cut off from the API server: it gives up before others take over, and shares again later',
  async (t) => {
    const stage = stageOf(t);
    const { fleet } = stage;
    const proxy = await openWay(stage.server);
    await endOne('SIGTERM');
    const others = [...file.alive];
    const cutOff = await startOne(stage, { server: proxy.url });
    await untilShared(stage);
    const since = Date.now();
    proxy.silence();
    const lost = await eventually('given up', () =>
      cutOff.process
        .logged('shard given up')
        .find(({ ts, reason }) => Date.parse(String(ts)) >= since && reason === 'not renewed in time'),
    );
    await untilShared(stage, others);
    const taken = await eventually('the line of the replica that took it', () =>
      others
        .flatMap(({ process }) => process.logged('shard taken'))
        .filter(({ ts, shard }) => Date.parse(String(ts)) >= since && shard === lost['shard'])
        .map(({ ts }) => Date.parse(String(ts)))
        .toSorted((a, b) => a - b)
        .at(0),
    );
    // Logged as soon as the timer fires; a machine that is late with it does not make the hold longer.
    const lostMs = Date.parse(String(lost['ts'])) - fleet.lateMs(since);
    t.true(taken >= lostMs, `lost at ${lostMs}, taken at ${taken}`);
    await fleet.untilAllPolled(Date.now());
    proxy.cut();
    proxy.mend();
    await untilShared(stage);
  },
);

serial('the API server is away: nobody polls, and all is polled again when it is back', async (t) => {
  const stage = stageOf(t);
  const { fleet } = stage;
  for (const way of file.ways) way.cut();
  await eventually('no region is anybody’s', async () => !(await showRegions(file.alive)));
  const none = Date.now();
  await sleep(2 * leaseMs);
  t.deepEqual(
    fleet.regions.filter((region) => fleet.pollsOf(region).some((time) => time > none + periodMs)),
    [],
  );
  for (const way of file.ways) way.mend();
  await untilPolled(t, stage, { sinceMs: Date.now(), mostMs: expiredMs });
  await untilShared(stage);
});

serial('a Region comes and a Region goes: all regions are polled', async (t) => {
  const stage = stageOf(t);
  const { fleet } = stage;
  await fleet.addRegions(['region-new']);
  await fleet.untilAllPolled(Date.now());
  await fleet.removeRegion('region-new');
  await fleet.untilAllPolled(Date.now());
  t.false(fleet.regions.includes('region-new'));
});

serial('one is killed: its regions are polled again, and no transition is told twice', async (t) => {
  const stage = stageOf(t);
  t.is(await endOne('SIGKILL'), 'SIGKILL');
  const killed = Date.now();
  await untilPolled(t, stage, { sinceMs: killed, mostMs: expiredMs });
  await untilShared(stage);
  stage.fleet.calm();
  await stage.fleet.untilTrue();
  t.deepEqual(stage.fleet.toldTwice(), []);
});
