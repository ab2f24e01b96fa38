// Who holds the shards, as their Leases say.

import { type KubernetesClient, resourcePath } from '../main/kubernetes/client.ts';
import { type LeaseRecord, parseLease } from '../main/kubernetes/objects/lease-record.ts';
import { parseListPage } from '../main/kubernetes/objects/list-watch-messages.ts';
import { leaseName, replicaName, shardSelector } from '../main/shards/lease-changes.ts';
import { type Found, StepFailure } from './steps.ts';

export interface ShardQuestion {
  readonly namespace: string;
  readonly count: number;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

export async function readHolders(
  client: KubernetesClient,
  { namespace, count, nowMs }: ShardQuestion,
  signal: AbortSignal,
): Promise<Found<true>> {
  if (namespace === '')
    throw new StepFailure('the namespace of the Leases is not known', 'give it: --lease-namespace');
  const query = { labelSelector: shardSelector };
  const answer = await client.get(resourcePath('leases', namespace), { signal, query });
  const leases = new Map(
    parseListPage(answer, 'leases')
      .items.map((item) => parseLease(item))
      .map((lease) => [lease.name, lease]),
  );
  const shards = Array.from({ length: count }, (_, shard) => holderOf(leases.get(leaseName(shard)), nowMs));
  const detail = shards.map(({ text }, shard) => `shard ${shard}: ${text}`).join(', ');
  const idle = shards.flatMap(({ held }, shard) => (held ? [] : [shard]));
  if (idle.length === 0) return { value: true, detail };
  const which = `${idle.length === 1 ? 'shard' : 'shards'} ${idle.join(', ')}`;
  const warning = `nobody may be polling the regions of ${which}: does a monitor with --shards=${count} run?`;
  return { value: true, detail, warning };
}

/** Compares two clocks, which is good enough for people: a Lease that is renewed is younger than its duration. */
function holderOf(lease: LeaseRecord | undefined, nowMs: number): { text: string; held: boolean } {
  if (lease === undefined || lease.holder === '') return { text: 'nobody', held: false };
  const name = replicaName(lease.holder);
  const ageMs = nowMs - Date.parse(lease.renewTime);
  if (ageMs <= lease.durationMs) return { text: name, held: true };
  return { text: `${name}, not renewed for ${Math.round(ageMs / 1000)} s`, held: false };
}
