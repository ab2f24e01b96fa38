// Two monitors, one stand-in for Kubernetes, and a few regions that they divide.

import test from 'ava';
import * as v from 'valibot';
import { parseLease } from '../../src/main/kubernetes/objects/lease-record.ts';
import { namespace, type Sandbox, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { browserTest, TestBrowser } from '../fixtures/monitor/browser.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const regionIds = ['north', 'east', 'south', 'west'];
const up = 'unikorn_region_monitor_region_up';

function replica(name: string, shards: number): readonly string[] {
  return [`--shards=${shards}`, `--replica-name=${name}`, '--lease-duration=30s'];
}

/** The regions that a monitor shows. */
async function shown(monitor: MonitorUnderTest): Promise<readonly string[]> {
  return (await monitor.series(up)).map((line) => /region_id="([^"]*)"/.exec(line)?.[1] ?? '').toSorted();
}

async function cached(monitor: MonitorUnderTest): Promise<number> {
  return monitor.total('unikorn_region_monitor_cache_objects', 'resource="servers"');
}

function holders(sandbox: Sandbox): readonly string[] {
  return sandbox.cluster
    .list('leases', namespace)
    .map((lease) => parseLease(lease).holder.split('_')[0] ?? '');
}

const browser = new TestBrowser();
test.after.always('close the browser', async () => browser.close());

const shardsSchema = v.object({
  shards: v.array(
    v.object({ shard: v.number(), holder: v.string(), held: v.boolean(), regions: v.number() }),
  ),
});

/** What /statusz says of the shards: the replica's name, and whether it is this one. */
async function shardsShown(monitor: MonitorUnderTest): Promise<readonly string[]> {
  const { shards } = v.parse(shardsSchema, JSON.parse((await monitor.get('/statusz')).text));
  return shards.map(
    ({ shard, holder, held, regions }) =>
      `${shard} ${holder.split('_')[0]}${held ? ' itself' : ''}, ${regions} regions`,
  );
}

test('two replicas divide the regions, and each change is written and logged by one of them', async (t) => {
  const sandbox = await startSandbox(t);
  const planted = [];
  for (const id of regionIds) {
    const project = (await sandbox.addRegion(id)).addProject();
    planted.push({ project, server: sandbox.addServer(project, { id: `${id}-server` }) });
  }
  const [project] = planted.map((each) => each.project);
  if (project === undefined) return t.fail();
  sandbox.addServer(project, {
    id: 'homeless',
    cloud: null,
    labels: { 'regions.unikorn-cloud.org/region-id': null },
  });
  const one = await sandbox.startMonitor(...replica('one', 2));
  await eventually('all regions', async () => (await shown(one)).length === 4);
  const two = await sandbox.startMonitor(...replica('two', 2));
  await eventually('shared', async () => {
    const [ofOne, ofTwo] = [await shown(one), await shown(two)];
    return ofOne.length === 2 && ofTwo.length === 2 && new Set([...ofOne, ...ofTwo]).size === 4;
  });
  t.deepEqual(holders(sandbox).toSorted(), ['one', 'two']);
  for (const { project: of, server } of planted) {
    of.region.cloud.stop(server.providerId);
    await sandbox.untilPhase(server.id, 'Stopped');
  }
  for (const { server } of planted) {
    const stop = { instance_id: server.id, to_phase: 'Stopped' };
    const stops = () => [one, two].flatMap((monitor) => monitor.logged('instance phase transition', stop));
    await eventually(`the line of ${server.id}`, () => stops().length > 0);
    t.is(stops().length, 1, server.id);
  }
  // A server that names no region is watched by one of them.
  await eventually('every server once', async () => (await cached(one)) + (await cached(two)) === 5);

  // One leaves: the other has all of them, at once.
  await two.stop();
  await eventually('all again', async () => (await shown(one)).length === 4);
  await eventually('all Leases', () => holders(sandbox).every((holder) => holder === 'one'));
  return undefined;
});

test('without --shards no Lease is touched', async (t) => {
  const sandbox = await startSandbox(t);
  const monitor = await sandbox.startMonitor();
  await monitor.untilReady();
  t.deepEqual(sandbox.cluster.list('leases', namespace), []);
  t.deepEqual(await shardsShown(monitor), []);
  t.deepEqual(await monitor.series('unikorn_region_monitor_api_requests_total', 'resource="leases"'), []);
});

test('a standby is ready, and knows nothing of the servers', async (t) => {
  const sandbox = await startSandbox(t);
  const project = (await sandbox.addRegion('north')).addProject();
  sandbox.addServer(project, { id: 'web' });
  const active = await sandbox.startMonitor(...replica('active', 1));
  await active.untilStates('north', { running: 1 });
  const standby = await sandbox.startMonitor(...replica('standby', 1));
  await standby.untilReady();
  t.deepEqual(await shown(standby), []);
  t.is(await standby.total('unikorn_region_monitor_cache_objects', 'resource="servers"'), 0);
  await active.stop();
  await standby.untilStates('north', { running: 1 });
});

browserTest('every replica shows who holds what, and the page of each follows a move', async (t) => {
  const sandbox = await startSandbox(t);
  for (const id of regionIds) sandbox.addServer((await sandbox.addRegion(id)).addProject(), { id });
  const one = await sandbox.startMonitor(...replica('one', 1));
  await one.untilStates('north', { running: 1 });
  const two = await sandbox.startMonitor(...replica('two', 1));
  await two.untilReady();
  t.deepEqual(await shardsShown(one), ['0 one itself, 4 regions']);
  await eventually('seen by the other', async () => (await shardsShown(two))[0] === '0 one, 4 regions');
  const page = await browser.open(t, `${await two.url()}/`);
  const shard = page.getByRole('table', { name: 'Shards' }).getByRole('row', { name: 'Shard 0' });
  await shard.waitFor();
  t.is(await shard.getByRole('cell').first().textContent(), 'one');
  t.regex((await shard.getByRole('cell').nth(3).textContent()) ?? '', /^(just now|\d+ s ago)$/);
  await page.getByText('This replica holds no shard: it is a standby.').waitFor();
  await one.stop();
  await page.getByText('This replica holds 1 shard.').waitFor();
  t.is(await shard.getByRole('cell').first().textContent(), 'twothis replica');
  t.is(await shard.getByRole('cell').last().textContent(), '1', 'moves');
});
