// The four caches, from their start until they are synced.

import type { Clock } from '../shared/clock.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { KubernetesClient, ResourceKind } from './kubernetes-client.ts';
import type { Logger } from './logger.ts';
import type { CacheSnapshot } from './metrics.ts';
import { ResourceCache } from './resource-cache.ts';
import {
  type IdentityRecord,
  type OpenstackIdentityRecord,
  parseIdentity,
  parseOpenstackIdentity,
  parseRegion,
  parseServer,
  type RegionRecord,
} from './resource-records.ts';
import { StartupError } from './startup-error.ts';

export interface ResourceCachesOptions {
  readonly client: KubernetesClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ResourceCaches {
  readonly regions: ResourceCache<RegionRecord>;
  readonly servers: ResourceCache<ServerRecord>;
  readonly identities: ResourceCache<IdentityRecord>;
  readonly openstackIdentities: ResourceCache<OpenstackIdentityRecord>;
  readonly #clock: Clock;

  constructor({ client, namespace, clock, logger }: ResourceCachesOptions) {
    const common = (resource: ResourceKind) => {
      const outage = new Outage(resource, { logger, clock });
      return {
        client,
        namespace,
        clock,
        resource,
        onError: (error: Error) => outage.failed(error),
        onMalformed: (name: string, error: Error) =>
          logger.error('failed to read object, skipping', error.message, { resource, object: name }),
      };
    };
    this.#clock = clock;
    this.regions = new ResourceCache({ ...common('regions'), parse: parseRegion });
    this.servers = new ResourceCache({ ...common('servers'), parse: parseServer });
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

  /** Rejects with what stands in the way when the caches are not synced in time. */
  async whenSynced(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, timeout]);
    try {
      await Promise.all(this.#all().map(async ([, cache]) => cache.whenSynced(either)));
    } catch (error) {
      if (signal.aborted || !timeout.aborted) throw error;
      throw new StartupError('failed to sync caches', this.#whyNotSynced(timeoutMs), { cause: error });
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

  #whyNotSynced(timeoutMs: number): string {
    const missing = this.#all()
      .filter(([, cache]) => !cache.synced)
      .map(([resource, cache]) => `${resource}: ${cache.lastError?.message ?? 'no answer to the list yet'}`);
    return `not all objects could be listed within --startup-timeout (${timeoutMs / 1000} s): ${missing.join('; ')}`;
  }

  #all() {
    return [
      ['regions', this.regions],
      ['servers', this.servers],
      ['identities', this.identities],
      ['openstackidentities', this.openstackIdentities],
    ] as const;
  }
}

/** Attempts come at least twice as often while an outage lasts: what fails after a longer time is a new one. */
const sameOutageMs = 60_000;

/** One line when the API server begins to refuse a resource, or does so for another reason; not one an attempt. */
class Outage {
  readonly #resource: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #last = '';
  #lastMs = 0;

  constructor(resource: string, { logger, clock }: { logger: Logger; clock: Clock }) {
    this.#resource = resource;
    this.#logger = logger;
    this.#clock = clock;
  }

  failed(error: Error): void {
    const nowMs = this.#clock.monotonicMs();
    const known = error.message === this.#last && nowMs - this.#lastMs < sameOutageMs;
    this.#lastMs = nowMs;
    if (known) return;
    this.#last = error.message;
    this.#logger.error('failed to list or watch, trying again', error.message, { resource: this.#resource });
  }
}
