// Servers, regions, identities and Secrets that are not as they should be: each is named, with what is wrong with it,
// is tried again, and disturbs nothing else. All tests but the last share a monitor; each has objects of its own.

import test from 'ava';
import { isJsonObject, type JsonObject } from '../../src/sandbox/kubernetes/object.ts';
import type { SandboxProject, SandboxRegion } from '../../src/sandbox/sandbox-region.ts';
import { apiGroup, apiVersion, identityLabel, regionLabel } from '../../src/shared/labels.ts';
import { SharedCleanup } from '../fixtures/cleanup.ts';
import { namespace, type Sandbox, startSandbox, startWatchedSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { MonitorUnderTest } from '../fixtures/monitor/monitor.ts';

const shared = new SharedCleanup();
let sandbox: Sandbox;
let monitor: MonitorUnderTest;
let region: SandboxRegion;
let project: SandboxProject;

const unresolved = 'failed to resolve region, skipping';
const unchecked = 'failed to check server, skipping';

test.before(async () => {
  ({ sandbox, monitor } = await startWatchedSandbox(shared));
  region = await sandbox.addRegion('alpha');
  project = region.addProject();
});

test.after.always('nothing secret was shown', async () => shared.release());

function addRegionObject(name: string, spec: JsonObject): void {
  sandbox.cluster.apply({
    apiVersion: `${apiGroup}/${apiVersion}`,
    kind: 'Region',
    metadata: { name, namespace },
    spec,
  });
}

/** The error that a server of `alpha` is passed over with: said once, and the server is not counted. */
async function errorOf(name: string): Promise<string> {
  const { level, error, fields } = await monitor.untilLogged(unchecked, { server: name });
  await monitor.untilRegionPolled('alpha', 2);
  const times = monitor.logged(unchecked, { server: name }).length;
  if (times !== 1 || level !== 'error' || fields['region'] !== 'alpha')
    throw new Error(`${level} line of ${name} in ${String(fields['region'])}, ${times} times`);
  if (sandbox.patches(name) > 0) throw new Error(`${name} was written`);
  return error;
}

/** The error that a region is passed over with: said once, with its servers left as they are. */
async function errorOfRegion(name: string): Promise<string> {
  const { level, error } = await monitor.untilLogged(unresolved, { region: name });
  await monitor.untilRegionPolled(name, 2);
  const times = monitor.logged(unresolved, { region: name }).length;
  if (times !== 1 || level !== 'error') throw new Error(`${level} line of ${name}, ${times} times`);
  return error;
}

test('a server without region label is said once, and skipped', async (t) => {
  sandbox.addServer(project, { id: 'no-region', labels: { [regionLabel]: null } });
  const line = await monitor.untilLogged('server missing region label, skipping', { server: 'no-region' });
  t.is(line.level, 'info');
  await monitor.untilPolled(3);
  t.is(monitor.logged('server missing region label, skipping', { server: 'no-region' }).length, 1);
  t.is(sandbox.patches('no-region'), 0);
});

test('an empty region label is a label: the region "" does not exist', async (t) => {
  sandbox.addServer(project, { id: 'empty-region', labels: { [regionLabel]: '' } });
  const { error } = await monitor.untilLogged(unresolved, { region: '' });
  t.is(error, "region doesn't exist");
  await monitor.untilPolled(3);
  t.is(monitor.logged(unresolved, { region: '' }).length, 1);
});

test('an unknown region is said once, not once a server', async (t) => {
  for (const id of ['lost-1', 'lost-2', 'lost-3'])
    sandbox.addServer(project, { id, labels: { [regionLabel]: 'atlantis' } });
  const line = await monitor.untilLogged(unresolved, { region: 'atlantis' });
  t.is(line.error, "region doesn't exist");
  await monitor.untilPolled(3);
  t.is(monitor.logged(unresolved, { region: 'atlantis' }).length, 1);
  t.deepEqual(await monitor.states('atlantis'), {});

  // And it is watched as soon as it is there.
  const atlantis = await sandbox.addRegion('atlantis');
  const { identityId } = atlantis.addProject();
  sandbox.cluster.patch('servers', namespace, 'lost-1', {
    metadata: { labels: { [identityLabel]: identityId } },
  });
  await monitor.untilLogged('server not found in provider, skipping', { server: 'lost-1' });
});

test('a region of the kind kubernetes is said once to be of the wrong kind', async (t) => {
  addRegionObject('kubernetes', {
    provider: 'kubernetes',
    kubernetes: { kubeConfigSecret: { namespace, name: 'none' } },
  });
  sandbox.addServer(project, { id: 'in-kubernetes', labels: { [regionLabel]: 'kubernetes' } });
  t.is(await errorOfRegion('kubernetes'), 'region is of the wrong kind');
  t.is(await monitor.total('unikorn_region_monitor_region_up', 'region_id="kubernetes"'), 0);
  t.deepEqual(await monitor.states('kubernetes'), {});
});

test('a simulated region needs no cloud', async (t) => {
  addRegionObject('simulated', { provider: 'simulated' });
  sandbox.addServer(project, {
    id: 'simulated',
    cloud: null,
    labels: { [regionLabel]: 'simulated' },
    flavorId: '22222222-2222-2222-2222-222222222222',
    ageMs: 60_000,
  });
  await sandbox.untilPhase('simulated', 'Running');
  await monitor.untilStates('simulated', { running: 1 });
  const [series = ''] = await monitor.series('unikorn_region_server_state', 'region_id="simulated"');
  t.true(series.includes('flavor_name="sim-gpu-8"'));
});

test('a server without identity label is said once, and skipped', async (t) => {
  sandbox.addServer(project, { id: 'no-identity', labels: { [identityLabel]: null } });
  t.is(await errorOf('no-identity'), 'consistency error: server no-identity missing identity label');
});

test('a server whose identity does not exist is said once, and skipped', async (t) => {
  sandbox.addServer(project, { id: 'lost-identity', labels: { [identityLabel]: 'nobody' } });
  t.is(await errorOf('lost-identity'), 'identities.region.unikorn-cloud.org "nobody" not found');
});

test('an identity without OpenstackIdentity is said once for each of its servers', async (t) => {
  const own = region.addProject();
  sandbox.cluster.delete('openstackidentities', namespace, own.identityId);
  sandbox.addServer(own, { id: 'unmade' });
  const expected = `openstackidentities.region.unikorn-cloud.org "${own.identityId}" not found`;
  t.is(await errorOf('unmade'), expected);
});

for (const [field, word] of [
  ['userID', 'user ID'],
  ['password', 'password'],
  ['projectID', 'project'],
] as const)
  test(`an OpenstackIdentity without ${field} is said once, and works when it is there`, async (t) => {
    const own = region.addProject();
    const { [field]: value } = sandbox.identity(own);
    sandbox.cluster.patch('openstackidentities', namespace, own.identityId, { spec: { [field]: null } });
    const name = `identity-without-${field.toLowerCase()}`;
    sandbox.addServer(own, { id: name });
    t.is(await errorOf(name), `consistency error: service principal ${word} not set`);
    sandbox.cluster.patch('openstackidentities', namespace, own.identityId, { spec: { [field]: value } });
    await sandbox.untilPhase(name, 'Running');
    await monitor.untilLogged('server checked again', { server: name });
  });

test('a missing Secret is named; the region works when it is there', async (t) => {
  const own = await sandbox.addRegion('secretless');
  sandbox.cluster.delete('secrets', namespace, own.secretName);
  sandbox.addServer(own.addProject(), { id: 'secretless' });
  const error = await errorOfRegion('secretless');
  t.true(error.includes('Secret region/secretless-credentials') && error.includes('404'), error);
  t.is(sandbox.patches('secretless'), 0);
  own.putSecret();
  await sandbox.untilPhase('secretless', 'Running');
  await monitor.untilLogged('region resolved again', { region: 'secretless' });
});

for (const key of ['domain-id', 'user-id', 'password', 'project-id'])
  test(`a Secret without ${key} is named with the key; the region works when it is there`, async (t) => {
    const own = await sandbox.addRegion(`without-${key}`);
    sandbox.cluster.patch('secrets', namespace, own.secretName, { data: { [key]: null } });
    sandbox.addServer(own.addProject(), { id: `without-${key}` });
    const error = await errorOfRegion(`without-${key}`);
    t.is(error, `Secret region/without-${key}-credentials: key error: ${key}`);
    own.putSecret();
    await sandbox.untilPhase(`without-${key}`, 'Running');
  });

test('of several flaws in a Secret, each is said when it is its turn', async (t) => {
  const own = await sandbox.addRegion('flawed');
  sandbox.cluster.patch('secrets', namespace, own.secretName, { data: { 'user-id': null, password: null } });
  t.true((await errorOfRegion('flawed')).endsWith('key error: user-id'));
  const userId = Buffer.from(own.serviceAccount.userId).toString('base64');
  sandbox.cluster.patch('secrets', namespace, own.secretName, { data: { 'user-id': userId } });
  await eventually('the next flaw', () =>
    monitor
      .logged(unresolved, { region: 'flawed' })
      .some(({ error }) => error.endsWith('key error: password')),
  );
  t.deepEqual(monitor.logged('region resolved again', { region: 'flawed' }), []);
  own.putSecret();
  await monitor.untilLogged('region resolved again', { region: 'flawed' });
  t.is(monitor.logged(unresolved, { region: 'flawed' }).length, 2);
});

test('a Secret that is no text is named with the field', async (t) => {
  const own = await sandbox.addRegion('binary');
  const data = { 'user-id': Buffer.from([0xff, 0xfe, 0x00]).toString('base64') };
  sandbox.cluster.patch('secrets', namespace, own.secretName, { data });
  t.is(await errorOfRegion('binary'), 'Secret region/binary-credentials: data.user-id is not UTF-8');
});

test('a CA that is none is named with object and field', async (t) => {
  const own = await sandbox.addRegion('bad-ca');
  own.putSecret({ 'ca.crt': 'not a certificate' });
  t.is(await errorOfRegion('bad-ca'), 'Secret region/bad-ca-credentials: ca.crt is not a PEM certificate');
  own.putSecret();
  await monitor.untilLogged('region resolved again', { region: 'bad-ca' });
});

test('a PEM block that holds no certificate is named with object and field', async (t) => {
  const own = await sandbox.addRegion('torn-ca');
  own.putSecret({ 'ca.crt': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n' });
  t.is(await errorOfRegion('torn-ca'), 'Secret region/torn-ca-credentials: ca.crt is not a PEM certificate');
});

for (const [name, endpoint] of [
  ['no-url', 'keystone.example.org'],
  ['no-http', 'ftp://keystone.example.org'],
  ['no-endpoint', ''],
] as const)
  test(`the endpoint ${JSON.stringify(endpoint)} is named with object and field`, async (t) => {
    const own = await sandbox.addRegion(name);
    sandbox.cluster.patch('regions', namespace, name, { spec: { openstack: { endpoint } } });
    const error = await errorOfRegion(name);
    t.true(error.startsWith(`Region ${name}: spec.openstack.endpoint ${JSON.stringify(endpoint)} `), error);
    sandbox.cluster.patch('regions', namespace, name, {
      spec: { openstack: { endpoint: own.cloud.endpoint } },
    });
    await monitor.untilLogged('region resolved again', { region: name });
  });

test('credentials in the endpoint are refused, and not repeated', async (t) => {
  await sandbox.addRegion('chatty');
  const endpoint = `https://admin:${sandbox.newPassword()}@keystone.example.org`;
  sandbox.cluster.patch('regions', namespace, 'chatty', { spec: { openstack: { endpoint } } });
  const error = await errorOfRegion('chatty');
  t.true(error.includes('must not hold credentials'), error);
});

test('a server that is being deleted is passed over without a word', async (t) => {
  sandbox.addServer(project, { id: 'deleting', finalizers: ['example.org/hold'], cloud: null });
  sandbox.cluster.delete('servers', namespace, 'deleting');
  await monitor.untilRegionPolled('alpha', 2);
  const lines = monitor.lines.filter(({ fields }) => fields['server'] === 'deleting');
  t.deepEqual(lines, []);
  t.is(sandbox.patches('deleting'), 0);
});

test('of two regions with one broken, the good one is counted and up, the broken one is neither', async (t) => {
  const good = await sandbox.addRegion('good');
  const bad = await sandbox.addRegion('bad');
  sandbox.addServer(good.addProject(), { id: 'in-good' });
  sandbox.addServer(bad.addProject(), { id: 'in-bad' });
  await monitor.untilStates('good', { running: 1 });
  await monitor.untilStates('bad', { running: 1 });
  bad.cloud.faults.add({ kind: 'html' }, { route: 'GET /servers/detail' });
  await monitor.untilStates('bad', {});
  const { error } = await monitor.untilLogged(unresolved, { region: 'bad', code: 'invalid-response' });
  t.true(error.includes('not JSON'), error);
  t.is(await monitor.total('unikorn_region_monitor_region_up', 'region_id="bad"'), 0);
  t.is(await monitor.total('unikorn_region_monitor_region_up', 'region_id="good"'), 1);
  t.deepEqual(await monitor.states('good'), { running: 1 });
  t.is(sandbox.server('in-bad').phase, 'Running');
  bad.cloud.faults.clear();
  await monitor.untilStates('bad', { running: 1 });
  await monitor.untilLogged('region resolved again', { region: 'bad' });
});

test('objects that the definitions do not allow any more, or not yet, are named with the field: wrong types, an unknown provider', async (t) => {
  const own = await startSandbox(t);
  const { cluster } = own;
  const east = await own.addRegion('east');
  await own.addRegion('west');
  await own.addRegion('north');
  const eastern = east.addProject();
  for (const id of ['fine', 'bad-labels', 'bad-conditions', 'bad-time']) own.addServer(eastern, { id });
  const broken: Readonly<Record<string, (object: JsonObject) => JsonObject>> = {
    'bad-labels': (object) => ({ ...object, metadata: { ...metadata(object), labels: ['no', 'map'] } }),
    'bad-conditions': (object) => ({ ...object, status: { conditions: [{ type: 'Healthy' }] } }),
    'bad-time': (object) => ({ ...object, metadata: { ...metadata(object), creationTimestamp: 'noon' } }),
    west: (object) => ({ ...object, spec: { provider: 7 } }),
    // No mistake: what a later definition may allow.
    north: (object) => ({ ...object, spec: { provider: 'baremetal' } }),
  };
  for (const resource of ['servers', 'regions'] as const) {
    const items = cluster
      .list(resource, namespace)
      .map((object) => broken[object.metadata.name]?.(object) ?? object);
    const kind = resource === 'servers' ? 'ServerList' : 'RegionList';
    const body = {
      apiVersion: `${apiGroup}/${apiVersion}`,
      kind,
      metadata: { resourceVersion: cluster.resourceVersion },
      items,
    };
    cluster.faults.add({ action: `list ${resource}` }, { kind: 'respond', status: 200, body });
  }
  const started = await own.startMonitor();
  await own.untilPhase('fine', 'Running');
  const read = (object: string) => started.untilLogged('failed to read object, skipping', { object });
  t.is((await read('region/bad-labels')).error, 'metadata.labels must be an object, not a list');
  t.is(
    (await read('region/bad-conditions')).error,
    'status.conditions[0].status must be a string, not nothing',
  );
  t.is((await read('region/bad-time')).error, 'metadata.creationTimestamp is not a valid time');
  t.like((await read('region/west')).fields, { resource: 'regions' });
  const { error } = await started.untilLogged(unresolved, { region: 'north' });
  t.is(error, 'region provider unimplemented: baremetal');
  await started.untilReady();
  await started.untilRegionPolled('east', 2);
  t.is(started.logged('failed to read object, skipping').length, 4);

  // Mended, it is watched as the others are.
  cluster.patch('servers', namespace, 'bad-labels', { metadata: { labels: { mended: 'true' } } });
  await own.untilPhase('bad-labels', 'Running');
});

function metadata(object: JsonObject): JsonObject {
  const { metadata: found } = object;
  return isJsonObject(found) ? found : {};
}
