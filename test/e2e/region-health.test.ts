// The region-health check, end to end: from the services of a cloud to the Healthy condition, the log and the metrics.

import test from 'ava';
import type { SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { findCondition } from '../../src/shared/conditions.ts';
import { askedFor, namespace, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { calmPeriodMs, pace } from '../fixtures/monitor/monitor.ts';
import {
  alone,
  documents,
  serviceGauge as gauge,
  loggedStates,
  outage,
  regionLine,
  setUpRegionHealth as setUp,
  shownWell,
  withServers,
} from '../fixtures/monitor/region-health.ts';

const networkDown = 'False/Degraded: network (server-error) is not available';

test.serial(
  'a region is healthy with its first poll, and a poll that sees the same writes nothing',
  async (t) => {
    const { sandbox, region, project, untilHealth, start, patches, untilAsked, asked } = await setUp(t);
    sandbox.addServer(project, { id: 'web' });
    const monitor = await start(withServers);
    await untilHealth(shownWell);
    const { fields } = await monitor.untilLogged(regionLine);
    const { duration_ms: duration, ...others } = fields;
    t.is(typeof duration, 'number');
    t.deepEqual(others, {
      region_id: 'east',
      from_state: '',
      to_state: 'Healthy',
      region_name: 'east',
      message: 'all services answer',
    });
    t.is(patches(), 1);
    // The region's service account, and the project, as for servers alone. On a busy machine the first poll of one check may
    // not have waited for the other's login.
    const { logins } = region.cloud.requests;
    t.true(logins >= 2 && logins <= 3, String(logins));
    await untilAsked(2);
    t.is(patches(), 1);
    t.is(region.cloud.requests.logins, logins);
    const services = [
      'identity',
      'compute',
      'network',
      'image',
      'block-storage',
      'load-balancer',
      'baremetal',
    ];
    for (const service of services) t.is(await monitor.total(gauge, `service="${service}"`), 1, service);
    t.is(await monitor.total(gauge), services.length);
    const seconds = 'unikorn_region_monitor_service_duration_seconds_count';
    t.true((await monitor.total(seconds, 'service="network"', 'region_name="east"')) >= 3);
    await monitor.stop();
    // One request a service and poll; a poll may have been stopped in its middle.
    const counts = documents.map((route) => asked(route));
    const polls = asked('GET /v3');
    t.true(Math.max(...counts) <= polls + 1 && Math.min(...counts) >= polls - 1, counts.join(' '));
  },
);

test.serial(
  'a network service that goes away makes the region degraded, and healthy when it returns: each in one line',
  async (t) => {
    const { region, untilHealth, start, health, untilAsked } = await setUp(t);
    const monitor = await start(withServers);
    await untilHealth(shownWell);
    const fault = region.cloud.faults.add(outage, { route: 'GET /networking' });
    await untilHealth(networkDown);
    const said = await monitor.untilLogged('region service is not available', { service: 'network' });
    t.regex(said.error, /^GET \/ \(network versions\) at .* answered 503$/);
    t.like(said.fields, { region: 'east', code: 'server-error' });
    t.is(await monitor.total(gauge, 'service="network"'), 0);
    t.is(await monitor.total(gauge, 'service="image"'), 1);
    await untilAsked(2);
    t.is(health(), networkDown);
    fault.remove();
    await untilHealth(shownWell);
    await monitor.untilLogged('region service is available again', { service: 'network' });
    await eventually('its lines', () => loggedStates(monitor).length >= 3);
    t.deepEqual(loggedStates(monitor), ['Healthy', 'Degraded', 'Healthy']);
    t.is(monitor.logged('region service is not available').length, 1);
  },
);

test.serial('a service that flaps at every poll does not flap the condition', async (t) => {
  const { region, untilHealth, start, patches, untilAsked, health } = await setUp(t);
  const monitor = await start(withServers);
  await untilHealth(shownWell);
  region.cloud.faults.add(outage, { route: 'GET /networking', every: 2 });
  await untilAsked(8);
  t.true(monitor.logged('region service is not available').length >= 3);
  t.is(health(), shownWell);
  t.is(patches(), 1);
  t.deepEqual(loggedStates(monitor), ['Healthy']);
});

for (const [title, route, message] of [
  ['identity', 'GET /v3', 'identity (server-error) is not available'],
  ['compute', 'GET /compute', 'compute (server-error) is not available'],
] as const)
  test.serial(`a region without ${title} is in error`, async (t) => {
    const { region, untilHealth, start } = await setUp(t);
    const monitor = await start(withServers);
    await untilHealth(shownWell);
    const fault = region.cloud.faults.add(outage, { route });
    await untilHealth(`False/Errored: ${message}`);
    fault.remove();
    await untilHealth(shownWell);
    await eventually('its lines', () => loggedStates(monitor).length >= 3);
    t.deepEqual(loggedStates(monitor), ['Healthy', 'Errored', 'Healthy']);
  });

test.serial(
  'a region that is away as a whole is in error, and its reasons may vary without a write',
  async (t) => {
    const { sandbox, project, region, untilHealth, start, patches, untilAsked, health } = await setUp(t);
    sandbox.addServer(project, { id: 'web' });
    const monitor = await start(withServers);
    await untilHealth(shownWell);
    region.cloud.faults.add({ kind: 'reset' });
    await eventually('an error', () => health().startsWith('False/Errored: identity (unreachable), compute'));
    const before = patches();
    region.cloud.faults.clear();
    region.cloud.faults.add(outage);
    await untilAsked(3);
    t.is(patches(), before);
    region.cloud.faults.clear();
    await untilHealth(shownWell);
    await eventually('its lines', () => loggedStates(monitor).length >= 3);
    t.deepEqual(loggedStates(monitor), ['Healthy', 'Errored', 'Healthy']);
  },
);

test.serial('one that cannot be asked is unknown: when two polls agree', async (t) => {
  const { region, untilHealth, start, asked, health } = await setUp(t);
  region.putSecret({ password: 'wrong' });
  const monitor = await start(withServers);
  const refused = 'Unknown/Unknown: unable to ask the region: POST /v3/auth/tokens';
  await eventually(
    'unknown',
    async () => (await monitor.untilLogged(regionLine)).fields['to_state'] === 'Unknown',
  );
  // Who refuses a password is there.
  t.is(await monitor.total(gauge, 'service="identity"'), 1);
  t.is(await monitor.total(gauge), 1);
  t.true(health().startsWith(refused), health());
  const polls = asked('GET /v3');
  await eventually('more polls', () => asked('GET /v3') >= polls + 6);
  // A password that is refused is tried less and less, by one check, not by two.
  t.true(asked('POST /v3/auth/tokens') <= 5, `${asked('POST /v3/auth/tokens')} logins`);
  region.putSecret();
  await untilHealth(shownWell);
});

test.serial('alone, it needs no server and no identity, and makes the monitor ready', async (t) => {
  const { sandbox, region, project, untilHealth, start } = await setUp(t);
  sandbox.addServer(project, { id: 'web' });
  const monitor = await start(alone);
  await untilHealth(shownWell);
  await monitor.untilReady();
  for (const resource of ['servers', 'identities', 'openstackidentities', 'loadbalancers'])
    t.is(sandbox.cluster.requests.count({ path: new RegExp(`/${resource}`) }), 0, resource);
  t.is(region.cloud.requests.logins, 1);
  t.is(await monitor.total('unikorn_region_monitor_region_up', 'region_id="east"'), 1);
  await region.cloud.pause();
  await eventually('down', async () => (await monitor.total('unikorn_region_monitor_region_up')) === 0);
  await region.cloud.resume();
  await eventually('up', async () => (await monitor.total('unikorn_region_monitor_region_up')) === 1);
  await untilHealth(shownWell);
});

test.serial(
  'where only the network service hangs, the region is degraded and its servers go on',
  async (t) => {
    const { sandbox, region, project, untilHealth, start } = await setUp(t);
    const { providerId } = sandbox.addServer(project, { id: 'web' });
    const monitor = await start(withServers);
    await untilHealth(shownWell);
    region.cloud.faults.add({ kind: 'hang' }, { route: 'GET /networking' });
    await untilHealth('False/Degraded: network (timeout) is not available');
    const skipped = async (checker: string) =>
      monitor.total('unikorn_region_monitor_polls_skipped_total', `checker="${checker}"`);
    const before = await monitor.regionPolls('east');
    region.cloud.stop(providerId);
    await sandbox.untilPhase('web', 'Stopped');
    await eventually(
      'four more polls of servers',
      async () => (await monitor.regionPolls('east')) >= before + 4,
    );
    t.is(await skipped('server-health'), 0);
    t.is(await monitor.total('unikorn_region_monitor_region_up'), 1);
  },
);

test.serial('what others write stays: Available, and what they write at the same time', async (t) => {
  const { sandbox, region, record, untilHealth, start } = await setUp(t);
  const available = {
    type: 'Available',
    status: 'True',
    reason: 'Provisioned',
    message: 'provisioned',
    lastTransitionTime: '2026-11-22T07:01:00Z',
  };
  sandbox.cluster.patchStatus('regions', namespace, 'east', { status: { conditions: [available] } });
  const monitor = await start(alone);
  await untilHealth(shownWell);
  sandbox.cluster.faults.conflict({ path: /\/regions\/east\/status/ });
  region.cloud.faults.add(outage, { route: 'GET /networking' });
  await untilHealth(networkDown);
  t.deepEqual(findCondition(record().conditions, 'Available'), available);
  await monitor.untilLogged(regionLine, { to_state: 'Degraded' });
  t.deepEqual(loggedStates(monitor), ['Healthy', 'Degraded']);
});

test.serial('a simulated region is healthy; one of Kubernetes shows nothing', async (t) => {
  const { sandbox, health, untilHealth, start, untilAsked } = await setUp(t);
  const kubernetes = { kubeConfigSecret: { namespace, name: 'remote' } };
  for (const [provider, further] of Object.entries({ simulated: {}, kubernetes: { kubernetes } }))
    sandbox.cluster.apply({
      apiVersion: 'region.unikorn-cloud.org/v1alpha1',
      kind: 'Region',
      metadata: { name: provider, namespace },
      spec: { provider, ...further },
    });
  const monitor = await start(withServers);
  await untilHealth('True/Healthy: region is simulated', 'simulated');
  await untilAsked(2);
  t.is(health('kubernetes'), '');
  t.is(monitor.logged(regionLine, { region_id: 'kubernetes' }).length, 0);
});

test.serial('replicas that share the regions write and count each region once', async (t) => {
  const { sandbox, untilHealth } = await setUp(t);
  await sandbox.addRegion('west');
  const replica = async (name: string) =>
    sandbox.startMonitor(
      ...pace(calmPeriodMs(1_500)),
      alone,
      '--shards=2',
      `--replica-name=${name}`,
      '--lease-duration=30s',
    );
  const replicas = [await replica('one'), await replica('two')];
  for (const id of ['east', 'west']) await untilHealth(shownWell, id);
  await eventually('each counts its own', async () =>
    (await Promise.all(replicas.map(async (monitor) => monitor.total(gauge)))).every((sum) => sum === 7),
  );
  for (const id of ['east', 'west']) t.is(replicas.flatMap((monitor) => loggedStates(monitor, id)).length, 1);
});

test.serial(
  '20 regions with three checks: one request a service, one list a project, no login more',
  async (t) => {
    t.timeout(240_000);
    const sandbox = await startSandbox(t);
    const regions: SandboxRegion[] = [];
    for (let index = 0; index < 20; index++) {
      const region = await sandbox.addRegion(`region-${index}`);
      const project = region.addProject();
      sandbox.addServer(project, { id: `web-${index}` });
      project.addLoadBalancer({ id: `lb-${index}`, name: 'front' });
      regions.push(region);
    }
    const monitor = await sandbox.startMonitor(
      ...pace(calmPeriodMs(4_000)),
      '--checkers=server-health,region-health,load-balancer-health',
    );
    await eventually(
      'three polls of each',
      () => regions.every((region) => askedFor(region, 'GET /v3') >= 3),
      {
        timeoutMs: 120_000,
      },
    );
    await monitor.stop();
    for (const region of regions) {
      const polls = askedFor(region, 'GET /servers/detail');
      // A poll that was stopped may have asked for a part.
      for (const route of [...documents, 'GET /lbaas/loadbalancers'])
        t.true(
          Math.abs(askedFor(region, route) - polls) <= 1,
          `${route}: ${askedFor(region, route)} in ${polls} polls`,
        );
      // The region's service account and its project, as for servers alone.
      t.is(region.cloud.requests.logins, 2);
    }
  },
);
