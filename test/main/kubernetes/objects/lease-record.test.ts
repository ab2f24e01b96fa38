import test from 'ava';
import { parseLease } from '../../../../src/main/kubernetes/objects/lease-record.ts';

const metadata = { name: 'region-monitor-0', namespace: 'region', uid: 'u-1', resourceVersion: '42' };

test('a lease that is held, and wanted by another', (t) => {
  const lease = parseLease({
    metadata: { ...metadata, annotations: { 'region-monitor/wanted-by': 'replica-2' } },
    spec: {
      holderIdentity: 'replica-1',
      leaseDurationSeconds: 15,
      acquireTime: '2026-05-01T10:00:00.000000Z',
      renewTime: '2026-05-01T10:05:00.000000Z',
      leaseTransitions: 3,
    },
  });
  t.deepEqual(lease, {
    ...metadata,
    holder: 'replica-1',
    durationMs: 15_000,
    acquireTime: '2026-05-01T10:00:00.000000Z',
    renewTime: '2026-05-01T10:05:00.000000Z',
    transitions: 3,
    wantedBy: 'replica-2',
  });
});

for (const spec of [
  undefined,
  {},
  { holderIdentity: null, leaseDurationSeconds: null, leaseTransitions: null },
  { holderIdentity: '', leaseDurationSeconds: -15, leaseTransitions: '3' },
])
  test(`a lease that was given up is held by no replica, for no time: ${JSON.stringify(spec)}`, (t) => {
    t.deepEqual(parseLease({ metadata, spec }), {
      ...metadata,
      holder: '',
      durationMs: 0,
      acquireTime: '',
      renewTime: '',
      transitions: 0,
      wantedBy: '',
    });
  });
