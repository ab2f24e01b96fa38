// What happens to objects and tokens of a real kube-apiserver while the monitor works. Skipped, saying so, where there is none.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fieldManager, writtenByAnother } from '../../src/main/projection/field-manager.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { type ControlPlane, startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { RealCluster } from '../fixtures/kubernetes/real-cluster.ts';
import { outageBegins, untilOutagesEnded } from '../fixtures/kubernetes/watched-cluster.ts';
import { type MonitorUnderTest, pace } from '../fixtures/monitor/monitor.ts';
import { watchHandles } from '../fixtures/monitor/open-handles.ts';

test.afterEach(assertDocumented);

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

/** Null, and said, where there is no API server. */
async function cluster(t: ExecutionContext): Promise<RealCluster | null> {
  t.timeout(300_000);
  const { controlPlane } = file;
  if (controlPlane === null) {
    t.log('skipped: there is no real API server');
    t.pass();
    return null;
  }
  const real = await RealCluster.create(t, controlPlane);
  t.teardown(async () => controlPlane.empty(real.namespace));
  await real.addRegion();
  await real.addServer('lively');
  return real;
}

const phasesOf = (monitor: MonitorUnderTest, id: string) =>
  monitor
    .logged('instance phase transition', { instance_id: id })
    .map(({ fields }) => `${String(fields['from_phase'])} -> ${String(fields['to_phase'])}`);

test('others write the same object all the time: none of their writes is lost, and ours follows', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  const monitor = await real.startMonitor(t);
  await real.untilShown('lively', 'Running Healthy');
  const conflicts = async () =>
    monitor.total('unikorn_region_monitor_status_writes_total', 'outcome="conflict"');
  const over = new AbortController();
  const written = await Promise.all([
    ...['one', 'two', 'three', 'four'].map(async (writer) => {
      let count = 0;
      while (!over.signal.aborted) {
        count += 1;
        await real.annotate('lively', `test/${writer}`, String(count));
      }
      return { writer, count };
    }),
    eventually(
      'conflicts',
      async () => {
        const [state, next] =
          (await real.shown('lively')) === 'Running Healthy'
            ? (['Stopped Degraded', () => real.stop('lively')] as const)
            : (['Running Healthy', () => real.start('lively')] as const);
        next();
        await real.untilShown('lively', state);
        return (await conflicts()) >= 3;
      },
      { timeoutMs: 120_000 },
    ).finally(() => over.abort()),
  ]);
  real.stop('lively');
  await real.untilShown('lively', 'Stopped Degraded');
  await monitor.untilRegionPolled('east', 2);
  for (const writer of written) {
    if (typeof writer === 'boolean') continue;
    t.is(await real.annotation('lively', `test/${writer.writer}`), String(writer.count));
  }
  // Each transition once, one after the other.
  const phases = phasesOf(monitor, 'lively');
  const expected = phases.map((_, index) =>
    index === 0 ? ' -> Running' : index % 2 === 1 ? 'Running -> Stopped' : 'Stopped -> Running',
  );
  t.deepEqual(phases, expected);
});

test('a Server is deleted and created again while its project is listed: the new one gets its own status', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  const list = 'GET /servers/detail';
  // Time enough for two commands while the cloud answers.
  const monitor = await real.startMonitor(t, { flags: pace(6_000) });
  await real.untilShown('lively', 'Running Healthy');
  const { uid } = await real.server('lively');
  real.cloud.faults.add({ kind: 'latency', ms: 4_000 }, { route: list, times: 1 });
  const before = real.cloud.requests.count({ route: list });
  await eventually('a list', () => real.cloud.requests.count({ route: list }) > before);
  await real.replaceServer('lively', { status: 'SHUTOFF', powerState: 4 });
  await real.untilShown('lively', 'Stopped Degraded');
  await monitor.untilRegionPolled('east');
  t.not((await real.server('lively')).uid, uid);
  t.deepEqual(
    phasesOf(monitor, 'lively'),
    [' -> Running', ' -> Stopped'],
    'of the old one, then of the new one',
  );
  t.deepEqual(monitor.logged('failed to check server, skipping'), []);
});

test('the token in the file is renewed before it expires, and once too late', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  await real.grant();
  const folder = await mkdtemp(join(tmpdir(), 'region-monitor-'));
  t.teardown(async () => rm(folder, { recursive: true, force: true }));
  const tokenFile = join(folder, 'token');
  const renew = async () => {
    const { token, revoke } = await real.newToken();
    return { revoke, write: async () => writeFile(tokenFile, token) };
  };
  const first = await renew();
  await first.write();
  const monitor = await real.startMonitor(t, { tokenFile });
  await real.untilShown('lively', 'Running Healthy');

  const second = await renew();
  await second.write();
  await first.revoke();
  real.stop('lively');
  await real.untilShown('lively', 'Stopped Degraded');

  const third = await renew();
  await second.revoke();
  const { error } = await eventually(
    'a refusal',
    () => monitor.lines.find((line) => line.error.includes('401')),
    { timeoutMs: 90_000 },
  );
  t.regex(error, /401 Unauthorized: .*renew the token, certificate or kubeconfig/);
  real.start('lively');
  await monitor.untilPolled(2);
  t.is(await real.shown('lively'), 'Stopped Degraded');
  await third.write();
  await real.untilShown('lively', 'Running Healthy');
  await real.addServer('later');
  await real.untilShown('later', 'Running Healthy');
  await untilOutagesEnded(monitor);
  t.deepEqual(
    monitor.logged(outageBegins).filter((line) => !line.error.includes('401')),
    [],
  );
  t.deepEqual(phasesOf(monitor, 'lively'), [' -> Running', 'Running -> Stopped', 'Stopped -> Running']);
});

test('the API server keeps which monitor wrote a status: another’s write of the same change is not taken for ours', async (t) => {
  const real = await cluster(t);
  if (real === null) return;
  await real.startMonitor(t);
  await real.untilShown('lively', 'Running Healthy');
  const { controlPlane } = file;
  const server = ['servers.region.unikorn-cloud.org', 'lively', '-n', real.namespace];
  const text = await controlPlane?.kubectl('get', ...server, '-o', 'json', '--show-managed-fields');
  const object: unknown = JSON.parse(text ?? 'null');
  const change = { phase: 'Running', conditions: [] };
  t.false(writtenByAnother(object, change, fieldManager()), 'it is this process’s');
  t.true(writtenByAnother(object, change, 'region-monitor-elsewhere-1'));
});
