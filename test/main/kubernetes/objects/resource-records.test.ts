import test from 'ava';
import { createIntern } from '../../../../src/main/kubernetes/objects/interner.ts';
import {
  parseIdentity,
  parseLoadBalancer,
  parseOpenstackIdentity,
  parseRegion,
  parseSecret,
  parseServer,
} from '../../../../src/main/kubernetes/objects/resource-records.ts';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

const metadata = {
  name: 'web-1',
  namespace: 'shop',
  uid: 'u-1',
  resourceVersion: '42',
  creationTimestamp: '2026-05-01T10:00:00Z',
};

const condition = {
  type: 'Healthy',
  status: 'True',
  reason: 'Healthy',
  message: 'server is healthy',
  lastTransitionTime: '2026-05-01T10:05:00Z',
};

test('a server keeps what the monitor reads, and nothing else', (t) => {
  const record = parseServer({
    apiVersion: 'region.unikorn-cloud.org/v1alpha1',
    metadata: {
      ...metadata,
      deletionTimestamp: '2026-05-02T10:00:00Z',
      labels: {
        'regions.unikorn-cloud.org/region-id': 'r',
        'regions.unikorn-cloud.org/identity-id': 'i',
        'unikorn-cloud.org/organization': 'o',
        'unikorn-cloud.org/name': 'Web 1',
        other: 'x',
      },
      annotations: { 'regions.unikorn-cloud.org/pending-entry-time': '2026-05-01T10:00:01Z' },
      managedFields: [{ manager: 'x' }],
    },
    spec: { flavorID: 'f', image: { id: 'x' }, provider: 'openstack' },
    status: { phase: 'Running', conditions: [condition], privateIP: '10.0.0.1' },
  });
  t.deepEqual(record, {
    name: 'web-1',
    namespace: 'shop',
    uid: 'u-1',
    resourceVersion: '42',
    createdAt: Date.parse('2026-05-01T10:00:00Z'),
    deleting: true,
    regionId: 'r',
    identityId: 'i',
    organizationId: 'o',
    displayName: 'Web 1',
    flavorId: 'f',
    pendingEntryTime: '2026-05-01T10:00:01Z',
    phase: 'Running',
    conditions: [condition],
    networkId: null,
    scheduledAtSeconds: null,
    launchedAtSeconds: null,
    provisionedAtSeconds: null,
    macAddress: '',
    rebuild: null,
  });
});

test('a server of v1.19', (t) => {
  const status = {
    scheduledAt: '2026-05-01T10:00:02Z',
    launchedAt: '2026-05-01T10:02:00Z',
    provisionedAt: '2026-05-01T12:02:00+02:00',
    macAddress: 'fa:16:3e:00:00:01',
    rebuild: { targetImageID: 'image-2', state: 'Rebuilding' },
  };
  const spec = { flavorID: 'f', networks: [{ id: 'n1' }, { id: 'n2' }] };
  t.like(parseServer({ metadata, spec, status }), {
    networkId: 'n1',
    scheduledAtSeconds: Date.parse('2026-05-01T10:00:02Z') / 1000,
    launchedAtSeconds: Date.parse('2026-05-01T10:02:00Z') / 1000,
    provisionedAtSeconds: Date.parse('2026-05-01T10:02:00Z') / 1000,
    macAddress: 'fa:16:3e:00:00:01',
    rebuild: { targetImageId: 'image-2', state: 'Rebuilding' },
  });
});

for (const rebuild of [
  null,
  [],
  'Rebuilding',
  {},
  { state: 'Rebuilding' },
  { targetImageID: 'image-2' },
  { targetImageID: null, state: 'Initiated' },
  { targetImageID: 'image-2', state: { phase: 'Initiated' } },
]) {
  test(`a rebuild marker that is not understood is like none: ${JSON.stringify(rebuild)}`, (t) => {
    const server = parseServer({ metadata, spec: {}, status: { phase: 'Running', rebuild } });
    t.like(server, { phase: 'Running', rebuild: null });
  });
}

test("a region's bare-metal flavors", (t) => {
  const openstack = {
    endpoint: 'https://keystone.example',
    serviceAccountSecret: { namespace: 'shop', name: 's' },
    compute: {
      flavors: {
        metadata: [{ id: 'metal', baremetal: true }, { id: 'virtual' }, { id: 'v2', baremetal: false }],
      },
    },
  };
  t.like(parseRegion({ metadata, spec: { provider: 'openstack', openstack } }), {
    openstack: { flavorIds: null, baremetalFlavorIds: ['metal'] },
  });
});

test('a server fresh from its creator has no labels, no status, and is no error', (t) => {
  t.like(parseServer({ metadata, spec: { flavorID: 'f' } }), {
    deleting: false,
    regionId: undefined,
    identityId: undefined,
    organizationId: '',
    displayName: '',
    pendingEntryTime: undefined,
    phase: '',
    conditions: [],
  });
  t.is(parseServer({ metadata }).flavorId, '');
  const empty = { 'regions.unikorn-cloud.org/region-id': '' };
  t.is(parseServer({ metadata: { ...metadata, labels: empty } }).regionId, '', 'an empty label is present');
});

test('a load balancer without labels has neither organization nor name, and is no error', (t) => {
  t.like(parseLoadBalancer({ metadata }), { organizationId: '', displayName: '', conditions: [] });
});

const malformed: readonly [unknown, string][] = [
  [null, 'object must be an object, not null'],
  [{}, 'metadata must be an object, not nothing'],
  [{ metadata: { ...metadata, name: 5 } }, 'metadata.name must be a string, not number'],
  [
    { metadata: { ...metadata, creationTimestamp: 'yesterday' } },
    'metadata.creationTimestamp is not a valid time',
  ],
  [{ metadata: { ...metadata, labels: [] } }, 'metadata.labels must be an object, not a list'],
  [{ metadata, spec: { flavorID: 7 } }, 'spec.flavorID must be a string, not number'],
  [{ metadata, status: { phase: true } }, 'status.phase must be a string, not boolean'],
  [{ metadata, status: { conditions: {} } }, 'status.conditions must be a list, not object'],
  [
    { metadata, status: { conditions: [condition, { ...condition, reason: undefined }] } },
    'status.conditions[1].reason must be a string, not nothing',
  ],
];

for (const [object, message] of malformed) {
  test(`a malformed server: ${message}`, (t) => {
    t.throws(() => parseServer(object), { message });
  });
}

test('texts that repeat are kept once', (t) => {
  const intern = createIntern();
  const copy = (): unknown => JSON.parse(JSON.stringify({ metadata, status: { conditions: [condition] } }));
  const seen: string[] = [];
  const counting = (text: string): string => {
    seen.push(text);
    return intern(text);
  };
  t.deepEqual(parseServer(copy(), counting), parseServer(copy()));
  t.true(seen.includes('shop') && seen.includes(condition.message));
  t.false(seen.includes('web-1'), 'a name is its own');
  const small = createIntern(2);
  for (const text of ['a', 'b', 'c', 'a']) t.is(small(text), text);
});

const openstack = { endpoint: 'https://cloud:5000', serviceAccountSecret: { namespace: 's', name: 'n' } };

test('a region: endpoint, secret, and which flavors count', (t) => {
  const labels = { 'unikorn-cloud.org/name': 'Europe' };
  const region = (compute: unknown) =>
    parseRegion({
      metadata: { ...metadata, labels },
      spec: { provider: 'openstack', openstack: { ...openstack, compute } },
    });
  t.like(region({ flavors: { selector: { ids: ['a', 'b'] } } }), {
    name: 'web-1',
    resourceVersion: '42',
    displayName: 'Europe',
    provider: 'openstack',
    openstack: { ...openstack, flavorIds: ['a', 'b'] },
  });
  for (const compute of [undefined, {}, { flavors: {} }, { flavors: { selector: {} } }])
    t.is(region(compute).openstack?.flavorIds, null);
  t.like(parseRegion({ metadata, spec: { provider: 'kubernetes' } }), { displayName: '', openstack: null });
  t.throws(() => region({ flavors: { selector: { ids: ['a', 5] } } }), {
    message: 'spec.openstack.compute.flavors.selector.ids[1] must be a string, not number',
  });
  t.throws(() => parseRegion({ metadata, spec: { provider: 'openstack', openstack: { endpoint: 'x' } } }), {
    message: 'spec.openstack.serviceAccountSecret must be an object, not nothing',
  });
});

test('an identity, and its credentials as far as they are there', (t) => {
  t.deepEqual(parseIdentity({ metadata, spec: { provider: 'openstack' } }), {
    name: 'web-1',
    namespace: 'shop',
    uid: 'u-1',
    resourceVersion: '42',
  });
  t.like(parseOpenstackIdentity({ metadata, spec: { userID: 'u', password: 'p', cloud: 'x' } }), {
    userId: 'u',
    password: 'p',
    projectId: undefined,
  });
  const error = t.throws(() => parseOpenstackIdentity({ metadata, spec: { password: { hunter2: 1 } } }));
  t.is(error?.message, 'spec.password must be a string, not object');
});

test('a secret is decoded as it is, and an error never shows it', (t) => {
  const secret = parseSecret({ metadata, data: { password: base64(' pässword\n'), empty: '' } });
  t.is(secret.resourceVersion, '42');
  t.deepEqual(
    [...secret.data],
    [
      ['password', ' pässword\n'],
      ['empty', ''],
    ],
  );
  t.is(parseSecret({ metadata }).data.size, 0);
  const binary = Buffer.from([0xff, 0xfe]).toString('base64');
  t.throws(() => parseSecret({ metadata, data: { key: binary } }), { message: 'data.key is not UTF-8' });
});
