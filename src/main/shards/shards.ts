// Which regions this process works on: those of the shards whose Leases it holds, once their objects are listed. All parts
// of the monitor see the objects through here, so that what is lost is gone for all of them at once.

import type { Clock } from '../../shared/clock.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import type { ShardStatus } from '../../shared/monitor-status.ts';
import type { RegionRef } from '../../shared/region-ref.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { WatchedObject } from '../../shared/watched-object.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type { ShardParts } from '../kubernetes/objects/resource-caches.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { Logger } from '../log/logger.ts';
import { assignRegions } from './assignment.ts';
import type { LeaseHolder } from './lease-holder.ts';
import { restShard, type Selection, selectionOf } from './selection.ts';
import { shardState } from './shard-state.ts';

export interface ShardsOptions {
  readonly count: number;
  readonly regions: Pick<ResourceCache<RegionRecord>, 'get' | 'values' | 'onChange'>;
  readonly servers: ObjectView<ServerRecord>;
  readonly loadbalancers: ObjectView<LoadBalancerRecord>;
  /** What lists and watches these objects, shard by shard. */
  readonly parts: readonly ShardParts[];
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly logger: Logger;
  /** Called when a shard is taken. */
  readonly onTaken: (shard: number) => void;
  /** Called when there are regions that this process does not work on any more. */
  readonly onLost: () => void;
  /** Called when there are regions that it did not work on before: those of which `isNew` is true. */
  readonly onGained: (isNew: (region: RegionRef) => boolean) => void;
}

type ShardHolder = Pick<LeaseHolder, 'leases' | 'holds' | 'run' | 'release'>;

/** A shard that is held. */
interface Held {
  /** Asked for, and then listed. */
  wanted: Selection | null;
  listed: Selection | null;
}

export class Shards {
  readonly #options: ShardsOptions;
  readonly #holder: ShardHolder;
  readonly #held = new Map<number, Held>();
  /** Null when the regions have changed since. */
  #assignment: ReadonlyMap<string, number> | null = null;
  #looking = false;

  constructor(holder: ShardHolder, options: ShardsOptions) {
    this.#holder = holder;
    this.#options = options;
    options.regions.onChange(({ type, previous }) => {
      // Which regions there are, not what they say.
      if (type === 'delete' || previous === undefined) this.#regionsChanged();
    });
  }

  /** Whether this process may work on a region now; undefined is that of servers which name none. */
  owns(regionName: string | undefined): boolean {
    const shard = this.shardOf(regionName);
    if (!this.#holder.holds(shard)) return false;
    const listed = this.#held.get(shard)?.listed ?? null;
    return listed !== null && (regionName === undefined || listed.covers(regionName));
  }

  shardOf(regionName: string | undefined): number {
    return this.#assigned().get(regionName ?? '') ?? restShard;
  }

  /** Takes and keeps shards until the signal aborts; the caches must be synced. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#holder.run(signal);
  }

  /** Gives all shards back, within the time; `run` must have ended. */
  async release(timeoutMs: number): Promise<void> {
    await this.#holder.release(timeoutMs);
  }

  /** Gives up what was not renewed in time: for a process that was stopped, before it shows or does anything. */
  look(): void {
    for (let shard = 0; shard < this.#options.count; shard++) this.#holder.holds(shard);
  }

  /** Each shard, and who holds it. */
  states(): readonly ShardStatus[] {
    const { clock } = this.#options;
    const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.now() };
    return this.#holder.leases.map((lease) => ({
      ...shardState(lease, now),
      held: this.#holder.holds(lease.shard),
      regions: this.regionsOf(lease.shard),
    }));
  }

  /** The regions that this process works on. */
  get regions(): ObjectView<RegionRecord> {
    const { regions } = this.#options;
    return {
      get: (namespace, name) => (this.owns(name) ? regions.get(namespace, name) : undefined),
      values: () => [...regions.values()].filter(({ name }) => this.owns(name)),
    };
  }

  /** Their servers. */
  get servers(): ObjectView<ServerRecord> {
    return this.#own(this.#options.servers);
  }

  /** Their load balancers. */
  get loadbalancers(): ObjectView<LoadBalancerRecord> {
    return this.#own(this.#options.loadbalancers);
  }

  /** How many regions a shard has, whoever holds it. */
  regionsOf(shard: number): number {
    let count = 0;
    for (const of of this.#assigned().values()) if (of === shard) count++;
    return count;
  }

  gained(shard: number): void {
    this.#held.set(shard, { wanted: null, listed: null });
    this.#options.onTaken(shard);
    this.#options.logger.info('shard taken', { shard, regions: this.regionsOf(shard) });
    void this.#select(shard);
  }

  lost(shard: number, reason: string): void {
    this.#held.delete(shard);
    for (const part of this.#options.parts) part.drop(shard);
    this.#options.logger.info('shard given up', { shard, regions: this.regionsOf(shard), reason });
    this.#options.onLost();
  }

  #own<Watched extends WatchedObject>(all: ObjectView<Watched>): ObjectView<Watched> {
    const owns = ({ regionId }: Watched) => this.owns(regionId);
    return {
      get: (namespace, name) => {
        const object = all.get(namespace, name);
        return object !== undefined && owns(object) ? object : undefined;
      },
      values: function* () {
        for (const object of all.values()) if (owns(object)) yield object;
      },
    };
  }

  #assigned(): ReadonlyMap<string, number> {
    const { regions, count } = this.#options;
    this.#assignment ??= assignRegions(
      [...regions.values()].map(({ name }) => name),
      count,
    );
    return this.#assignment;
  }

  /** A list brings many changes at once: what follows from them is done together. */
  #regionsChanged(): void {
    this.#assignment = null;
    if (this.#looking || this.#held.size === 0) return;
    this.#looking = true;
    queueMicrotask(() => {
      this.#looking = false;
      this.#options.onLost();
      for (const shard of this.#held.keys()) void this.#select(shard);
    });
  }

  async #select(shard: number): Promise<void> {
    const held = this.#held.get(shard);
    if (held === undefined) return;
    const selection = selectionOf(shard, this.#assigned());
    const { labelSelector } = selection;
    if (held.wanted !== null && held.wanted.labelSelector === labelSelector) {
      held.wanted = selection;
      return;
    }
    held.wanted = selection;
    const { parts, onGained } = this.#options;
    if (labelSelector === null) for (const part of parts) part.drop(shard);
    else {
      const listed = await Promise.all(parts.map(async (part) => part.select(shard, labelSelector)));
      if (listed.includes(false)) return;
    }
    if (this.#held.get(shard) !== held) return;
    const before = held.listed;
    held.listed = selection;
    onGained(({ name }) => this.shardOf(name) === shard && this.owns(name) && before?.covers(name) !== true);
  }
}
