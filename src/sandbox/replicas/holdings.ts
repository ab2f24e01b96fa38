// Who holds which regions, as the Leases in the stand-in for Kubernetes say.

import { parseLease } from '../../main/kubernetes/objects/lease-record.ts';
import { assignRegions } from '../../main/shards/assignment.ts';
import { leaseName, replicaName } from '../../main/shards/lease-changes.ts';
import type { SandboxKubernetes } from '../kubernetes/api.ts';

export interface HoldingsOptions {
  readonly cluster: SandboxKubernetes;
  /** Names of the Region objects. */
  readonly regions: readonly string[];
  readonly shards: number;
  readonly onChange: () => void;
}

export class Holdings {
  readonly #regions: readonly string[];
  readonly #holders = new Map<string, string>();
  readonly #shardOf: ReadonlyMap<string, number>;
  readonly #stop: () => void;

  constructor({ cluster, regions, shards, onChange }: HoldingsOptions) {
    this.#regions = regions;
    this.#shardOf = assignRegions(regions, shards);
    this.#stop = cluster.onChange('leases', (type, object) => {
      const { name, holder } = parseLease(object);
      const before = this.#holders.get(name) ?? '';
      const now = type === 'DELETED' ? '' : replicaName(holder);
      this.#holders.set(name, now);
      if (now !== before) onChange();
    });
  }

  /** The regions of a replica; "" for those that nobody has. */
  of(replica: string): readonly string[] {
    return this.#regions.filter((region) => this.#holderOf(region) === replica);
  }

  close(): void {
    this.#stop();
  }

  #holderOf(region: string): string {
    return this.#holders.get(leaseName(this.#shardOf.get(region) ?? 0)) ?? '';
  }
}
