// Everything that a scenario needs around the monitor: clouds, a cluster with the objects that describe them, a bare
// client, and a watch that sees what changes.

import { Clouds } from './clouds.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { cloudPlans, type FleetSize, objectsOf, regionName } from './fleet.ts';
import { Floor } from './floor.ts';
import type { Settings } from './settings.ts';
import { StatusWatch } from './status-watch.ts';

/** Requests to one region at once: the monitor's own default. */
const regionConcurrency = 4;

export class Stage {
  readonly size: FleetSize;
  readonly clouds: Clouds;
  readonly cluster: Cluster;
  readonly floor: Floor;
  readonly watch: StatusWatch;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    size: FleetSize,
    resources: AsyncDisposableStack,
    parts: { clouds: Clouds; cluster: Cluster; floor: Floor; watch: StatusWatch },
  ) {
    this.size = size;
    this.clouds = parts.clouds;
    this.cluster = parts.cluster;
    this.floor = parts.floor;
    this.watch = parts.watch;
    this.#resources = resources;
  }

  /** The hung regions are not part of the cluster yet. */
  static async open(size: FleetSize, settings: Pick<Settings, 'real' | 'definitions'>): Promise<Stage> {
    await using resources = new AsyncDisposableStack();
    const clouds = resources.adopt(await Clouds.start(cloudPlans(size)), async (opened) => opened.close());
    const cluster = resources.adopt(await startCluster(settings), async (opened) => opened.close());
    const floor = resources.adopt(new Floor(), async (opened) => opened.close());
    for (const report of clouds.reports.slice(0, size.regions)) await cluster.apply(objectsOf(report));
    await floor.login(clouds.reports.slice(0, size.regions), regionConcurrency);
    const watch = resources.adopt(await StatusWatch.open(cluster.client), (opened) => opened.close());
    return new Stage(size, resources.move(), { clouds, cluster, floor, watch });
  }

  /** The regions that answer. */
  get regions(): readonly string[] {
    return Array.from({ length: this.size.regions }, (_, index) => regionName(index));
  }

  /** Brings in the regions that accept requests and never answer. */
  async addHung(): Promise<void> {
    const { regions } = this.size;
    for (const [index, report] of this.clouds.reports.slice(regions).entries()) {
      await this.clouds.hang(regions + index);
      await this.cluster.apply(objectsOf(report));
    }
  }

  async close(): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
