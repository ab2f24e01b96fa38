// What a worker thread lends to its checks.

import { BodyMemory } from './body-memory.ts';

export interface WorkerTools {
  /** For the answers that they receive. */
  readonly memory: BodyMemory;
}

/** For a check that runs outside of a worker thread. */
export function ownTools(): WorkerTools {
  return { memory: new BodyMemory() };
}
