// Servers that live by themselves: builds, stops and starts, failures and recoveries, deletions and replacements. The
// same seed makes the same drama.

import { type Clock, systemClock } from '../../shared/clock.ts';
import type { SandboxCloud } from './cloud.ts';
import type { CloudServer, NewServer } from './server.ts';

export interface DramaOptions {
  /** 1 unless given. */
  readonly seed?: number;
  /** Milliseconds between two moments, on average: 2500 unless given. */
  readonly everyMs?: number;
  readonly clock?: Clock;
  /** Projects that take part; all unless given. */
  readonly projectIds?: readonly string[];
  /** Asked now and then for a server to build; without it only servers that are deleted are built anew. */
  readonly invent?: () => { readonly projectId: string; readonly server: NewServer } | null;
  /** Told of every moment. */
  readonly onMoment?: (moment: Moment) => void;
}

export interface Moment {
  readonly what:
    | 'build'
    | 'failed-build'
    | 'stop'
    | 'start'
    | 'pause'
    | 'unpause'
    | 'fail'
    | 'recover'
    | 'delete';
  readonly server: CloudServer;
}

const buildFaults = [
  'No valid host was found. There are not enough hosts available.',
  'Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures.',
  'Build of instance aborted: Failed to allocate the network(s), not rescheduling.',
  'Image 33333333-3333-4333-8333-333333333333 could not be found.',
];
const faults = [
  'internal error: process exited while connecting to monitor: Cannot allocate memory',
  'Unable to read from monitor: Connection reset by peer',
  'Virtual Interface creation failed',
  'Timed out waiting for a reply to message ID 5c1ff7a9d6d94a1e9bd0b8d2a2d1e2c4',
  'Failed to power on the node: IPMI call failed: power on.',
];

export class Drama {
  readonly #cloud: SandboxCloud;
  readonly #options: DramaOptions;
  readonly #random: () => number;
  /** Servers that are being deleted, to be built anew when they are gone. */
  readonly #leaving = new Set<string>();

  constructor(cloud: SandboxCloud, options: DramaOptions = {}) {
    this.#cloud = cloud;
    this.#options = options;
    this.#random = randomNumbers(options.seed ?? 1);
  }

  /** Goes on until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock = systemClock, everyMs = 2500 } = this.#options;
    while (!signal.aborted) {
      try {
        await clock.sleep(everyMs * (0.5 + this.#random()), signal);
      } catch {
        return;
      }
      this.step();
    }
  }

  /** One moment; null when no server is free to act. */
  step(): Moment | null {
    const moment = this.#replacement() ?? this.#invention() ?? this.#turn();
    if (moment !== null) this.#options.onMoment?.(moment);
    return moment;
  }

  #replacement(): Moment | null {
    for (const id of this.#leaving) {
      const gone = this.#cloud.server(id);
      if (gone !== undefined && gone.status !== 'DELETED') continue;
      this.#leaving.delete(id);
      if (gone !== undefined) {
        const { name, metadata, flavorId, imageId, userId } = gone;
        return this.#build(gone.projectId, { name, metadata, flavorId, imageId, userId });
      }
    }
    return null;
  }

  #invention(): Moment | null {
    if (this.#options.invent === undefined || this.#random() > 0.1) return null;
    const invented = this.#options.invent();
    return invented === null ? null : this.#build(invented.projectId, invented.server);
  }

  #build(projectId: string, server: NewServer): Moment {
    const { status: _, fault: __, ...rest } = server;
    const fails = this.#random() < 0.15;
    const fault = fails ? { fault: this.#pick(buildFaults) ?? '' } : {};
    return {
      what: fails ? 'failed-build' : 'build',
      server: this.#cloud.build(projectId, { ...rest, ...fault, gradual: true }),
    };
  }

  #turn(): Moment | null {
    const idle = this.#servers().filter((server) => server.taskState === null && !server.cellDown);
    const troubled = idle.filter((server) => server.status !== 'ACTIVE');
    // Trouble ends as often as it begins, so most servers run.
    const server = this.#pick(this.#random() < 0.5 && troubled.length > 0 ? troubled : idle);
    if (server === null) return null;
    const what = this.#next(server);
    this.#play(server, what);
    return { what, server: this.#cloud.server(server.id) ?? server };
  }

  #next(server: CloudServer): Moment['what'] {
    if (server.status === 'SHUTOFF') return 'start';
    if (server.status === 'PAUSED') return 'unpause';
    if (server.status === 'ERROR') return server.launchedMs === null ? 'delete' : 'recover';
    if (server.status !== 'ACTIVE') return 'recover';
    const chance = this.#random();
    if (chance < 0.45) return 'stop';
    if (chance < 0.7) return 'fail';
    return chance < 0.9 ? 'delete' : 'pause';
  }

  #play({ id }: CloudServer, what: Moment['what']): void {
    if (what === 'fail') this.#cloud.fail(id, this.#pick(faults) ?? '');
    else if (what === 'stop') this.#cloud.stop(id, { gradual: true });
    else if (what === 'start') this.#cloud.start(id, { gradual: true });
    else if (what === 'recover') this.#cloud.act(id, 'reboot', { gradual: true });
    else if (what === 'pause' || what === 'unpause') this.#cloud.act(id, what, { gradual: true });
    else {
      this.#leaving.add(id);
      this.#cloud.deleteServer(id, { gradual: true });
    }
  }

  #servers(): CloudServer[] {
    const { projectIds } = this.#options;
    if (projectIds === undefined) return this.#cloud.servers();
    return projectIds.flatMap((projectId) => this.#cloud.servers(projectId));
  }

  #pick<T>(from: readonly T[]): T | null {
    return from[Math.floor(this.#random() * from.length)] ?? null;
  }
}

/** Numbers from 0 to 1, the same for the same seed (a linear congruence, mixed): good enough to play with. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  };
}
