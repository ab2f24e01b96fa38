// How many servers are in each state, by region and flavor: what the state gauge shows. The counts of a project are
// replaced as a whole, by what its last answer could resolve, so that nothing stale is ever shown.

import { type RegionRef, regionKey } from '../../shared/region-ref.ts';
import type { FlavorAttributes, StateCount } from '../telemetry/metrics.ts';

export type StateKey = FlavorAttributes & Pick<StateCount, 'state'>;

/** Counts under construction for one project. */
export class ProjectCounts {
  readonly #counts = new Map<string, StateKey & { count: number }>();

  add(key: StateKey): void {
    const id = seriesOf(key);
    const entry = this.#counts.get(id);
    if (entry === undefined) this.#counts.set(id, { ...key, count: 1 });
    else entry.count++;
  }

  /** Takes back what was added. */
  remove(key: StateKey): void {
    const id = seriesOf(key);
    const entry = this.#counts.get(id);
    if (entry !== undefined && --entry.count === 0) this.#counts.delete(id);
  }

  values(): readonly StateCount[] {
    return [...this.#counts.values()];
  }
}

/** The counts of all projects that are shown. Writes that end after their poll still change those of their project. */
export class StateCounts {
  /** By region and project. */
  readonly #regions = new Map<string, Map<string, ProjectCounts>>();

  replace(region: RegionRef, projectId: string, counts: ProjectCounts): void {
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
    const key = regionKey(region);
    const projects = this.#regions.get(key);
    for (const id of projects?.keys() ?? []) if (!projectIds.has(id)) projects?.delete(id);
    if (projects?.size === 0) this.#regions.delete(key);
  }

  remove(region: RegionRef): void {
    this.#regions.delete(regionKey(region));
  }

  /** One row a series: what differs in nothing but the project, or the namespace, is added up. */
  values(): Iterable<StateCount> {
    return summed(this.#regions.values());
  }

  /** Servers of one region by state. */
  states(region: RegionRef): Readonly<Record<string, number>> {
    const states: Record<string, number> = {};
    for (const counts of this.#regions.get(regionKey(region))?.values() ?? [])
      for (const { state, count } of counts.values()) states[state] = (states[state] ?? 0) + count;
    return states;
  }
}

function summed(regions: Iterable<ReadonlyMap<string, ProjectCounts>>): Iterable<StateCount> {
  const series = new Map<string, StateCount>();
  for (const projects of regions) {
    for (const counts of projects.values()) {
      for (const count of counts.values()) {
        const id = seriesOf(count);
        const known = series.get(id);
        series.set(id, known === undefined ? count : { ...known, count: known.count + count.count });
      }
    }
  }
  return series.values();
}

function seriesOf({ state, region_id, region_name, flavor_id, flavor_name }: StateKey): string {
  return [state, region_id, region_name, flavor_id, flavor_name].join('\n');
}
