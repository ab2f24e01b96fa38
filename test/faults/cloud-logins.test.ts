// Logins that are refused, or that give less than was asked for.

import test from 'ava';
import type { Fault } from '../../src/sandbox/openstack/faults.ts';
import { assertDocumented } from '../fixtures/documented.ts';
import { FaultSuite, type WatchedRegion } from '../fixtures/fault-suite.ts';
import { type Outage, surviveOutage } from '../fixtures/monitor/outage.ts';

let suite: FaultSuite;

test.before(async () => {
  suite = await FaultSuite.start();
});

test.afterEach(assertDocumented);

test.after.always('all is as it was before', async (t) => suite.finish(t));

/** From now on every login is so, and one is needed. */
function spoilLogins(...faults: readonly Fault[]): (watched: WatchedRegion) => void {
  return ({ region: { cloud } }) => {
    for (const fault of faults) cloud.faults.add(fault, { route: 'POST /v3/auth/tokens' });
    cloud.revokeTokens();
  };
}

const outages: readonly Outage[] = [
  {
    id: 'password',
    name: 'the password is refused',
    inject: spoilLogins({ kind: 'status', status: 401 }),
    concerns: 'project',
    codes: ['unauthorized'],
    says: /POST \/v3\/auth\/tokens at .* answered 401$/,
  },
  {
    id: 'unscoped',
    name: 'tokens have no scope',
    inject: spoilLogins({ kind: 'scope', scope: 'unscoped' }),
    concerns: 'project',
    codes: ['wrong-scope'],
    says: /scoped the token to no project where project \S+ was asked for/,
  },
  ...(
    [
      ['absent', 'there is no catalog', /has no public endpoint of type compute/],
      ['empty', 'the catalog is empty', /has no public endpoint of type compute/],
      ['no-compute', 'the catalog has no compute service', /has no public endpoint of type compute/],
      ['no-public', 'the compute service is not public', /has no public endpoint of type compute/],
      ['bad-url', 'the URL of the compute service is invalid', /is not an http\(s\) URL/],
    ] as const
  ).map(
    ([catalog, name, says]): Outage => ({
      id: `catalog-${catalog}`,
      name,
      inject: spoilLogins({ kind: 'catalog', catalog }),
      codes: ['no-endpoint'],
      says,
    }),
  ),
  {
    id: 'elsewhere',
    name: 'the compute service is not in the region that the Secret names',
    prepare: (region) => region.putSecret({ 'region-name': 'RegionOne' }),
    inject: spoilLogins({ kind: 'catalog', catalog: 'other-region' }),
    codes: ['no-endpoint'],
    says: /no public compute endpoint in region RegionOne, only in RegionOne-elsewhere/,
  },
];

for (const outage of outages) test(outage.name, async (t) => surviveOutage(t, suite, outage));
