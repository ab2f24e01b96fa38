// The life of a bare-metal server in the demo, over and over: it waits for a machine, is deployed, runs, gets another image,
// and goes. What the platform's controllers do to its Server object is done here, too.

import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../shared/clock.ts';
import type { SandboxProject, SandboxServer } from './sandbox-region.ts';

export interface MetalStoryOptions {
  readonly project: SandboxProject;
  readonly flavorId: string;
  /** Display name of each of the servers that come one after another. */
  readonly name: string;
  /** Length of a chapter: long enough to be seen by a poll. */
  readonly chapterMs: number;
  readonly clock?: Pick<Clock, 'sleep'>;
  /** Given every server that is made. */
  readonly onServer: (server: SandboxServer) => void;
}

export class MetalStory {
  readonly #options: MetalStoryOptions;

  constructor(options: MetalStoryOptions) {
    this.#options = options;
  }

  /** Goes on until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { chapterMs, clock = systemClock } = this.#options;
    try {
      while (!signal.aborted) {
        for (const chapter of this.#chapters()) {
          chapter();
          await clock.sleep(chapterMs, signal);
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** One life; each step is a chapter. */
  #chapters(): readonly (() => void)[] {
    const { project, flavorId, name, onServer } = this.#options;
    const { cluster, cloud, namespace } = project.region;
    const { nodes } = cloud;
    const server = project.addServer({
      name,
      cloud: { status: 'BUILD', taskState: 'scheduling', flavorId },
      status: { phase: 'Pending' },
    });
    const { id, providerId } = server;
    onServer(server);
    const node = nodes.all().find(({ serverId }) => serverId === null) ?? nodes.add();
    return [
      rest,
      () => void nodes.update(node.id, { serverId: providerId, provisionState: 'available' }),
      () => {
        cloud.updateServer(providerId, { taskState: 'spawning' });
        nodes.update(node.id, { provisionState: 'deploying' });
      },
      () => void nodes.update(node.id, { provisionState: 'wait call-back' }),
      () => {
        nodes.update(node.id, { provisionState: 'active' });
        cloud.updateServer(providerId, { status: 'ACTIVE' });
      },
      rest,
      () => {
        const targetImageID = randomUUID();
        const rebuild = { targetImageID, state: 'Initiated' };
        cluster.patchStatus('servers', namespace, id, { status: { rebuild } });
        cloud.rebuild(providerId, targetImageID, { gradual: true });
      },
      rest,
      rest,
      () => void cluster.patchStatus('servers', namespace, id, { status: { rebuild: null } }),
      rest,
      () => {
        cluster.delete('servers', namespace, id);
        cloud.deleteServer(providerId);
        nodes.update(node.id, { serverId: null, provisionState: 'available' });
      },
    ];
  }
}

/** A chapter in which nothing happens. */
function rest(): void {}
