// How many objects are in each state, by region and by what else tells them apart: what a state gauge shows. The counts of a
// project are replaced as a whole, by what its last answer could resolve, so that nothing stale is ever shown.

import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { FlavorAttributes } from '../telemetry/metrics.ts';

/** The attributes of a series, always spelt out in the same order. */
interface StateAttributes {
  readonly state: string;
}

/** Of servers. */
export type StateKey = FlavorAttributes & StateAttributes;

type Counted<Key extends StateAttributes> = Key & { readonly count: number };

/** Counts under construction for one project. */
export class ProjectCounts<Key extends StateAttributes = StateKey> {
  readonly #counts = new Map<string, { readonly key: Key; count: number }>();

  add(key: Key): void {
    const id = seriesOf(key);
    const entry = this.#counts.get(id);
    if (entry === undefined) this.#counts.set(id, { key, count: 1 });
    else entry.count++;
  }

  /** Takes back what was added. */
  remove(key: Key): void {
    const id = seriesOf(key);
    const entry = this.#counts.get(id);
    if (entry !== undefined && --entry.count === 0) this.#counts.delete(id);
  }

  values(): readonly Counted<Key>[] {
    return [...this.entries()].map(({ key, count }) => ({ ...key, count }));
  }

  entries(): Iterable<{ readonly key: Key; readonly count: number }> {
    return this.#counts.values();
  }
}

/** The counts of all projects that are shown. Writes that end after their poll still change those of their project. */
export class StateCounts<Key extends StateAttributes = StateKey> {
  /** By region and project. */
  readonly #regions = new Map<string, Map<string, ProjectCounts<Key>>>();

  replace(region: RegionRef, projectId: string, counts: ProjectCounts<Key>): void {
    const key = regionKey(region);
    let projects = this.#regions.get(key);
    if (projects === undefined) {
      projects = new Map();
      this.#regions.set(key, projects);
    }
    projects.set(projectId, counts);
  }

  /** Drops what is shown of a region's projects, but for some. */
  retain(region: RegionRef, projectIds: ReadonlySet<string>): void {
    const projects = this.#regions.get(regionKey(region));
    for (const id of projects?.keys() ?? []) if (!projectIds.has(id)) projects?.delete(id);
  }

  remove(region: RegionRef): void {
    this.#regions.delete(regionKey(region));
  }

  /** One row a series: what differs in nothing but the project, or the namespace, is added up. */
  values(): Iterable<Counted<Key>> {
    const series = new Map<string, Counted<Key>>();
    for (const projects of this.#regions.values())
      for (const counts of projects.values())
        for (const { key, count } of counts.entries()) {
          const id = seriesOf(key);
          series.set(id, { ...key, count: (series.get(id)?.count ?? 0) + count });
        }
    return series.values();
  }

  /** Objects of one region by state. */
  states(region: RegionRef): Readonly<Record<string, number>> {
    const states: Record<string, number> = {};
    for (const counts of this.#regions.get(regionKey(region))?.values() ?? [])
      for (const { key, count } of counts.entries()) states[key.state] = (states[key.state] ?? 0) + count;
    return states;
  }
}

function seriesOf(key: object): string {
  return Object.values(key).join('\n');
}
