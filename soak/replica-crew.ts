// The replicas of a soak: each with a way of its own to the API server, and some with a clock that is wrong.

import type { SharedCleanup } from '../test/fixtures/cleanup.ts';
import { TcpProxy } from '../test/fixtures/clouds/tcp-proxy.ts';
import type { MonitorProcess } from '../test/fixtures/monitor/monitor-process.ts';
import type { ShardedFleet } from '../test/fixtures/shards/sharded-fleet.ts';
import type { Random } from './random.ts';

export interface Replica {
  readonly name: string;
  readonly process: MonitorProcess;
  /** To the API server. */
  readonly way: TcpProxy;
  /** When it was last stopped or cut off, epoch milliseconds. */
  disturbed: { readonly fromMs: number; readonly untilMs: number };
}

/** A replica that was killed: lines of writes that it had in flight since then are lost. */
export interface Kill {
  readonly name: string;
  readonly sinceMs: number;
  readonly atMs: number;
}

/** A write takes so long at most, and so long after it was seen may its line be written. */
const flightMs = 5_000;
/** What could not be written, or read back, is tried again for so long after a disturbance. */
const recoveryMs = 20_000;
/** Ahead, not behind: certificates that were just made would not be valid yet. */
const mostAheadMs = 10 * 60_000;

export class ReplicaCrew {
  /** Another list after each start and end. */
  alive: readonly Replica[] = [];
  readonly kills: Kill[] = [];
  /** Stops that did not end with exit code 0. */
  readonly badEnds: string[] = [];
  readonly #fleet: ShardedFleet;
  readonly #server: string;
  readonly #cleanup: SharedCleanup;
  readonly #random: Random;
  #started = 0;

  constructor(parts: { fleet: ShardedFleet; server: string; cleanup: SharedCleanup; random: Random }) {
    this.#fleet = parts.fleet;
    this.#server = parts.server;
    this.#cleanup = parts.cleanup;
    this.#random = parts.random;
  }

  get names(): readonly string[] {
    return this.alive.map(({ name }) => name);
  }

  async start(): Promise<void> {
    const name = `replica-${this.#started++}`;
    const way = await TcpProxy.start(this.#server);
    this.#cleanup.teardown(async () => way.stop());
    const aheadMs = this.#random.chance(0.5) ? this.#random.whole(0, mostAheadMs) : 0;
    const wrong = `data:text/javascript,const now=Date.now;Date.now=()=>now()+${aheadMs}`;
    const env = aheadMs === 0 ? {} : { NODE_OPTIONS: `--import=${JSON.stringify(wrong)}` };
    const process = await this.#fleet.startReplica(name, { server: way.url, env });
    this.alive = [...this.alive, { name, process, way, disturbed: { fromMs: 0, untilMs: 0 } }];
  }

  async end(replica: Replica, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.alive = this.alive.filter((one) => one !== replica);
    const { name, process, disturbed } = replica;
    const sentMs = Date.now();
    const how = await process.end(signal);
    const atMs = Date.now();
    if (signal === 'SIGTERM' && how !== 0) this.badEnds.push(`${name} ended with ${how}`);
    if (signal !== 'SIGKILL') return;
    const recovering = sentMs - disturbed.untilMs < recoveryMs;
    this.kills.push({
      name,
      sinceMs: recovering ? disturbed.fromMs - flightMs : sentMs - flightMs,
      atMs: atMs + flightMs,
    });
  }

  /** Whether the line of a write that was seen at that time may be lost. */
  lost(writtenMs: number): boolean {
    return this.kills.some(({ sinceMs, atMs }) => writtenMs >= sinceMs && writtenMs <= atMs);
  }
}
