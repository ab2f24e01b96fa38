import test from 'ava';
import type { LeaseRecord } from '../../../src/main/kubernetes/objects/lease-record.ts';
import type { LeaseView } from '../../../src/main/shards/lease-rules.ts';
import { shardState } from '../../../src/main/shards/shard-state.ts';

const record: LeaseRecord = {
  name: 'region-monitor-1',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '7',
  holder: 'one_abc',
  durationMs: 15_000,
  // The holder's clock is ten minutes ahead.
  acquireTime: '2026-11-27T12:10:00.000000Z',
  renewTime: '2026-11-27T12:10:20.000000Z',
  transitions: 4,
  wantedBy: '',
};
const lease: LeaseView = { shard: 1, record, seenMs: 5_000, renewedMs: null, busy: false, notBeforeMs: 0 };
const wallMs = Date.UTC(2026, 10, 27, 12, 0, 30);
const nobody = { shard: 1, holder: '', since: null, renewedAt: null, moves: 4 };

test('a shard that is held: since when, and when its holder was seen to renew it, by the own clock', (t) => {
  t.deepEqual(shardState(lease, { monotonicMs: 9_000, wallMs }), {
    shard: 1,
    holder: 'one_abc',
    since: '2026-11-27T12:10:00.000000Z',
    renewedAt: '2026-11-27T12:00:26.000Z',
    moves: 4,
  });
});

test('a holder that was not seen for the duration of its Lease holds nothing, whatever the Lease says', (t) => {
  t.is(shardState(lease, { monotonicMs: 19_999, wallMs }).holder, 'one_abc');
  t.deepEqual(shardState(lease, { monotonicMs: 20_000, wallMs }), nobody);
});

test('nobody holds a Lease that was released, or is not there yet', (t) => {
  const at = { monotonicMs: 9_000, wallMs };
  t.deepEqual(shardState({ ...lease, record: { ...record, holder: '' } }, at), nobody);
  t.deepEqual(shardState({ ...lease, record: null }, at), { ...nobody, moves: 0 });
});
