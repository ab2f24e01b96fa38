// How many servers are in each state, by region and flavour: what the state gauge shows. The counts of a project are
// replaced as a whole, by what its last answer could resolve, so that nothing stale is ever shown.

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

  values(): readonly StateCount[] {
    return [...this.#counts.values()];
  }
}

export class StateCounts {
  /** By region and project. */
  readonly #regions = new Map<string, Map<string, readonly StateCount[]>>();

  replace(regionId: string, projectId: string, counts: readonly StateCount[]): void {
    let projects = this.#regions.get(regionId);
    if (projects === undefined) {
      projects = new Map();
      this.#regions.set(regionId, projects);
    }
    projects.set(projectId, counts);
  }

  /** Drops what is shown of a region's projects, but for some. */
  retain(regionId: string, projectIds: ReadonlySet<string>): void {
    const projects = this.#regions.get(regionId);
    for (const id of projects?.keys() ?? []) if (!projectIds.has(id)) projects?.delete(id);
    if (projects?.size === 0) this.#regions.delete(regionId);
  }

  remove(regionId: string): void {
    this.#regions.delete(regionId);
  }

  /** One row a series: what differs in nothing but the project is added up. */
  *values(): Iterable<StateCount> {
    for (const projects of this.#regions.values()) {
      const series = new Map<string, StateCount>();
      for (const counts of projects.values()) {
        for (const count of counts) {
          const id = seriesOf(count);
          const known = series.get(id);
          series.set(id, known === undefined ? count : { ...known, count: known.count + count.count });
        }
      }
      yield* series.values();
    }
  }
}

/** What tells the series of one region apart. */
function seriesOf({ state, region_name, flavor_id, flavor_name }: StateKey): string {
  return [state, region_name, flavor_id, flavor_name].join('\n');
}
