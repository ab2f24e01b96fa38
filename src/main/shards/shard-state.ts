// What is shown of a shard: who holds it, since when, and how long ago its holder was last seen to renew it.

import type { ShardStatus } from '../../shared/monitor-status.ts';
import { freeFromMs, type LeaseView } from './lease-rules.ts';

export interface Now {
  readonly monotonicMs: number;
  /** Epoch milliseconds. */
  readonly wallMs: number;
}

export function shardState(
  lease: LeaseView,
  { monotonicMs, wallMs }: Now,
): Omit<ShardStatus, 'held' | 'regions'> {
  const { shard, record, seenMs } = lease;
  const moves = record?.transitions ?? 0;
  // A Lease still names its holder when it has expired.
  if (record === null || record.holder === '' || monotonicMs >= freeFromMs(lease))
    return { shard, holder: '', since: null, renewedAt: null, moves };
  return {
    shard,
    holder: record.holder,
    since: record.acquireTime === '' ? null : record.acquireTime,
    // By the own clock, as nobody knows how wrong the holder's is. In whole seconds, so that it stays as it is.
    renewedAt: new Date(Math.round((wallMs - monotonicMs + seenMs) / 1000) * 1000).toISOString(),
    moves,
  };
}
