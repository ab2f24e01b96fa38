import test from 'ava';
import { observedStatus } from '../../../../src/main/server-health/status/observed-status.ts';
import { observeServer } from '../../../../src/workers/server-health/server-observation.ts';
import { serverRecord } from '../../../fixtures/monitor/records.ts';

const launched = '2026-11-22T07:08:30.000000';
const launchedAtSeconds = Date.UTC(2026, 10, 22, 7, 8, 30) / 1000;
const created = '2026-11-22T07:00:10Z';
const scheduledAtSeconds = Date.UTC(2026, 10, 22, 7, 0, 10) / 1000;
const image = '75eaafed-ab46-415c-95e2-fe9d3b941e86';
const rules = 'v1.19';

function nova(status: string, power: number, fields: object = {}) {
  return observeServer(
    { id: 'id-1', name: 'web', status, created, 'OS-EXT-STS:power_state': power, ...fields },
    undefined,
  );
}
const booted = { 'OS-SRV-USG:launched_at': launched };
const pending = serverRecord({ phase: 'Pending' });

test('running: scheduled, launched and provisioned', (t) => {
  t.like(observedStatus(pending, nova('ACTIVE', 1, booted), rules), {
    phase: 'Running',
    scheduledAtSeconds,
    launchedAtSeconds,
    provisionedAtSeconds: launchedAtSeconds,
  });
});

test('the latch is written once; the launch follows the cloud', (t) => {
  const server = serverRecord({
    launchedAtSeconds: 1_000,
    provisionedAtSeconds: 1_000,
    scheduledAtSeconds: 900,
  });
  t.like(observedStatus(server, nova('ACTIVE', 1, booted), rules), {
    scheduledAtSeconds,
    launchedAtSeconds,
    provisionedAtSeconds: 1_000,
  });
});

test('it latches without a power state, too', (t) => {
  t.like(observedStatus(pending, nova('ACTIVE', 0, booted), rules), {
    phase: 'Pending',
    provisionedAtSeconds: launchedAtSeconds,
  });
});

test('and of a stopped server', (t) => {
  t.like(observedStatus(pending, nova('SHUTOFF', 4, booted), rules), {
    phase: 'Stopped',
    provisionedAtSeconds: launchedAtSeconds,
  });
});

test('BUILD does not latch', (t) => {
  t.like(observedStatus(pending, nova('BUILD', 0), rules), {
    phase: 'Building',
    scheduledAtSeconds,
    launchedAtSeconds: null,
    provisionedAtSeconds: null,
  });
});

test('what the cloud does not say stays as it is', (t) => {
  const server = serverRecord({
    launchedAtSeconds: 1_000,
    provisionedAtSeconds: 1_000,
    scheduledAtSeconds: 900,
  });
  const partial = observeServer({ id: 'id-1', status: 'UNKNOWN' }, undefined);
  t.like(observedStatus(server, partial, rules), {
    phase: 'Running',
    scheduledAtSeconds: 900,
    launchedAtSeconds: 1_000,
    provisionedAtSeconds: 1_000,
  });
});

test('a rebuild of a stopped server that succeeded shows at once with the health that goes with it', (t) => {
  const rebuild = { targetImageId: image, state: 'Rebuilding' };
  const status = observedStatus(
    serverRecord({ rebuild }),
    nova('SHUTOFF', 4, { ...booted, image: { id: image } }),
    rules,
  );
  t.deepEqual(status.rebuild, { targetImageId: image, state: 'Succeeded' });
  t.like(status.health, { status: 'False', reason: 'Degraded' });
});

test('a server that is being rebuilt', (t) => {
  const observation = nova('REBUILD', 1, booted);
  t.like(observedStatus(serverRecord(), observation, rules), {
    phase: 'Building',
    health: { status: 'False', reason: 'Provisioning', message: 'server is rebuilding' },
  });
  t.like(observedStatus(serverRecord(), observation, 'v1.16'), {
    phase: 'Running',
    health: { status: 'False', reason: 'Degraded', message: 'server is in state REBUILD' },
  });
});

test('v1.16: fields that it does not know are left as they are', (t) => {
  const rebuild = { targetImageId: image, state: 'Rebuilding' };
  const server = serverRecord({ phase: 'Pending', rebuild, networkId: 'n1' });
  const addresses = { 'network-n1': [{ 'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01' }] };
  const observation = nova('ACTIVE', 1, { ...booted, image: { id: image }, addresses });
  t.like(observedStatus(server, observation, 'v1.16'), {
    phase: 'Running',
    scheduledAtSeconds: null,
    launchedAtSeconds: null,
    provisionedAtSeconds: null,
    macAddress: '',
    rebuild,
  });
  t.like(observedStatus(server, observation, rules), { macAddress: 'fa:16:3e:00:00:01' });
});
