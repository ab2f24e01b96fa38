// A fault that can be injected for a while.

import type { CloudServer } from '../src/sandbox/openstack/server.ts';
import type { SoakRegion } from './fleet.ts';
import type { Random } from './random.ts';
import type { Stage } from './stage.ts';

/** Ends the fault. */
export type Heal = () => void | Promise<void>;

export interface Scene {
  readonly stage: Stage;
  /** The region that suffers, where it is one region's fault. */
  readonly target: SoakRegion;
  readonly random: Random;
  readonly periodMs: number;
}

export interface Fault {
  /** As in docs/reliability.md, or shorter. */
  readonly name: string;
  readonly group: 'cloud' | 'Kubernetes' | 'process';
  /** What it has for itself: faults of one region, or of all Kubernetes or the process, that take the same do not meet. */
  readonly takes?: string;
  /** Milliseconds that it lasts at most; unless given, as long as there is time. */
  readonly mostMs?: number;
  readonly inject: (scene: Scene) => Heal | Promise<Heal>;
}

/** For a fault that is over as soon as it was injected. */
export const overAlready: Heal = () => {};

/** One that answers. */
export function oneServer({ target: { region }, random }: Scene): CloudServer {
  return random.pick(region.cloud.servers().filter(({ cellDown }) => !cellDown));
}
