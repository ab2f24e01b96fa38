// What the monitor holds on to: memory, files and sockets, and connections to clouds and Kubernetes.

import { readdirSync } from 'node:fs';
import { memory } from '../bench/process-stats.ts';
import type { Stage } from './stage.ts';

export interface Holding {
  readonly rssMiB: number;
  readonly handles: number;
  /** To the cloud that has most. */
  readonly connections: number;
}

/** More than at first, at most. Memory that V8 gives back late is not lost. */
const mostMore = { rssMiB: 96, handles: 24 };
/** Requests at once to one region, of each of two threads, and one to spare. */
const mostConnections = 2 * (4 + 1);

export class Residue {
  readonly #stage: Stage;
  #first: Holding | null = null;
  #last: Holding | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Null before `measure`. */
  get first(): Holding | null {
    return this.#first;
  }

  get last(): Holding | null {
    return this.#last;
  }

  measure(): void {
    const pid = this.#stage.lives.current?.child.pid;
    if (pid === undefined) return;
    this.#last = {
      rssMiB: Math.round(memory([pid]).rssMiB),
      handles: handlesOf(pid),
      connections: Math.max(...this.#stage.regions.map(({ region }) => region.cloud.connections())),
    };
    this.#first ??= this.#last;
  }

  get breaches(): readonly string[] {
    const [first, last] = [this.#first, this.#last];
    if (first === null || last === null) return [];
    const breaches: string[] = [];
    if (last.rssMiB > first.rssMiB + mostMore.rssMiB)
      breaches.push(`${last.rssMiB} MiB, where it was ${first.rssMiB} at first`);
    if (last.handles > first.handles + mostMore.handles)
      breaches.push(`${last.handles} open files and sockets, where it were ${first.handles} at first`);
    if (last.connections > mostConnections) breaches.push(`${last.connections} connections to one cloud`);
    return breaches;
  }
}

function handlesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
