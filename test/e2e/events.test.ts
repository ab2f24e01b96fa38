// --events: transitions as Kubernetes Events, on the stand-in and on a real API server with exactly the rights that it
// needs. Skipped, saying so, where there is none.

import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { rightsFor } from '../../src/main/kubernetes/required-rights.ts';
import { type CheckName, usualCheck } from '../../src/main/options/check-names.ts';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { startControlPlane } from '../fixtures/kubernetes/control-plane.ts';
import { RealCluster } from '../fixtures/kubernetes/real-cluster.ts';
import { calmPeriodMs, pace } from '../fixtures/monitor/monitor.ts';

const eventSchema = v.object({
  reason: v.string(),
  type: v.string(),
  note: v.string(),
  regarding: v.object({ kind: v.string(), name: v.string(), uid: v.string() }),
  series: v.optional(v.object({ count: v.number() })),
});
type Shown = v.InferOutput<typeof eventSchema>;

const text = ({ type, reason, note, regarding, series }: Shown) =>
  `${type} ${reason} ${regarding.kind}/${regarding.name}: ${note}${series === undefined ? '' : ` x${series.count}`}`;

const running = [
  'Normal Healthy Server/web: server is healthy',
  'Normal Running Server/web: phase is Running',
];

const rulesOf = (events: boolean, checkers: readonly CheckName[] = [usualCheck]) =>
  rightsFor({ shadow: false, events, checkers }).map(({ group, resource, verbs }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs,
  }));

interface WebOptions {
  readonly granted?: boolean;
  readonly flags?: readonly string[];
  readonly checkers?: readonly CheckName[];
}

async function startWeb(
  t: ExecutionContext,
  { granted = true, flags = ['--events'], checkers }: WebOptions = {},
) {
  const sandbox = await startSandbox(t);
  sandbox.cluster.access.restrict(rulesOf(granted, checkers));
  const region = await sandbox.addRegion('east');
  const { providerId } = sandbox.addServer(region.addProject(), { id: 'web' });
  const monitor = await sandbox.startMonitor(...pace(calmPeriodMs(1_500)), ...flags);
  await sandbox.untilPhase('web', 'Running');
  const events = () =>
    sandbox.cluster
      .list('events', 'region')
      .map((object) => v.parse(eventSchema, object))
      .map(text)
      .toSorted();
  const asked = () => sandbox.cluster.requests.matching({ path: /\/events/ }).length;
  return { sandbox, region, providerId, monitor, events, asked };
}

test.serial('each transition is an Event of its object; the same again is counted', async (t) => {
  const { sandbox, region, providerId, monitor, events } = await startWeb(t);
  await eventually('its first Events', () => events().length === 2);
  t.deepEqual(events(), running);
  for (const phase of ['Stopped', 'Running', 'Stopped'] as const) {
    region.cloud[phase === 'Stopped' ? 'stop' : 'start'](providerId);
    await sandbox.untilPhase('web', phase);
  }
  const expected = [
    'Normal Healthy Server/web: server is healthy',
    'Normal Healthy Server/web: server is healthy (was Degraded)',
    'Normal Running Server/web: phase is Running',
    'Normal Running Server/web: phase is Running (was Stopped)',
    'Normal Stopped Server/web: phase is Stopped (was Running) x2',
    'Warning Degraded Server/web: server is in state SHUTOFF (was Healthy) x2',
  ];
  await eventually('all Events', () => JSON.stringify(events()) === JSON.stringify(expected));
  t.deepEqual(events(), expected);
  const metric = 'unikorn_region_monitor_events_total';
  t.is(await monitor.total(metric, 'outcome="created"'), 6);
  t.is(await monitor.total(metric, 'outcome="repeated"'), 2);
});

test.serial('those of a region and of a load balancer are Events of theirs', async (t) => {
  const checkers = ['server-health', 'region-health', 'load-balancer-health'] as const;
  const { sandbox, region, events } = await startWeb(t, {
    checkers,
    flags: ['--events', `--checkers=${checkers.join(',')}`],
  });
  const balancer = region.addProject().addLoadBalancer({ id: 'front', name: 'shop' });
  const others = () => events().filter((event) => !event.includes('Server/'));
  const expected = async (...all: readonly string[]) => {
    await eventually('its Events', () => others().length >= all.length);
    t.deepEqual(others(), all.toSorted());
  };
  const well = [
    'Normal Healthy LoadBalancer/front: load balancer is online',
    'Normal Healthy Region/east: all services answer',
  ];
  await expected(...well);
  region.cloud.loadBalancers.update(balancer.providerId, { operatingStatus: 'OFFLINE' });
  region.cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /networking' });
  await expected(
    ...well,
    'Warning Degraded LoadBalancer/front: load balancer is offline (was Healthy)',
    'Warning Degraded Region/east: network (server-error) is not available (was Healthy)',
  );
  t.true(sandbox.cluster.requests.count({ method: 'POST', path: /\/events/ }) >= 4);
});

test.serial('without the flag, or in shadow mode, no Event is ever asked for', async (t) => {
  const plain = await startWeb(t, { flags: [] });
  await plain.monitor.untilPolled(2);
  t.is(plain.asked(), 0);
  const sandbox = await startSandbox(t);
  const region = await sandbox.addRegion('east');
  sandbox.addServer(region.addProject(), { id: 'web' });
  const shadow = await sandbox.startMonitor('--events', '--shadow');
  await shadow.untilLogged('shadow: would write status');
  await shadow.untilPolled(2);
  t.is(sandbox.cluster.requests.matching({ path: /\/events/ }).length, 0);
});

test.serial('without the right, status and log are as ever, and one line says what is missing', async (t) => {
  const { sandbox, region, providerId, monitor, events, asked } = await startWeb(t, { granted: false });
  const { error } = await monitor.untilLogged('failed to write Events');
  t.regex(error, /^create events in namespace region: 403 Forbidden: .* \(grant the right in the role/);
  region.cloud.stop(providerId);
  await sandbox.untilPhase('web', 'Stopped');
  await eventually('four attempts', () => asked() === 4);
  t.is(monitor.logged('failed to write Events').length, 1);
  t.is(monitor.logged('instance phase transition').length, 2);
  t.is(monitor.logged('instance state transition').length, 2);
  t.deepEqual(events(), []);
  sandbox.cluster.access.restrict(rulesOf(true));
  region.cloud.start(providerId);
  await sandbox.untilPhase('web', 'Running');
  await monitor.untilLogged('Events are written again');
  await eventually('Events', () => events().length === 2);
  t.pass();
});

test.serial(
  'a real API server: Events with exactly the rights of the table, each taken away in turn',
  async (t) => {
    const controlPlane = await startControlPlane(t);
    if (controlPlane === null) {
      t.pass();
      return;
    }
    t.teardown(async () => controlPlane.stop());
    t.timeout(300_000);
    await controlPlane.installDefinitions('v1.16');
    const real = await RealCluster.create(t, controlPlane);
    t.teardown(async () => controlPlane.empty(real.namespace));
    await real.addRegion();
    await real.addServer('web');
    const monitor = await real.startMonitor(t, { flags: ['--events', ...pace(calmPeriodMs(2_000))] });
    const events = async () => {
      const list = await controlPlane.kubectl(
        'get',
        'events.events.k8s.io',
        '-o',
        'json',
        '-n',
        real.namespace,
      );
      const { items } = v.parse(v.object({ items: v.array(eventSchema) }), JSON.parse(list));
      return items.map(text).toSorted();
    };
    const untilEvents = async (count: number) =>
      eventually(`${count} Events`, async () => (await events()).length === count, {
        timeoutMs: 60_000,
        everyMs: 200,
      });
    await real.untilShown('web', 'Running Healthy');
    await untilEvents(2);
    t.deepEqual(await events(), running);
    t.regex(
      await controlPlane.kubectl('describe', 'server', 'web', '-n', real.namespace),
      /Normal\s+Running\s/,
    );

    await real.grant((verb, resource) => `${verb} ${resource}` !== 'create events', { events: true });
    real.stop('web');
    await real.untilShown('web', 'Stopped Degraded');
    const { error } = await monitor.untilLogged('failed to write Events');
    t.regex(error, /^create events in namespace .*: 403 Forbidden/);
    await real.grant(undefined, { events: true });
    real.start('web');
    await real.untilShown('web', 'Running Healthy');
    await monitor.untilLogged('Events are written again');
    await untilEvents(4);
    // What was not written is written when the same happens again.
    real.stop('web');
    await real.untilShown('web', 'Stopped Degraded');
    await untilEvents(6);
    await real.grant((verb, resource) => `${verb} ${resource}` !== 'patch events', { events: true });
    real.start('web');
    await real.untilShown('web', 'Running Healthy');
    const refused = await eventually('a refused patch', () => monitor.logged('failed to write Events')[1], {
      timeoutMs: 60_000,
    });
    t.regex(refused.error, /^patch events .*: 403 Forbidden/);
    await real.grant(undefined, { events: true });
    // Another object: the one before has had its share.
    await real.addServer('later');
    await real.untilShown('later', 'Running Healthy');
    await untilEvents(8);
    t.is(monitor.logged('Events are written again').length, 2);
    t.is(monitor.logged('instance phase transition', { instance_id: 'web' }).length, 5);
  },
);
