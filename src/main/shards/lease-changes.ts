// What a replica writes into the Leases of the shards, in the way of client-go's leader election, so that `kubectl get
// leases` shows what people know. Times in it are for them: who holds a Lease is never judged by comparing clocks.

import { randomUUID } from 'node:crypto';
import { type LeaseRecord, wantedByAnnotation } from '../kubernetes/objects/lease-record.ts';

/** On all Leases of shards, so that replicas need not watch those of others. */
const shardLabels = { 'app.kubernetes.io/component': 'region-monitor-shard' } as const;
export const shardSelector = Object.entries(shardLabels)
  .map(([key, value]) => `${key}=${value}`)
  .join(',');

export function leaseName(shard: number): string {
  return `region-monitor-${shard}`;
}

/** As client-go's programs do: a name alone may be another process's, too. */
export function newIdentity(replicaName: string): string {
  return `${replicaName}_${randomUUID()}`;
}

/** The name in it; all of it where another program holds the Lease. */
export function replicaName(identity: string): string {
  const end = identity.lastIndexOf('_');
  return end > 0 ? identity.slice(0, end) : identity;
}

/** Whether its holder did something: what others write on it says nothing about the holder. */
export function movedOn(before: LeaseRecord, now: LeaseRecord): boolean {
  return (
    before.uid !== now.uid ||
    before.holder !== now.holder ||
    before.renewTime !== now.renewTime ||
    before.acquireTime !== now.acquireTime ||
    before.transitions !== now.transitions
  );
}

export interface HolderTerms {
  /** Who writes. */
  readonly identity: string;
  readonly durationMs: number;
  /** Wall time, epoch milliseconds. */
  readonly nowMs: number;
}

/** A Lease that did not exist. */
export function newLease(name: string, namespace: string, terms: HolderTerms): object {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, labels: shardLabels },
    spec: { ...held(terms), acquireTime: microTime(terms.nowMs), leaseTransitions: 0 },
  };
}

/** Takes or renews it, if nothing has changed since `before`. */
export function holding(before: LeaseRecord, terms: HolderTerms): object {
  const taken = before.holder !== terms.identity;
  return {
    metadata: {
      resourceVersion: before.resourceVersion,
      labels: shardLabels,
      annotations: { [wantedByAnnotation]: null },
    },
    spec: {
      ...held(terms),
      ...(taken ? { acquireTime: microTime(terms.nowMs), leaseTransitions: before.transitions + 1 } : {}),
    },
  };
}

/** Gives it back. Whoever asked for it stays named: that replica may take it before others do. */
export function released(before: LeaseRecord, nowMs: number): object {
  const time = microTime(nowMs);
  return {
    metadata: { resourceVersion: before.resourceVersion },
    spec: { holderIdentity: null, leaseDurationSeconds: 1, acquireTime: time, renewTime: time },
  };
}

export function asking(before: LeaseRecord, identity: string): object {
  return {
    metadata: { resourceVersion: before.resourceVersion, annotations: { [wantedByAnnotation]: identity } },
  };
}

function held({ identity, durationMs, nowMs }: HolderTerms) {
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    renewTime: microTime(nowMs),
  };
}

/** The API server takes these times with six digits after the point, and no others. */
function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}
