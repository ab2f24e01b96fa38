// Puts the shards of a process together: its identity, the client of its Leases, their holder, and what follows from it.

import type { Clock } from '../../shared/clock.ts';
import type { KubernetesClient } from '../kubernetes/client.ts';
import type { ResourceCaches, ShardCachesOptions } from '../kubernetes/objects/resource-caches.ts';
import type { ShardOptions } from '../options/options.ts';
import { newIdentity, shardSelector } from './lease-changes.ts';
import { LeaseHolder, type RequestOutcome } from './lease-holder.ts';
import { renewEveryMs } from './lease-rules.ts';
import { Shards, type ShardsOptions } from './shards.ts';

/** Requests about Leases in flight at once. */
const leaseConnections = 8;

/** What the Leases are reached by. */
export interface LeaseAccess {
  readonly options: ShardOptions;
  readonly namespace: string;
  /** With connections of its own: renewals do not queue behind writes. */
  readonly client: KubernetesClient;
}

export interface CreateShardsOptions
  extends LeaseAccess,
    Pick<ShardsOptions, 'logger' | 'onTaken' | 'onLost' | 'onGained'> {
  readonly caches: ResourceCaches;
  readonly clock: Clock;
  readonly onRenewal: (outcome: RequestOutcome) => void;
}

/** Throws when no namespace is known. */
export function leaseAccess(
  options: ShardOptions,
  namespaces: { readonly watched: string; readonly ofProcess: string | null },
  openClient: (limits: {
    readonly requestTimeoutMs: number;
    readonly connections: number;
  }) => KubernetesClient,
): LeaseAccess {
  const namespace = options.leaseNamespace || namespaces.ofProcess || namespaces.watched;
  if (namespace === '')
    throw new Error('outside of a pod, with all namespaces watched, --shards needs --lease-namespace');
  const requestTimeoutMs = renewEveryMs(options.leaseDurationMs);
  return { options, namespace, client: openClient({ requestTimeoutMs, connections: leaseConnections }) };
}

export function shardCaches({ options, namespace, client }: LeaseAccess): ShardCachesOptions {
  // Some holder renews its Lease more often, or else something is wrong with the connection.
  return { namespace, client, labelSelector: shardSelector, idleTimeoutMs: 2 * options.leaseDurationMs };
}

/** Null where the caches are whole: without shards. */
export function createShards({
  options,
  namespace,
  client,
  caches,
  clock,
  logger,
  onTaken,
  onLost,
  onGained,
  onRenewal,
}: CreateShardsOptions): Shards | null {
  if (caches.shards === null) return null;
  const { parts, leases } = caches.shards;
  const holder: LeaseHolder = new LeaseHolder({
    client,
    namespace,
    identity: newIdentity(options.replicaName),
    shards: options.count,
    durationMs: options.leaseDurationMs,
    clock,
    jitter: Math.random(),
    onGained: (shard) => shards.gained(shard),
    onLost: (shard, reason) => shards.lost(shard, reason),
    onRenewal: (_, outcome) => onRenewal(outcome),
    onError: (shard, error) => logger.error('failed to hold shard, trying again', error.message, { shard }),
    onKept: (shard, error) =>
      logger.error('failed to give shard back, others take it when its Lease expires', error.message, {
        shard,
      }),
  });
  leases.onChange(({ type, record }) => holder.observe(record.name, type === 'delete' ? null : record));
  const shards: Shards = new Shards(holder, {
    count: options.count,
    regions: caches.regions,
    servers: caches.servers,
    loadbalancers: caches.loadbalancers,
    parts,
    clock,
    logger,
    onTaken,
    onLost,
    onGained,
  });
  return shards;
}
