import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { SandboxCloud } from '../../../src/sandbox/openstack/cloud.ts';
import { Drama, type Moment } from '../../../src/sandbox/openstack/drama.ts';

async function stage(
  t: ExecutionContext,
  taskMs: number,
): Promise<{ cloud: SandboxCloud; projectId: string }> {
  const cloud = await SandboxCloud.start({ taskMs });
  t.teardown(() => cloud.close());
  const { projectId } = cloud.addIdentity();
  for (let index = 0; index < 20; index++)
    cloud.createServer(projectId, { name: `web-${index}`, metadata: { 'region:server_id': `web-${index}` } });
  return { cloud, projectId };
}

test('every kind of moment comes, most servers run, and what is deleted comes back under its name', async (t) => {
  const { cloud, projectId } = await stage(t, 0);
  const drama = new Drama(cloud, { seed: 7 });
  const seen = new Set<Moment['what']>();
  let running = 0;
  const steps = 400;
  for (let index = 0; index < steps; index++) {
    const moment = drama.step();
    if (moment !== null) seen.add(moment.what);
    // Tasks take no time, but a turn of the event loop.
    await sleep(1);
    running += cloud.servers(projectId).filter((server) => server.status === 'ACTIVE').length;
  }
  t.deepEqual([...seen].toSorted(), [
    'build',
    'delete',
    'fail',
    'failed-build',
    'pause',
    'recover',
    'start',
    'stop',
    'unpause',
  ]);
  t.true(running / steps > 12, `${running / steps} of 20 run`);
  const names = cloud.servers(projectId).map((server) => server.name);
  t.is(new Set(names).size, names.length);
  t.true(names.length >= 18, `${names.length} servers are there`);
  for (const server of cloud.servers(projectId)) t.is(server.metadata['region:server_id'], server.name);
  for (const server of cloud.servers(projectId))
    if (server.status === 'ERROR') t.true((server.fault?.message.length ?? 0) > 10);
});

test('the same seed makes the same drama', async (t) => {
  const plays: string[][] = [];
  for (let play = 0; play < 2; play++) {
    const { cloud, projectId } = await stage(t, 1e6);
    const drama = new Drama(cloud, { seed: 3, projectIds: [projectId] });
    plays.push(Array.from({ length: 10 }, () => drama.step()?.what ?? ''));
  }
  t.deepEqual(plays[0], plays[1]);
});

test('it runs until it is told to stop, and builds what it is asked to invent', async (t) => {
  const { cloud, projectId } = await stage(t, 0);
  const stop = new AbortController();
  let invented = 0;
  const moments: Moment[] = [];
  const running = new Drama(cloud, {
    everyMs: 1,
    invent: () => ({ projectId, server: { name: `new-${++invented}` } }),
    onMoment: (moment) => {
      moments.push(moment);
      if (invented > 0) stop.abort();
    },
  }).run(stop.signal);
  await running;
  t.is(moments.at(-1)?.server.name, 'new-1');
});
