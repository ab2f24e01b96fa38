// The caches of the resources that the checks read, from their start until they are synced.

import type { Clock } from '../../../shared/clock.ts';
import { Deadline } from '../../../shared/deadline.ts';
import type { LoadBalancerRecord } from '../../../shared/load-balancer-record.ts';
import type { ServerRecord } from '../../../shared/server-record.ts';
import type { Logger } from '../../log/logger.ts';
import type { CacheSnapshot } from '../../telemetry/metrics.ts';
import type { KubernetesClient, ResourceKind } from '../client.ts';
import type { Intern } from './interner.ts';
import { type LeaseRecord, parseLease } from './lease-record.ts';
import { type ObjectCache, PartitionedCache } from './partitioned-cache.ts';
import { ResourceCache } from './resource-cache.ts';
import {
  type IdentityRecord,
  type OpenstackIdentityRecord,
  parseIdentity,
  parseLoadBalancer,
  parseOpenstackIdentity,
  parseRegion,
  parseServer,
  type RegionRecord,
} from './resource-records.ts';
import type { StoredRecord } from './resource-store.ts';

export interface ResourceCachesOptions {
  readonly client: KubernetesClient;
  readonly namespace: string;
  /** Those to list and watch; the others stay empty. */
  readonly watched: ReadonlySet<string>;
  /** Longest pause before the API server is asked again after an outage. */
  readonly pollPeriodMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Only for shards: the Leases, and the objects of regions in parts. */
  readonly shards?: ShardCachesOptions | undefined;
}

export interface ShardCachesOptions {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly labelSelector: string;
  /** Their holders say something more often than that. */
  readonly idleTimeoutMs: number;
}

const maxPauseMs = 30_000;
/** Leases are few, and what they say does not wait. */
const leasesPauseMs = 1_000;
/** Reasons of one outage that are worth a line. */
const maxReasons = 10;

export class ResourceCaches {
  readonly regions: ResourceCache<RegionRecord>;
  readonly servers: ObjectCache<ServerRecord>;
  readonly loadbalancers: ObjectCache<LoadBalancerRecord>;
  readonly identities: ResourceCache<IdentityRecord>;
  readonly openstackIdentities: ResourceCache<OpenstackIdentityRecord>;
  /** Null without shards. */
  readonly shards: ShardCaches | null;
  readonly #clock: Clock;
  readonly #watched: ReadonlySet<string>;
  readonly #outages: Outage[] = [];
  /** Only while the first lists are awaited. */
  #syncing: Deadline | null = null;

  constructor({ client, namespace, watched, pollPeriodMs, clock, logger, shards }: ResourceCachesOptions) {
    const common = (resource: ResourceKind) => {
      const outage = new Outage(resource, { logger, clock });
      this.#outages.push(outage);
      return {
        client,
        namespace,
        clock,
        resource,
        // Half as long again at most, by chance: the poll after the outage knows what happened meanwhile.
        maxPauseMs: Math.min(maxPauseMs, pollPeriodMs / 2),
        onError: (error: Error) => outage.failed(error),
        onRecovered: () => outage.ended(),
        onProgress: () => this.#syncing?.postpone(),
        onMalformed: (name: string, error: Error) =>
          logger.error('failed to read object, skipping', error.message, { resource, object: name }),
      };
    };
    this.#clock = clock;
    this.#watched = watched;
    this.regions = new ResourceCache({ ...common('regions'), parse: parseRegion });
    const parts: ShardParts[] = [];
    /** Of objects that belong to a region: whole, or with shards in parts. */
    const ofRegions = <R extends StoredRecord>(
      resource: 'servers' | 'loadbalancers',
      parse: (object: unknown, intern?: Intern) => R,
    ): ObjectCache<R> => {
      const whole = { ...common(resource), parse, streamed: true };
      if (shards === undefined) return new ResourceCache(whole);
      const divided = new PartitionedCache({
        open: (labelSelector) => new ResourceCache({ ...whole, labelSelector }),
        parse,
      });
      if (watched.has(resource)) parts.push(divided);
      return divided;
    };
    this.servers = ofRegions('servers', parseServer);
    this.loadbalancers = ofRegions('loadbalancers', parseLoadBalancer);
    this.shards =
      shards === undefined
        ? null
        : {
            parts,
            leases: new ResourceCache({
              ...common('leases'),
              ...shards,
              parse: parseLease,
              maxPauseMs: leasesPauseMs,
            }),
          };
    this.identities = new ResourceCache({ ...common('identities'), parse: parseIdentity });
    this.openstackIdentities = new ResourceCache({
      ...common('openstackidentities'),
      parse: parseOpenstackIdentity,
    });
  }

  get synced(): boolean {
    return this.#all().every(([, cache]) => cache.synced);
  }

  /** Lists and watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map(async ([, cache]) => cache.run(signal)));
  }

  /** Rejects with what stands in the way when no list gets any further for `timeoutMs`; lists may be long. */
  async whenSynced(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const deadline = new Deadline(timeoutMs, signal);
    this.#syncing = deadline;
    try {
      await Promise.all(this.#all().map(async ([, cache]) => cache.whenSynced(deadline.signal)));
    } catch (error) {
      if (!deadline.expired) throw error;
      throw new Error(this.#whyNotSynced(timeoutMs), { cause: error });
    } finally {
      this.#syncing = null;
      deadline.release();
    }
  }

  *snapshots(): Iterable<CacheSnapshot> {
    const nowMs = this.#clock.monotonicMs();
    for (const [resource, cache] of this.#all()) {
      const { lists, watches, events, errors } = cache.counters;
      yield {
        resource,
        objects: cache.size,
        synced: cache.synced,
        contactAgeSeconds: cache.lastContactMs === 0 ? 0 : (nowMs - cache.lastContactMs) / 1000,
        lists,
        watches,
        events,
        errors,
      };
    }
  }

  /** Resources that the API server does not let us list or watch now. */
  *outages(): Iterable<ResourceOutage> {
    for (const { now } of this.#outages) if (now !== null) yield now;
  }

  #whyNotSynced(timeoutMs: number): string {
    const missing = this.#all()
      .filter(([, cache]) => !cache.synced)
      .map(([resource, cache]) => `${resource}: ${cache.lastError?.message ?? 'no answer to the list yet'}`);
    return `lists made no progress within --startup-timeout (${timeoutMs / 1000} s): ${missing.join('; ')}`;
  }

  #all() {
    const all = [
      ['regions', this.regions],
      ['servers', this.servers],
      ['loadbalancers', this.loadbalancers],
      ['identities', this.identities],
      ['openstackidentities', this.openstackIdentities],
      ...(this.shards === null ? [] : [['leases', this.shards.leases] as const]),
    ] as const;
    return all.filter(([resource]) => resource === 'leases' || this.#watched.has(resource));
  }
}

/** A cache in parts, by shard. */
export type ShardParts = Pick<PartitionedCache<StoredRecord>, 'select' | 'drop'>;

export interface ShardCaches {
  /** Of the resources that are watched. */
  readonly parts: readonly ShardParts[];
  readonly leases: ResourceCache<LeaseRecord>;
}

export interface ResourceOutage {
  readonly resource: string;
  /** The line that was written, and the reason that was last given. */
  readonly message: string;
  readonly error: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

const outageMessage = 'failed to list or watch, trying again';

/** One line for each reason for which the API server refuses a resource, not one an attempt, and one when it is over. */
class Outage {
  readonly #resource: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #reasons = new Set<string>();
  #sinceMs = 0;
  /** The outage under way; null when there is none. */
  now: ResourceOutage | null = null;

  constructor(resource: string, { logger, clock }: { logger: Logger; clock: Clock }) {
    this.#resource = resource;
    this.#logger = logger;
    this.#clock = clock;
  }

  failed({ message }: Error): void {
    if (this.#reasons.size === 0) this.#sinceMs = this.#clock.monotonicMs();
    const since = this.now?.since ?? this.#clock.now();
    this.now = { resource: this.#resource, message: outageMessage, error: message, since };
    if (this.#reasons.has(message) || this.#reasons.size >= maxReasons) return;
    this.#reasons.add(message);
    this.#logger.error(outageMessage, message, { resource: this.#resource });
  }

  ended(): void {
    const seconds = (this.#clock.monotonicMs() - this.#sinceMs) / 1000;
    this.#reasons.clear();
    this.now = null;
    this.#logger.info('listing and watching again', {
      resource: this.#resource,
      after_seconds: Math.round(seconds),
    });
  }
}
