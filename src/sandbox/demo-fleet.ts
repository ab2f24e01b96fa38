// The demo: three simulated regions with some sixty servers that live by themselves.

import { SandboxKubernetes } from './kubernetes/api.ts';
import type { JsonObject } from './kubernetes/object.ts';
import { SandboxCloud } from './openstack/cloud.ts';
import { Drama } from './openstack/drama.ts';
import { type SandboxProject, SandboxRegion } from './sandbox-region.ts';

export const demoNamespace = 'region';

const regionNames = ['eu-west', 'us-east', 'ap-south'] as const;
const roles = ['web', 'db', 'batch', 'gpu', 'cache'] as const;
const serversPerProject = 10;
/** How long a cloud's task (building, powering off) takes: long enough to be seen by a poll. */
const taskMs = 2_500;
/** Between two moments of a region, on average. */
const everyMs = 4_500;

export class DemoFleet {
  readonly cluster: SandboxKubernetes;
  readonly regions: readonly SandboxRegion[];
  readonly projects: readonly SandboxProject[];
  readonly #names = new Map<string, string>();

  private constructor(cluster: SandboxKubernetes, regions: readonly SandboxRegion[]) {
    this.cluster = cluster;
    this.regions = regions;
    this.projects = regions.flatMap((region) => [
      region.addProject({ organization: 'acme' }),
      region.addProject({ organization: 'globex' }),
    ]);
    for (const [index, project] of this.projects.entries()) this.#fill(project, index % 2 === 0 ? 'a' : 'g');
  }

  static async start(): Promise<DemoFleet> {
    const cluster = await SandboxKubernetes.start();
    const regions: SandboxRegion[] = [];
    for (const name of regionNames) {
      const cloud = await SandboxCloud.start({ taskMs, latencyMs: 5 });
      regions.push(new SandboxRegion({ cluster, cloud, namespace: demoNamespace, name }));
    }
    return new DemoFleet(cluster, regions);
  }

  get size(): number {
    return this.#names.size;
  }

  serverName(id: string): string {
    return this.#names.get(id) ?? id.slice(0, 8);
  }

  regionName(id: string): string {
    return this.regions.find((region) => region.id === id)?.name ?? id.slice(0, 8);
  }

  /** Lets the servers live: something happens every few seconds, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const dramas = this.regions.map(
      ({ cloud }, index) => new Drama(cloud, { seed: Date.now() + index, everyMs }),
    );
    // Nobody should have to wait for the first thing to happen.
    dramas[0]?.step();
    await Promise.all(dramas.map(async (drama) => drama.run(signal)));
  }

  async close(): Promise<void> {
    await Promise.all([this.cluster.close(), ...this.regions.map(async ({ cloud }) => cloud.close())]);
  }

  /** Most servers run since long, so that the first poll does not tell what is no news. */
  #fill(project: SandboxProject, prefix: string): void {
    for (let index = 0; index < serversPerProject; index++) {
      const role = roles[index % roles.length] ?? 'web';
      const name = `${prefix}-${role}-${index + 1}`;
      const { id } = project.addServer({ name, status: longRunning });
      this.#names.set(id, name);
    }
  }
}

const longRunning: JsonObject = {
  phase: 'Running',
  conditions: [
    {
      type: 'Healthy',
      status: 'True',
      reason: 'Healthy',
      message: 'server is healthy',
      lastTransitionTime: new Date(Date.now() - 86_400_000).toISOString().replace(/\.\d+/, ''),
    },
  ],
};
