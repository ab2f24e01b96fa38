// What happens to objects and tokens of a real kube-apiserver while the monitor works. Skipped, saying so, where there is none.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fieldManager, writtenByAnother } from '../../src/main/projection/field-manager.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type ControlPlane, startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { controlPlaneTests } from '../fixtures/kubernetes/control-plane-tests.ts';
import { RealCluster } from '../fixtures/kubernetes/real-cluster.ts';
import { outageBegins, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import { type MonitorUnderTest, pace } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

const real = controlPlaneTests();

const assertHandlesClosed = watchHandles();

const file: { controlPlane: ControlPlane | null } = { controlPlane: null };

test.before(async (t) => {
  file.controlPlane = await startControlPlane(t);
  await file.controlPlane?.installDefinitions('v1.16');
});

test.after.always('no handle is left', async (t) => {
  await file.controlPlane?.stop();
  await assertHandlesClosed(t);
});

async function startCluster(t: ExecutionContext): Promise<RealCluster> {
  t.timeout(300_000);
  const { controlPlane } = file;
  if (controlPlane === null) throw new Error('there is no real API server');
  const cluster = await RealCluster.create(t, controlPlane);
  t.teardown(async () => controlPlane.empty(cluster.namespace));
  await cluster.addRegion();
  await cluster.addServer('lively');
  return cluster;
}

const phasesOf = (monitor: MonitorUnderTest, id: string) =>
  monitor
    .logged('instance phase transition', { instance_id: id })
    .map(({ fields }) => `${String(fields['from_phase'])} -> ${String(fields['to_phase'])}`);

real.test(
  'others write the same object all the time: none of their writes is lost, and ours follows',
  async (t) => {
    const cluster = await startCluster(t);
    const monitor = await cluster.startMonitor(t);
    await cluster.untilShown('lively', 'Running Healthy');
    const conflicts = async () =>
      monitor.total('unikorn_region_monitor_status_writes_total', 'outcome="conflict"');
    const over = new AbortController();
    const written = await Promise.all([
      ...['one', 'two', 'three', 'four'].map(async (writer) => {
        let count = 0;
        while (!over.signal.aborted) {
          count += 1;
          await cluster.annotate('lively', `test/${writer}`, String(count));
        }
        return { writer, count };
      }),
      eventually(
        'conflicts',
        async () => {
          const [state, next] =
            (await cluster.shown('lively')) === 'Running Healthy'
              ? (['Stopped Degraded', () => cluster.stop('lively')] as const)
              : (['Running Healthy', () => cluster.start('lively')] as const);
          next();
          await cluster.untilShown('lively', state);
          return (await conflicts()) >= 3;
        },
        { timeoutMs: 120_000 },
      ).finally(() => over.abort()),
    ]);
    cluster.stop('lively');
    await cluster.untilShown('lively', 'Stopped Degraded');
    await monitor.untilRegionPolled('east', 2);
    for (const writer of written) {
      if (typeof writer === 'boolean') continue;
      t.is(await cluster.annotation('lively', `test/${writer.writer}`), String(writer.count));
    }
    // Each transition once, one after the other.
    const phases = phasesOf(monitor, 'lively');
    const expected = phases.map((_, index) =>
      index === 0 ? ' -> Running' : index % 2 === 1 ? 'Running -> Stopped' : 'Stopped -> Running',
    );
    t.deepEqual(phases, expected);
  },
);

real.test(
  'a Server is deleted and created again while its project is listed: the new one gets its own status',
  async (t) => {
    const cluster = await startCluster(t);
    const list = 'GET /servers/detail';
    // Time enough for two commands while the cloud answers.
    const monitor = await cluster.startMonitor(t, { flags: pace(6_000) });
    await cluster.untilShown('lively', 'Running Healthy');
    const { uid } = await cluster.server('lively');
    cluster.cloud.faults.add({ kind: 'latency', ms: 4_000 }, { route: list, times: 1 });
    const before = cluster.cloud.requests.count({ route: list });
    await eventually('a list', () => cluster.cloud.requests.count({ route: list }) > before);
    await cluster.replaceServer('lively', { status: 'SHUTOFF', powerState: 4 });
    await cluster.untilShown('lively', 'Stopped Degraded');
    await monitor.untilRegionPolled('east');
    t.not((await cluster.server('lively')).uid, uid);
    t.deepEqual(
      phasesOf(monitor, 'lively'),
      [' -> Running', ' -> Stopped'],
      'of the old one, then of the new one',
    );
    t.deepEqual(monitor.logged('failed to check server, skipping'), []);
  },
);

real.test('the token in the file is renewed before it expires, and once too late', async (t) => {
  const cluster = await startCluster(t);
  await cluster.grant();
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const tokenFile = join(folder, 'token');
  const renew = async () => {
    const { token, revoke } = await cluster.newToken();
    return { revoke, write: async () => writeFile(tokenFile, token) };
  };
  const first = await renew();
  await first.write();
  const monitor = await cluster.startMonitor(t, { tokenFile });
  await cluster.untilShown('lively', 'Running Healthy');

  const second = await renew();
  await second.write();
  await first.revoke();
  cluster.stop('lively');
  await cluster.untilShown('lively', 'Stopped Degraded');

  const third = await renew();
  await second.revoke();
  const { error } = await eventually(
    'a refusal',
    () => monitor.lines.find((line) => line.error.includes('401')),
    { timeoutMs: 90_000 },
  );
  t.regex(error, /401 Unauthorized: .*renew the token, certificate or kubeconfig/);
  cluster.start('lively');
  await monitor.untilPolled(2);
  t.is(await cluster.shown('lively'), 'Stopped Degraded');
  await third.write();
  await cluster.untilShown('lively', 'Running Healthy');
  await cluster.addServer('later');
  await cluster.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.deepEqual(
    monitor.logged(outageBegins).filter((line) => !line.error.includes('401')),
    [],
  );
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped', 'Stopped -> Running']);
});

real.test(
  'the API server keeps which monitor wrote a status: another’s write of the same change is not taken for ours',
  async (t) => {
    const cluster = await startCluster(t);
    await cluster.startMonitor(t);
    await cluster.untilShown('lively', 'Running Healthy');
    const { controlPlane } = file;
    const server = ['servers.region.unikorn-cloud.org', 'lively', '-n', cluster.namespace];
    const text = await controlPlane?.kubectl('get', ...server, '-o', 'json', '--show-managed-fields');
    const object: unknown = JSON.parse(text ?? 'null');
    const change = { phase: 'Running', conditions: [] };
    t.false(writtenByAnother(object, change, fieldManager()), 'it is this process’s');
    t.true(writtenByAnother(object, change, 'region-monitor-elsewhere-1'));
  },
);
