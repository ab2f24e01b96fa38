// All regions, by namespace and name: those that are defined, and those that servers name. Metrics, the status page and
// readiness read them here.

import type { Clock } from '../../shared/clock.ts';
import type { CheckError } from '../../shared/errors.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { RegionRecord } from '../kubernetes/objects/resource-records.ts';
import type { RegionSnapshot } from '../telemetry/metrics.ts';
import { Region } from './region.ts';

export interface RegionsOptions {
  /** The namespace that is watched; "" for all. */
  readonly namespace: string;
  readonly records: Pick<ObjectView<RegionRecord>, 'values'>;
  readonly pollPeriodMs: number;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  /** Called for a region that is neither defined nor named by any server. */
  readonly onGone: (region: Region) => void;
}

export class Regions {
  readonly #options: RegionsOptions;
  readonly #regions = new Map<string, Region>();
  /** Keys of the regions that objects name, by check. */
  readonly #named = new Map<string, readonly string[]>();

  constructor(options: RegionsOptions) {
    this.#options = options;
  }

  get(ref: RegionRef): Region | undefined {
    return this.#regions.get(regionKey(ref));
  }

  /** Defined regions and those that servers named at the last poll. */
  values(): Iterable<Region> {
    return this.#regions.values();
  }

  /** Brings the regions up to date with the objects, and with what the objects of each check name; forgets all others. */
  update(named: readonly RegionRef[], check: string): void {
    const records = new Map([...this.#options.records.values()].map((record) => [regionKey(record), record]));
    for (const ref of [...records.values(), ...named]) this.#of(ref);
    this.#named.set(check, named.map(regionKey));
    const wanted = new Set([...records.keys(), ...[...this.#named.values()].flat()]);
    for (const [key, region] of this.#regions) {
      if (wanted.has(key)) {
        region.define(records.get(key) ?? null);
        continue;
      }
      this.#regions.delete(key);
      this.#options.onGone(region);
    }
  }

  /** Forgets the regions that this process does not work on any more. */
  retain(isOwn: (region: RegionRef) => boolean): void {
    for (const [key, region] of this.#regions) {
      if (isOwn(region)) continue;
      this.#regions.delete(key);
      this.#options.onGone(region);
    }
  }

  /** Regions whose object exists now, polled or not. */
  *defined(): Iterable<Region> {
    for (const record of this.#options.records.values()) {
      const region = this.#of(record);
      if (region.record === null) region.define(record);
      yield region;
    }
  }

  /** True when every defined region was tried at least once. */
  get triedAll(): boolean {
    for (const { health } of this.defined()) if (!health.tried) return false;
    return true;
  }

  /** True while servers of a region will soon be different. */
  get unsettled(): boolean {
    for (const { unsettled } of this.#regions.values()) if (unsettled) return true;
    return false;
  }

  /** Why the last poll of a region got no answer, by key; regions that answered are not in it. */
  get failures(): ReadonlyMap<string, CheckError> {
    const failures = new Map<string, CheckError>();
    for (const [key, { health }] of this.#regions)
      if (health.failure !== null) failures.set(key, health.failure);
    return failures;
  }

  *snapshots(): Iterable<RegionSnapshot> {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const { name, namespace, displayName, health, servers, oldestTransitions } of this.defined()) {
      // A region that has no servers to ask for is neither up nor down.
      if (health.failure?.code === 'unsupported') continue;
      const { up, breakerOpen, lastGoodMs } = health;
      yield {
        regionId: name,
        namespace: this.#options.namespace === '' ? namespace : null,
        regionName: displayName,
        up,
        breakerOpen,
        lastGoodAgeSeconds: lastGoodMs === null ? null : (nowMs - lastGoodMs) / 1000,
        servers,
        transitionAges: [...oldestTransitions].map(([kind, sinceMs]) => ({
          kind,
          seconds: Math.max(0, (clock.now() - sinceMs) / 1000),
        })),
      };
    }
  }

  #of(ref: RegionRef): Region {
    const key = regionKey(ref);
    let region = this.#regions.get(key);
    if (region === undefined) {
      region = new Region(ref, this.#options.pollPeriodMs);
      this.#regions.set(key, region);
    }
    return region;
  }
}
