// What becomes of the replicas of a soak, one fault after another or two at once.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ShardedFleet } from '../test/fixtures/shards/sharded-fleet.ts';
import type { Random } from './random.ts';
import type { Replica, ReplicaCrew } from './replica-crew.ts';

interface ReplicaScene {
  readonly fleet: ShardedFleet;
  readonly crew: ReplicaCrew;
  readonly random: Random;
  readonly leaseMs: number;
}

export interface ReplicaFault {
  readonly name: string;
  /** Injects it and heals it; `target` is left alone by what goes on at the same time. */
  readonly play: (scene: ReplicaScene, target: Replica) => Promise<void>;
  /** It concerns all replicas: nothing else goes on at the same time. */
  readonly alone?: boolean;
}

const extraRegions = 2;

export const replicaFaults: readonly ReplicaFault[] = [
  {
    name: 'SIGTERM, and another start',
    play: async ({ crew, random, leaseMs }, target) => {
      await crew.end(target, 'SIGTERM');
      await sleep(random.whole(0, leaseMs));
      await crew.start();
    },
  },
  {
    name: 'SIGKILL, and another start',
    play: async ({ crew, random, leaseMs }, target) => {
      await crew.end(target, 'SIGKILL');
      await sleep(random.whole(0, 2 * leaseMs));
      await crew.start();
    },
  },
  {
    name: 'a replica stands still, and wakes',
    play: async ({ random, leaseMs }, target) => {
      const { child } = target.process;
      const fromMs = Date.now();
      child.kill('SIGSTOP');
      await sleep(random.whole(leaseMs / 4, 2.5 * leaseMs));
      child.kill('SIGCONT');
      target.disturbed = { fromMs, untilMs: Date.now() };
    },
  },
  {
    name: 'a replica is cut off from the API server, both ways',
    play: async ({ random, leaseMs }, target) => {
      const fromMs = Date.now();
      target.way.silence();
      await sleep(random.whole(leaseMs / 2, 2.5 * leaseMs));
      // What was silent stays so: a network that comes back has forgotten its connections.
      target.way.cut();
      target.way.mend();
      target.disturbed = { fromMs, untilMs: Date.now() };
    },
  },
  {
    name: 'connections of a replica to the API server break',
    play: async ({ random, leaseMs }, target) => {
      const fromMs = Date.now();
      target.way.cut();
      await sleep(random.whole(0, leaseMs));
      target.way.mend();
      target.disturbed = { fromMs, untilMs: Date.now() };
    },
  },
  {
    name: 'the API server is away',
    alone: true,
    play: async ({ crew, random, leaseMs }) => {
      const fromMs = Date.now();
      for (const { way } of crew.alive) way.cut();
      await sleep(random.whole(leaseMs / 2, 3 * leaseMs));
      for (const replica of crew.alive) {
        replica.way.mend();
        replica.disturbed = { fromMs, untilMs: Date.now() };
      }
    },
  },
  {
    name: 'all are restarted, one after the other',
    alone: true,
    play: async ({ crew }) => {
      for (const replica of crew.alive) {
        await crew.start();
        await crew.end(replica, 'SIGTERM');
      }
    },
  },
  {
    name: 'a replica more, for a while',
    play: async ({ crew, random, leaseMs }) => {
      await crew.start();
      const added = crew.alive.at(-1);
      await sleep(random.whole(0, 3 * leaseMs));
      if (added !== undefined) await crew.end(added, random.chance(0.5) ? 'SIGTERM' : 'SIGKILL');
    },
  },
  {
    name: 'a Region comes, or goes',
    play: async ({ fleet, random }) => {
      const extra = fleet.regions.filter((name) => name.startsWith('extra-'));
      if (extra.length < extraRegions) await fleet.addRegions([`extra-${random.whole(0, 1_000_000)}`]);
      else await fleet.removeRegion(random.pick(extra));
    },
  },
];
