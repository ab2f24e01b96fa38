import test from 'ava';
import type { NovaServer } from '../../../src/workers/openstack/schema.ts';
import { observeServer } from '../../../src/workers/server-health/server-observation.ts';

const server: NovaServer = {
  id: 'id-1',
  name: 'web',
  status: 'ACTIVE',
  updated: '2026-01-01T00:00:00Z',
  metadata: { 'region:server_id': 'owner-1' },
  'OS-EXT-STS:power_state': 1,
  'OS-EXT-STS:task_state': null,
};

test('a running server', (t) => {
  t.deepEqual(observeServer(server, undefined), {
    providerId: 'id-1',
    name: 'web',
    ownerId: 'owner-1',
    health: { status: 'True', reason: 'Healthy', message: 'server is healthy' },
    phase: 'Running',
    unsupportedPowerState: null,
    stage: 'active',
    taskRuns: false,
    inTransition: false,
    partial: false,
    deleted: false,
    createdAtSeconds: null,
    launchedAtSeconds: null,
    imageId: null,
    macAddresses: null,
    updated: '2026-01-01T00:00:00Z',
  });
});

test('the partial record of a server in a cell that is down', (t) => {
  const observed = observeServer({ id: 'id-1', status: 'UNKNOWN' }, undefined);
  t.deepEqual(observed, {
    providerId: 'id-1',
    name: null,
    ownerId: null,
    health: { status: 'Unknown', reason: 'Unknown', message: 'unable to determine server status' },
    phase: null,
    unsupportedPowerState: null,
    stage: 'other',
    taskRuns: false,
    inTransition: false,
    partial: true,
    deleted: false,
    createdAtSeconds: null,
    launchedAtSeconds: null,
    imageId: null,
    macAddresses: null,
    updated: null,
  });
});

test('a whole record of unknown status is not partial', (t) => {
  t.false(observeServer({ ...server, status: 'UNKNOWN' }, undefined).partial);
});

for (const status of [null, undefined])
  test(`a whole record with ${status} as its status`, (t) => {
    const { health, phase, stage } = observeServer({ ...server, status }, undefined);
    t.deepEqual([health.status, phase, stage], ['Unknown', 'Running', 'other']);
  });

test('a deleted server', (t) => {
  const observed = observeServer({ ...server, status: 'DELETED', 'OS-EXT-STS:power_state': 0 }, undefined);
  t.true(observed.deleted);
  t.is(observed.phase, null);
});

test('a server that may yet be restored is deleted only where lists of changes say so', (t) => {
  const restorable = { ...server, status: 'SOFT_DELETED' };
  t.false(observeServer(restorable, undefined).deleted);
  t.true(observeServer(restorable, undefined, { complete: false }).deleted);
  t.false(observeServer(server, undefined, { complete: false }).deleted);
});

test('times of the cloud are UTC, whatever zone they name or do not', (t) => {
  const times = { created: '2026-11-22T07:08:28Z', 'OS-SRV-USG:launched_at': '2026-11-22T07:08:30.000000' };
  t.like(observeServer({ ...server, ...times }, undefined), {
    createdAtSeconds: Date.UTC(2026, 10, 22, 7, 8, 28) / 1000,
    launchedAtSeconds: Date.UTC(2026, 10, 22, 7, 8, 30) / 1000,
  });
  const never = { ...times, 'OS-SRV-USG:launched_at': null };
  t.is(observeServer({ ...server, ...never }, undefined).launchedAtSeconds, null);
  t.is(observeServer({ ...server, 'OS-SRV-USG:launched_at': 'soon' }, undefined).launchedAtSeconds, null);
});

const image = '75eaafed-ab46-415c-95e2-fe9d3b941e86';
const addresses = { 'network-n1': [{ addr: '10.0.0.1', 'OS-EXT-IPS-MAC:mac_addr': 'fa:16:3e:00:00:01' }] };

for (const [status, stage] of [
  ['BUILD', 'building'],
  ['REBUILD', 'rebuilding'],
  ['ACTIVE', 'active'],
  ['ERROR', 'failed'],
  ['SHUTOFF', 'other'],
] as const) {
  test(`a server in ${status}: its stage, its image, and its MAC address once it is active`, (t) => {
    const observed = observeServer({ ...server, status, image: { id: image }, addresses }, undefined);
    t.is(observed.stage, stage);
    t.is(observed.imageId, image);
    t.deepEqual(observed.macAddresses, stage === 'active' ? { n1: 'fa:16:3e:00:00:01' } : null);
  });
}

test('a task runs while Nova names one', (t) => {
  t.true(observeServer({ ...server, 'OS-EXT-STS:task_state': 'rebuilding' }, undefined).taskRuns);
  t.false(observeServer({ ...server, 'OS-EXT-STS:task_state': '' }, undefined).taskRuns);
});

test('a fault is told apart from none and from not asked for', (t) => {
  t.is(observeServer(server, 'broken').fault, 'broken');
  t.is(observeServer(server, null).fault, null);
  t.false('fault' in observeServer(server, undefined));
});

test('a missing power state keeps the phase', (t) => {
  t.is(observeServer({ ...server, 'OS-EXT-STS:power_state': null }, undefined).phase, null);
});

const owners: [name: string, metadata: NovaServer['metadata'], owner: string | null][] = [
  ['both keys: the newer', { 'region:server_id': 'new', serverID: 'old' }, 'new'],
  ['the older alone', { serverID: 'old' }, 'old'],
  ['an empty newer one', { 'region:server_id': '', serverID: 'old' }, 'old'],
  ['neither', {}, null],
  ['null', null, null],
  ['no metadata', undefined, null],
];

for (const [name, metadata, owner] of owners) {
  test(`owner by metadata: ${name}`, (t) => {
    t.is(observeServer({ ...server, metadata }, undefined).ownerId, owner);
  });
}
