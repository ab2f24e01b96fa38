// What happens all the time without anything being wrong: servers change in the clouds, objects come and go in Kubernetes,
// others write to them.

import { setTimeout as sleep } from 'node:timers/promises';
import { Drama } from '../src/sandbox/openstack/drama.ts';
import type { SandboxProject } from '../src/sandbox/sandbox-region.ts';
import { kubernetesTime } from '../src/shared/conditions.ts';
import type { ServerRecord } from '../src/shared/server-record.ts';
import { namespace } from '../test/fixtures/clouds/sandbox.ts';
import { steady, taskMs } from './fleet.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

/** Objects that there are, at least and at most. */
const fewest = 40;
const mostMore = 30;
/** Between two moments in the life of a region, on average. */
const dramaMs = 800;
const everyMs = 700;
/** Statuses that the dramas do not know; they recover from them. */
const odd = ['SUSPENDED', 'RESCUE', 'SHELVED_OFFLOADED', 'UNKNOWN', 'TELEPORTING'];

export class Everyday {
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #dramas: readonly Drama[];
  readonly #actions: readonly (() => void)[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** By name of the object, what another writer wrote into its condition Available last. */
  readonly #others = new Map<string, string>();
  #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #created = 0;
  /** How often each thing happened. */
  readonly counts = new Map<string, number>();

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
    this.#dramas = stage.regions
      .filter(({ id }) => id !== steady)
      .map(
        ({ region }) =>
          new Drama(region.cloud, {
            seed: random.whole(1, 1_000_000),
            everyMs: dramaMs,
            onMoment: ({ what }) => this.#count(what),
          }),
      );
    this.#actions = [
      () => this.#create(),
      () => this.#create(),
      () => this.#remove(),
      () => this.#replace(),
      () => this.#rename(),
      () => this.#writeBeside(),
      () => this.#turnOdd(),
    ];
  }

  begin(): void {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#running = Promise.all([this.#act(signal), ...this.#dramas.map(async (drama) => drama.run(signal))]);
  }

  /** Resolves when nothing changes any more. */
  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    // Tasks of the clouds that were begun come to their end.
    await sleep(taskMs + 200);
  }

  /** What another writer wrote into the condition Available of an object; undefined for nothing. */
  available(name: string): string | undefined {
    return this.#others.get(name);
  }

  close(): void {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #act(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(everyMs * this.#random.between(0.5, 1.5), undefined, { signal }).catch(() => {});
      if (!signal.aborted) this.#random.pick(this.#actions)();
    }
  }

  #create(): void {
    if (this.#servers().length >= fewest + mostMore) return;
    const region = this.#random.pick(this.#stage.regions.filter(({ id }) => id !== steady));
    const project: SandboxProject = this.#random.pick(region.projects);
    const id = `${region.id}-new-${++this.#created}`;
    const cloud = { status: 'BUILD' };
    const { providerId } = this.#stage.sandbox.addServer(project, {
      id,
      cloud,
      owned: this.#random.chance(0.8),
    });
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const { cloud } = region.region;
      if (cloud.server(providerId)?.status === 'BUILD') cloud.updateServer(providerId, { status: 'ACTIVE' });
    }, taskMs);
    this.#timers.add(timer);
    this.#count('object created');
  }

  /** In Kubernetes and in the cloud, in either order. */
  #remove(): void {
    const servers = this.#servers();
    if (servers.length <= fewest) return;
    const { name } = this.#random.pick(servers);
    const first = this.#random.chance(0.5);
    if (first) this.#removeFromCloud(name);
    this.#stage.sandbox.cluster.delete('servers', namespace, name);
    if (!first) this.#removeFromCloud(name);
    this.#others.delete(name);
    this.#count('object deleted');
  }

  #removeFromCloud(name: string): void {
    const server = this.#stage.truth.server(name);
    if (server === undefined || server.status === 'DELETED') return;
    this.#cloudOf(name)?.deleteServer(server.id);
  }

  /** Another object of the same name, for the same server. */
  #replace(): void {
    const { cluster } = this.#stage.sandbox;
    const { name } = this.#random.pick(this.#servers());
    const object = cluster.get('servers', namespace, name);
    if (object === undefined) return;
    cluster.delete('servers', namespace, name);
    const { labels } = object.metadata;
    cluster.apply({
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: { name, namespace, ...(labels === undefined ? {} : { labels }) },
      spec: object.spec ?? {},
    });
    this.#others.delete(name);
    this.#count('object replaced');
  }

  #rename(): void {
    const { name } = this.#random.pick(this.#servers());
    const server = this.#stage.truth.server(name);
    // Those without metadata would be lost by the next start: a limit that is documented.
    if (
      server === undefined ||
      server.status === 'DELETED' ||
      server.metadata['region:server_id'] === undefined
    )
      return;
    this.#cloudOf(name)?.rename(server.id, `${name}-${this.#random.whole(1, 1_000)}`);
    this.#count('rename');
  }

  #writeBeside(): void {
    const { sandbox } = this.#stage;
    const { name, conditions } = this.#random.pick(this.#servers());
    const message = `number ${this.#random.whole(1, 1_000_000)}`;
    const available = {
      type: 'Available',
      status: 'True',
      reason: 'Provisioned',
      message,
      lastTransitionTime: kubernetesTime(Date.now()),
    };
    const others = conditions.filter(({ type }) => type !== 'Available').map((each) => ({ ...each }));
    sandbox.cluster.patchStatus('servers', namespace, name, {
      status: { conditions: [...others, available] },
    });
    this.#others.set(name, message);
    this.#count('write of another');
  }

  #turnOdd(): void {
    const { name } = this.#random.pick(this.#servers());
    const server = this.#stage.truth.server(name);
    if (server === undefined || server.status !== 'ACTIVE' || server.taskState !== null || server.cellDown)
      return;
    const status = this.#random.pick(odd);
    this.#cloudOf(name)?.updateServer(server.id, { status });
    this.#count('odd status');
  }

  /** Those that anything may happen to. */
  #servers(): readonly ServerRecord[] {
    return this.#stage.histories
      .live()
      .map(({ server }) => server)
      .filter(({ regionId }) => regionId !== steady);
  }

  #cloudOf(name: string) {
    const server = this.#stage.truth.server(name);
    return this.#stage.regions.find(({ projects }) =>
      projects.some(({ credentials }) => credentials.projectId === server?.projectId),
    )?.region.cloud;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
