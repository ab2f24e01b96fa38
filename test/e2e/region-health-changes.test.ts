// The region-health check while what it depends on changes: Regions, Secrets, logins and catalogs.

import test from 'ava';
import { namespace } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import {
  alone,
  serviceGauge as gauge,
  loggedStates,
  outage,
  regionLine,
  setUpRegionHealth as setUp,
  shownWell,
  withServers,
} from '../fixtures/monitor/region-health.ts';

for (const checkers of [alone, withServers])
  test.serial(`a region that cannot be asked any more shows no services as up (${checkers})`, async (t) => {
    const { sandbox, untilHealth, start, health } = await setUp(t);
    const monitor = await start(checkers);
    await untilHealth(shownWell);
    t.is(await monitor.total(gauge), 7);
    sandbox.cluster.delete('secrets', namespace, 'east-credentials');
    await eventually('unknown', () =>
      health().startsWith('Unknown/Unknown: unable to ask the region: Secret'),
    );
    t.deepEqual(await monitor.series(gauge), []);
  });

test.serial('one that may never be asked is unknown, until it may', async (t) => {
  const { sandbox, start, health, untilHealth } = await setUp(t);
  const secretIn = (place: string) =>
    sandbox.cluster.patch('regions', namespace, 'east', {
      spec: { openstack: { serviceAccountSecret: { namespace: place, name: 'east-credentials' } } },
    });
  secretIn('elsewhere');
  await start(alone, '--namespace=');
  await eventually('unknown', () =>
    health().startsWith('Unknown/Unknown: unable to ask the region: Region east'),
  );
  t.is(sandbox.cluster.requests.count({ path: /\/secrets\// }), 0);
  secretIn(namespace);
  await untilHealth(shownWell);
});

test.serial('a Region that is being deleted keeps no monitor from getting ready', async (t) => {
  const { sandbox, start, health } = await setUp(t);
  sandbox.cluster.patch('regions', namespace, 'east', { metadata: { finalizers: ['example.com/servers'] } });
  sandbox.cluster.delete('regions', namespace, 'east');
  const monitor = await start(alone);
  await monitor.untilReady();
  t.is(health(), '');
});

test.serial('a service that is away does not return in the log when logins fail as well', async (t) => {
  const { region, untilHealth, start, untilAsked } = await setUp(t);
  const monitor = await start(alone);
  await untilHealth(shownWell);
  region.cloud.faults.add(outage, { route: 'GET /networking' });
  await monitor.untilLogged('region service is not available', { service: 'network' });
  region.cloud.faults.add(outage, { route: 'POST /v3/auth/tokens' });
  await untilHealth('False/Errored: identity (server-error) is not available');
  await untilAsked(2, 'GET /v3');
  t.is(monitor.logged('region service is available again').length, 0);
  region.cloud.faults.clear();
  await untilHealth(shownWell);
  await monitor.untilLogged('region service is available again', { service: 'network' });
  await monitor.untilLogged('region service is available again', { service: 'identity' });
});

test.serial(
  'a login that is put off is not tried before its time, and until then it is the same outage',
  async (t) => {
    const { region, start, untilAsked, untilHealth, asked, health } = await setUp(t);
    const login = 'POST /v3/auth/tokens';
    region.cloud.faults.add({ ...outage, retryAfter: '300' }, { route: login });
    const monitor = await start(withServers);
    const away = 'False/Errored: identity (server-error) is not available';
    await untilHealth(away);
    // More than one only where the cloud's answer came later than the time-out.
    const logins = asked(login);
    await untilAsked(2, 'GET /v3');
    t.is(health(), away);
    t.is(asked(login), logins);
    await monitor.untilLogged(regionLine);
    t.is(loggedStates(monitor).length, 1);
  },
);
