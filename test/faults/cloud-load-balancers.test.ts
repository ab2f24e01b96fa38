// Octavia in trouble, and rights on LoadBalancers that are missing: load balancers keep their health, and servers go on at
// their pace.

import test from 'ava';
import { type RequiredRight, rightsFor } from '../../src/main/kubernetes/required-rights.ts';
import type { AccessRule } from '../../src/sandbox/kubernetes/api.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { eventually } from '../fixtures/eventually.ts';
import { outageBegins, outageEnds } from '../fixtures/kubernetes/watched-cluster.ts';
import {
  bothChecks,
  listRoute,
  setUpLoadBalancers,
  shownOnline,
} from '../fixtures/monitor/load-balancers.ts';

test.afterEach(assertDocumented);

test('an empty list of load balancers: nothing is missing before a second list agrees', async (t) => {
  const { region, project, untilHealth, health, start } = await setUpLoadBalancers(t);
  for (const id of ['a', 'b', 'c']) project.addLoadBalancer({ id, name: id });
  const monitor = await start(bothChecks);
  for (const id of ['a', 'b', 'c']) await untilHealth(id, shownOnline);
  region.cloud.faults.add({ kind: 'empty-list' }, { route: listRoute, times: 1 });
  await monitor.untilLogged(
    'most load balancers of a project are missing at once, confirming before reporting it',
  );
  await monitor.untilPolled(2);
  t.deepEqual(monitor.logged('load balancer not found in provider, skipping'), []);
  region.cloud.faults.add({ kind: 'empty-list' }, { route: listRoute });
  await monitor.untilLogged('load balancer not found in provider, skipping');
  t.is(health('a'), shownOnline);
});

for (const [title, fault, code] of [
  ['answers 403', { kind: 'status', status: 403 }, 'forbidden'],
  ['answers a web page with status 200', { kind: 'html' }, 'invalid-response'],
  ['accepts and never answers', { kind: 'hang' }, 'timeout'],
  ['answers 503', { kind: 'status', status: 503 }, 'server-error'],
] as const)
  test(`Octavia ${title}: logged once, servers are not affected, and it ends`, async (t) => {
    const { sandbox, region, project, loadBalancers, untilHealth, health, start, lists } =
      await setUpLoadBalancers(t);
    const server = sandbox.addServer(project, { id: 'web' });
    const { providerId } = project.addLoadBalancer({ id: 'front', name: 'shop' });
    const monitor = await start(bothChecks);
    await untilHealth('front', shownOnline);
    // On a busy machine, the first polls may have timed out.
    const before = monitor.lines.length;
    region.cloud.faults.add(fault, { route: listRoute });
    const failed = () =>
      monitor.lines
        .slice(before)
        .filter(
          ({ level, msg, fields }) =>
            level === 'error' && fields['code'] === code && msg.includes('load balancer'),
        );
    await eventually('a line', () => failed().length > 0);
    loadBalancers.update(providerId, { operatingStatus: 'OFFLINE' });
    region.cloud.stop(server.providerId);
    await sandbox.untilPhase('web', 'Stopped');
    const listed = lists();
    await eventually('two more lists', () => lists() >= listed + 2);
    t.is(failed().length, 1);
    t.is(health('front'), shownOnline);
    await eventually(
      'the region is up',
      async () => (await monitor.total('unikorn_region_monitor_region_up', 'region_id="east"')) === 1,
    );
    region.cloud.faults.clear();
    await untilHealth('front', 'False/Degraded: load balancer is offline');
    await monitor.untilLogged('instance phase transition', { to_phase: 'Stopped' });
    t.deepEqual(
      monitor.logged('instance phase transition').map(({ fields }) => fields['to_phase']),
      ['Running', 'Stopped'],
    );
  });

type Verb = RequiredRight['verbs'][number];

/** The rights of both checks, but for one. */
function rightsWithout(verb?: Verb, without?: string): readonly AccessRule[] {
  const rights = rightsFor({
    shadow: false,
    events: false,
    checkers: ['server-health', 'load-balancer-health'],
  });
  return rights.map(({ group, resource, verbs }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: verbs.filter((each) => resource !== without || each !== verb),
  }));
}

const unwritten = 'failed to check load balancer, skipping';

for (const { verb, resource, line, ends, provoke } of [
  { verb: 'list', resource: 'loadbalancers', line: outageBegins, ends: outageEnds, provoke: 'relist' },
  { verb: 'watch', resource: 'loadbalancers', line: outageBegins, ends: outageEnds, provoke: 'rewatch' },
  {
    verb: 'patch',
    resource: 'loadbalancers/status',
    line: unwritten,
    ends: 'load balancer checked again',
    provoke: 'write',
  },
  {
    verb: 'get',
    resource: 'loadbalancers',
    line: unwritten,
    ends: 'load balancer checked again',
    provoke: 'conflict',
  },
] as const)
  test(`the right to ${verb} ${resource} is taken away and given back`, async (t) => {
    const { sandbox, region, project, loadBalancers, untilHealth, start } = await setUpLoadBalancers(t);
    const server = sandbox.addServer(project, { id: 'web' });
    const { providerId } = project.addLoadBalancer({ id: 'front', name: 'shop' });
    const { access, faults } = sandbox.cluster;
    access.restrict(rightsWithout());
    const monitor = await start(bothChecks);
    await untilHealth('front', shownOnline);
    await sandbox.untilPhase('web', 'Running');
    access.restrict(rightsWithout(verb, resource));
    if (provoke === 'relist') faults.expireWatches();
    if (provoke === 'rewatch') faults.closeWatches();
    if (provoke === 'conflict')
      faults.conflict({ path: /\/loadbalancers\/front\//, times: Number.POSITIVE_INFINITY });
    loadBalancers.update(providerId, { operatingStatus: 'OFFLINE' });
    region.cloud.stop(server.providerId);
    const refused = () =>
      monitor
        .logged(line)
        .filter(({ error }) => error.includes(`${verb} ${resource} `) && error.includes('403'));
    await eventually('a line that names the right', () => refused().length > 0);
    await sandbox.untilPhase('web', 'Stopped');
    access.restrict(rightsWithout());
    faults.clear();
    await untilHealth('front', 'False/Degraded: load balancer is offline');
    await monitor.untilLogged(ends);
    t.is(refused().length, 1);
    await monitor.untilLogged('load balancer state transition', { to_state: 'Degraded' });
    t.is(monitor.logged('load balancer state transition', { to_state: 'Degraded' }).length, 1);
  });
