// Every provisioning status with every operating status, and what they say of a load balancer's health.

import test from 'ava';
import { loadBalancerHealth } from '../../../src/main/load-balancer-health/health.ts';

const all = ['ONLINE', 'OFFLINE', 'DEGRADED', 'ERROR', 'DRAINING', 'NO_MONITOR'] as const;

const working = {
  ONLINE: 'True Healthy: load balancer is online',
  OFFLINE: 'False Degraded: load balancer is offline',
  DEGRADED: 'False Degraded: load balancer is degraded',
  ERROR: 'False Errored: load balancer does not work: all its members fail',
  DRAINING: 'True Healthy: load balancer is draining',
  NO_MONITOR: 'True Healthy: load balancer has no health monitor',
} as const;

const table: Readonly<Record<string, string | typeof working>> = {
  ACTIVE: working,
  PENDING_UPDATE: working,
  PENDING_CREATE: 'False Provisioning: load balancer is being created',
  PENDING_DELETE: 'False Deprovisioning: load balancer is being deleted',
  DELETED: 'False Deprovisioning: load balancer is deleted',
  ERROR: 'False Errored: load balancer is in an error state',
};

const healthOf = (
  provisioningStatus: string,
  operatingStatus: string,
  members?: { failing: number; all: number },
) => {
  const observation = { providerId: 'id', name: 'lb-a', provisioningStatus, operatingStatus };
  const { status, reason, message } = loadBalancerHealth(
    members === undefined ? observation : { ...observation, members },
  );
  return `${status} ${reason}: ${message}`;
};

for (const [provisioning, expected] of Object.entries(table))
  test(`each operating status with provisioning status ${provisioning}`, (t) => {
    for (const operating of all)
      t.is(healthOf(provisioning, operating), typeof expected === 'string' ? expected : expected[operating]);
  });

test('a degraded one says how many members fail, where that is known', (t) => {
  const degraded = 'False Degraded: load balancer is degraded';
  t.is(healthOf('ACTIVE', 'DEGRADED', { failing: 2, all: 3 }), `${degraded}: 2 of 3 members fail`);
  t.is(healthOf('ACTIVE', 'DEGRADED', { failing: 1, all: 3 }), `${degraded}: 1 of 3 members fails`);
  t.is(healthOf('ACTIVE', 'DEGRADED', { failing: 0, all: 3 }), degraded);
  t.is(healthOf('ACTIVE', 'ONLINE', { failing: 1, all: 3 }), working.ONLINE);
});

test('a status that nobody knows is Unknown, and named', (t) => {
  const begins = 'Unknown Unknown: unable to determine load balancer status:';
  t.is(healthOf('ACTIVE', 'MIGRATING'), `${begins} unknown operating status "MIGRATING"`);
  t.is(healthOf('ALLOCATING', 'ONLINE'), `${begins} unknown provisioning status "ALLOCATING"`);
  t.is(healthOf('ACTIVE', 'toString'), `${begins} unknown operating status "toString"`);
  t.is(healthOf('constructor', 'ONLINE'), `${begins} unknown provisioning status "constructor"`);
});
