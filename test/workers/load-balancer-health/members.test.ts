// Of which load balancers the members are counted.

import test from 'ava';
import type { LoadBalancerObservation } from '../../../src/shared/load-balancer-health.ts';
import { withMembers } from '../../../src/workers/load-balancer-health/members.ts';
import { scriptedService } from '../../fixtures/clouds/scripted-service.ts';

function observed(
  providerId: string,
  changes: Partial<LoadBalancerObservation> = {},
): LoadBalancerObservation {
  return {
    providerId,
    name: `name-of-${providerId}`,
    provisioningStatus: 'ACTIVE',
    operatingStatus: 'DEGRADED',
    ...changes,
  };
}

const members = [{ id: 'm1', operating_status: 'ERROR' }, { id: 'm2' }];
const tree = { json: { statuses: { loadbalancer: { listeners: [{ pools: [{ members }] }] } } } };
const counts = { failing: 1, all: 2 };

test('members are counted of those that are degraded, and not in error', async (t) => {
  const { service, asked } = scriptedService(tree);
  const well = observed('b', { operatingStatus: 'ONLINE' });
  const broken = observed('c', { provisioningStatus: 'ERROR' });
  const changing = observed('d/e', { provisioningStatus: 'PENDING_UPDATE' });
  t.deepEqual(await withMembers(service, [observed('a'), well, broken, changing]), [
    observed('a', { members: counts }),
    well,
    broken,
    { ...changing, members: counts },
  ]);
  const route = 'GET /lbaas/loadbalancers/{id}/status';
  t.deepEqual(asked, [
    { path: '/lbaas/loadbalancers/a/status', route },
    { path: '/lbaas/loadbalancers/d%2Fe/status', route },
  ]);
});

test('members are counted of one alone', async (t) => {
  const { service } = scriptedService(tree);
  t.deepEqual(await withMembers(service, [observed('a')]), [observed('a', { members: counts })]);
});

test('without one that is degraded, nothing is asked for', async (t) => {
  const { service, asked } = scriptedService(tree);
  const well = [observed('a', { operatingStatus: 'ONLINE' })];
  t.deepEqual(await withMembers(service, well), well);
  t.deepEqual(asked, []);
});

test('members that cannot be counted are left out, and those of the others are there', async (t) => {
  const { service } = scriptedService(new Error('it is gone'), { json: 'nonsense' }, tree);
  t.deepEqual(
    await withMembers(
      service,
      ['a', 'b', 'c'].map((id) => observed(id)),
    ),
    [observed('a'), observed('b'), observed('c', { members: counts })],
  );
});
