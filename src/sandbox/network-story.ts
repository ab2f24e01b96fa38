// The life of a region in the demo, over and over: its network service goes away, and returns.

import { type Clock, systemClock } from '../shared/clock.ts';
import type { SandboxCloud } from './openstack/cloud.ts';

export interface NetworkStoryOptions {
  readonly cloud: Pick<SandboxCloud, 'faults'>;
  /** How long the service works, and how long it is away: long enough to be seen by two polls. */
  readonly chapterMs: { readonly up: number; readonly down: number };
  readonly clock?: Pick<Clock, 'sleep'>;
}

/** Runs until the signal aborts. */
export async function runNetworkStory(
  { cloud, chapterMs, clock = systemClock }: NetworkStoryOptions,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) {
      await clock.sleep(chapterMs.up, signal);
      const outage = cloud.faults.add({ kind: 'status', status: 503 }, { route: 'GET /networking' });
      try {
        await clock.sleep(chapterMs.down, signal);
      } finally {
        outage.remove();
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
