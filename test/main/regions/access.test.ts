import { readFileSync } from 'node:fs';
import test from 'ava';
import type { RegionRecord } from '../../../src/main/kubernetes/objects/resource-records.ts';
import { type SecretData, secretName } from '../../../src/main/kubernetes/objects/secret-reader.ts';
import { AccessReader } from '../../../src/main/regions/access.ts';
import type { Outcome } from '../../../src/shared/checker.ts';
import {
  openstackAccess,
  projectCredentials,
  regionRecord,
  serviceCredentials,
  simulatedAccess,
} from '../../fixtures/monitor/region-records.ts';

const certificate = readFileSync(new URL('../../fixtures/tls/ca.pem', import.meta.url), 'utf8');
const { signal } = new AbortController();

const whole: Readonly<Record<string, string>> = {
  'domain-id': 'default',
  'user-id': serviceCredentials.userId,
  password: serviceCredentials.password,
  'project-id': serviceCredentials.projectId,
};

interface Objects {
  readonly namespace?: string;
  readonly secret?: Readonly<Record<string, string>> | Outcome<SecretData>;
  readonly regions?: readonly RegionRecord[];
  readonly identity?: { readonly userId: string; readonly password: string; readonly projectId: string };
}

const only = <T>(record: T) => ({
  get: (namespace: string, name: string) => (namespace === 'default' && name === 'p1' ? record : undefined),
});

/** Objects of namespace "default": a Secret, an identity p1 and its OpenstackIdentity. */
function setUp({
  namespace = 'default',
  secret = whole,
  regions = [],
  identity = projectCredentials,
}: Objects = {}) {
  const read: string[] = [];
  const retained: string[][] = [];
  const named = { namespace: 'default', name: 'p1', uid: 'uid', resourceVersion: '1' };
  const reader = new AccessReader({
    namespace,
    secrets: {
      read: async (ref) => {
        read.push(secretName(ref));
        if ('ok' in secret && typeof secret.ok === 'boolean') return secret;
        return { ok: true, result: new Map(Object.entries(secret)) };
      },
      retain: (names) => retained.push([...names]),
    },
    regions: { get: () => regions[0], values: () => regions },
    identities: only(named),
    openstackIdentities: only({ ...named, ...identity }),
  });
  return { reader, read, retained };
}

function openstackRegion(changes: Partial<NonNullable<RegionRecord['openstack']>> = {}): RegionRecord {
  const record = regionRecord();
  if (record.openstack === null) throw new Error('the fixture has no openstack');
  return { ...record, openstack: { ...record.openstack, ...changes } };
}

test('an OpenStack region is reached as its object and its Secret say', async (t) => {
  const { reader, read } = setUp();
  t.deepEqual(await reader.read(regionRecord(), signal), { ok: true, result: openstackAccess });
  t.deepEqual(read, ['default/secret-1']);
});

test('the Secret may name the region in the catalog, and a certificate authority', async (t) => {
  const { reader } = setUp({ secret: { ...whole, 'region-name': ' RegionOne\n', 'ca.crt': certificate } });
  const access = await reader.read(regionRecord(), signal);
  t.like(access, {
    ok: true,
    result: { target: { catalogRegion: 'RegionOne', caCertificate: certificate } },
  });
  const { reader: blank } = setUp({ secret: { ...whole, 'region-name': '\n' } });
  t.like(await blank.read(regionRecord(), signal), { result: { target: { catalogRegion: null } } });
});

for (const key of ['domain-id', 'user-id', 'password', 'project-id'])
  test(`a Secret without ${key} is named, with the key`, async (t) => {
    for (const secret of [
      { ...whole, [key]: '' },
      Object.fromEntries(Object.entries(whole).filter(([name]) => name !== key)),
    ]) {
      const { reader } = setUp({ secret });
      t.deepEqual(await reader.read(regionRecord(), signal), {
        ok: false,
        error: { code: 'invalid-config', message: `Secret default/secret-1: key error: ${key}` },
        lasting: false,
      });
    }
  });

test('a ca.crt that is no certificate is refused before anything is sent', async (t) => {
  const { reader } = setUp({ secret: { ...whole, 'ca.crt': 'not a certificate' } });
  t.deepEqual(await reader.read(regionRecord(), signal), {
    ok: false,
    error: { code: 'invalid-config', message: 'Secret default/secret-1: ca.crt is not a PEM certificate' },
    lasting: false,
  });
});

test('a Secret that cannot be read now may be readable at the next poll', async (t) => {
  const error = { code: 'invalid-config', message: 'Secret default/secret-1 cannot be read' } as const;
  const { reader } = setUp({ secret: { ok: false, error } });
  t.deepEqual(await reader.read(regionRecord(), signal), { ok: false, error, lasting: false });
});

for (const [what, record, error] of [
  ['that is not there', null, { code: 'not-found', message: "region doesn't exist" }],
  [
    'of Kubernetes',
    { ...regionRecord(), provider: 'kubernetes', openstack: null },
    { code: 'unsupported', message: 'region is of the wrong kind' },
  ],
  [
    'of an unknown provider',
    { ...regionRecord(), provider: 'aws', openstack: null },
    { code: 'unsupported', message: 'region provider unimplemented: aws' },
  ],
  [
    'without its OpenStack part',
    { ...regionRecord(), openstack: null },
    { code: 'invalid-config', message: 'Region region-1: spec.openstack is missing' },
  ],
] as const)
  test(`a region ${what} has no access, for good, and no Secret is read for it`, async (t) => {
    const { reader, read } = setUp();
    t.deepEqual(await reader.read(record, signal), { ok: false, error, lasting: true });
    t.deepEqual(read, []);
  });

test('a simulated region needs no Secret', async (t) => {
  const { reader, read } = setUp();
  const record = { ...regionRecord(), provider: 'simulated', openstack: null };
  t.deepEqual(await reader.read(record, signal), { ok: true, result: simulatedAccess });
  t.deepEqual(read, []);
});

for (const [endpoint, flaw] of [
  ['keystone.example:5000', '"keystone.example:5000" is not an http or https URL'],
  ['ftp://keystone.example', '"ftp://keystone.example" is not an http or https URL'],
  ['httpss://keystone.example', '"httpss://keystone.example" is not an http or https URL'],
  ['', '"" is not an http or https URL'],
  ['https://me:secret@keystone.example', 'must not hold credentials (or any "@")'],
] as const)
  test(`the endpoint "${endpoint}" cannot be used`, async (t) => {
    const { reader, read } = setUp();
    t.deepEqual(await reader.read(openstackRegion({ endpoint }), signal), {
      ok: false,
      error: { code: 'invalid-config', message: `Region region-1: spec.openstack.endpoint ${flaw}` },
      lasting: false,
    });
    t.deepEqual(read, []);
  });

test('when all namespaces are watched, a Region uses the Secrets of its own namespace only', async (t) => {
  const foreign = openstackRegion({ serviceAccountSecret: { namespace: 'elsewhere', name: 'secret-1' } });
  const all = setUp({ namespace: '' });
  t.like(await all.reader.read(foreign, signal), {
    ok: false,
    error: { code: 'invalid-config' },
    lasting: true,
  });
  t.deepEqual(all.read, []);
  t.like(await all.reader.read(regionRecord(), signal), { ok: true });
  const one = setUp();
  t.like(await one.reader.read(foreign, signal), { ok: true });
  t.deepEqual(one.read, ['elsewhere/secret-1']);
});

test('Secrets that no Region names are dropped', (t) => {
  const { reader, retained } = setUp({
    regions: [
      regionRecord(),
      { ...regionRecord(), openstack: null },
      openstackRegion({ serviceAccountSecret: { namespace: 'default', name: 'other' } }),
    ],
  });
  reader.retainSecrets();
  t.deepEqual(retained, [['default/secret-1', 'default/other']]);
});

const region = { namespace: 'default', name: 'region-1' };

test('the credentials of a project are those of its identity', (t) => {
  const { reader } = setUp();
  t.deepEqual(reader.credentials(region, openstackAccess, 'p1'), { ok: true, result: projectCredentials });
});

test('an identity of another namespace is not there', (t) => {
  const { reader } = setUp();
  for (const [where, id] of [
    [{ ...region, namespace: 'other' }, 'p1'],
    [region, 'p2'],
  ] as const)
    t.deepEqual(reader.credentials(where, openstackAccess, id), {
      ok: false,
      error: { code: 'not-found', message: `identities.region.unikorn-cloud.org "${id}" not found` },
    });
});

test('a simulated project needs no credentials, but its identity', (t) => {
  const { reader } = setUp();
  t.deepEqual(reader.credentials(region, simulatedAccess, 'p1'), { ok: true, result: undefined });
  t.like(reader.credentials(region, simulatedAccess, 'p2'), { ok: false, error: { code: 'not-found' } });
});

for (const [field, words] of [
  ['userId', 'user ID'],
  ['password', 'password'],
  ['projectId', 'project'],
] as const)
  test(`an identity without its ${words} says so`, (t) => {
    const { reader } = setUp({ identity: { ...projectCredentials, [field]: '' } });
    t.deepEqual(reader.credentials(region, openstackAccess, 'p1'), {
      ok: false,
      error: { code: 'invalid-config', message: `consistency error: service principal ${words} not set` },
    });
  });

test('an OpenstackIdentity that is missing is named', (t) => {
  const reader = new AccessReader({
    namespace: 'default',
    secrets: { read: async () => ({ ok: true, result: new Map() }), retain: () => {} },
    regions: { get: () => undefined, values: () => [] },
    identities: { get: () => ({ namespace: 'default', name: 'p1', uid: 'uid', resourceVersion: '1' }) },
    openstackIdentities: { get: () => undefined },
  });
  t.deepEqual(reader.credentials(region, openstackAccess, 'p1'), {
    ok: false,
    error: { code: 'not-found', message: 'openstackidentities.region.unikorn-cloud.org "p1" not found' },
  });
});
