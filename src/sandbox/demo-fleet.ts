// The demo: three simulated regions with some sixty servers that live by themselves.

import { type Profile, SandboxKubernetes } from './kubernetes/api.ts';
import type { JsonObject } from './kubernetes/object.ts';
import { runLoadBalancerStory } from './load-balancer-story.ts';
import { MetalStory } from './metal-story.ts';
import { runNetworkStory } from './network-story.ts';
import { SandboxCloud } from './openstack/cloud.ts';
import { Drama } from './openstack/drama.ts';
import { type SandboxProject, SandboxRegion } from './sandbox-region.ts';

export const demoNamespace = 'region';

const regionNames = ['eu-west', 'us-east', 'ap-south'] as const;
const roles = ['web', 'db', 'batch', 'gpu', 'cache'] as const;
const serversPerProject = 10;
/** How long a cloud's task (building, powering off) takes: long enough to be seen by a poll. */
const taskMs = 2_500;
/** Each step of a bare-metal server. */
const metalChapterMs = 6_000;
const metalFlavor = {
  id: '44444444-4444-4444-8444-444444444444',
  name: 'bm1.large',
  vcpus: 64,
  ramMib: 524_288,
  diskGib: 1_900,
};
/** Each step of the load balancer's. */
const balancerChapterMs = 8_000;
/** Of the region whose network service goes away. */
const networkChapterMs = { up: 15_000, down: 10_000 };
/** Between two moments of a region, on average. */
const everyMs = 4_500;

export class DemoFleet {
  readonly cluster: SandboxKubernetes;
  readonly regions: readonly SandboxRegion[];
  readonly projects: readonly SandboxProject[];
  readonly #names = new Map<string, string>();
  readonly #balancers = new Map<string, string>();

  private constructor(cluster: SandboxKubernetes, regions: readonly SandboxRegion[]) {
    this.cluster = cluster;
    this.regions = regions;
    this.projects = regions.flatMap((region) => [
      region.addProject({ organization: 'acme' }),
      region.addProject({ organization: 'globex' }),
    ]);
    for (const [index, project] of this.projects.entries()) this.#fill(project, index % 2 === 0 ? 'a' : 'g');
  }

  /** `definitions`: the release whose definitions the cluster has. */
  static async start(definitions: Profile): Promise<DemoFleet> {
    const cluster = await SandboxKubernetes.start({ profile: definitions });
    const regions: SandboxRegion[] = [];
    for (const name of regionNames) {
      const cloud = await SandboxCloud.start({ taskMs, latencyMs: 5 });
      cloud.addFlavor(metalFlavor);
      regions.push(
        new SandboxRegion({
          cluster,
          cloud,
          namespace: demoNamespace,
          name,
          baremetalFlavorIds: [metalFlavor.id],
        }),
      );
    }
    return new DemoFleet(cluster, regions);
  }

  get size(): number {
    return this.#names.size;
  }

  serverName(id: string): string {
    return this.#names.get(id) ?? this.#balancers.get(id) ?? id.slice(0, 8);
  }

  regionName(id: string): string {
    return this.regions.find((region) => region.id === id)?.name ?? id.slice(0, 8);
  }

  /** Lets the servers live: something happens every few seconds, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const metal = this.#metalStory();
    const dramas = this.regions.map(({ cloud, id }, index) => {
      const projectIds = this.projects
        .filter(({ region }) => region.id === id)
        .map(({ credentials }) => credentials.projectId);
      return new Drama(cloud, { seed: Date.now() + index, everyMs, projectIds });
    });
    // Nobody should have to wait for the first thing to happen.
    dramas[0]?.step();
    await Promise.all([
      metal?.run(signal),
      this.#loadBalancer(signal),
      this.#network(signal),
      ...dramas.map(async (drama) => drama.run(signal)),
    ]);
  }

  async close(): Promise<void> {
    await Promise.all([this.cluster.close(), ...this.regions.map(async ({ cloud }) => cloud.close())]);
  }

  async #network(signal: AbortSignal): Promise<void> {
    const cloud = this.regions.at(-1)?.cloud;
    if (cloud !== undefined) await runNetworkStory({ cloud, chapterMs: networkChapterMs }, signal);
  }

  async #loadBalancer(signal: AbortSignal): Promise<void> {
    const [, project] = this.projects;
    if (project === undefined) return;
    await runLoadBalancerStory(
      {
        project,
        name: 'g-front',
        chapterMs: balancerChapterMs,
        onLoadBalancer: ({ id, name }) => this.#balancers.set(id, name),
      },
      signal,
    );
  }

  /** In a project of its own, whose servers nobody else stops or deletes. */
  #metalStory(): MetalStory | null {
    const [region] = this.regions;
    if (region === undefined) return null;
    return new MetalStory({
      project: region.addProject({ organization: 'acme' }),
      flavorId: metalFlavor.id,
      name: 'a-metal-1',
      chapterMs: metalChapterMs,
      onServer: ({ id, name }) => this.#names.set(id, name),
    });
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
