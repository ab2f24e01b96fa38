// The life of a load balancer in the demo, over and over: a member fails, then another, and they come back.

import { type Clock, systemClock } from '../shared/clock.ts';
import type { SandboxProject, SandboxServer } from './sandbox-region.ts';

export interface LoadBalancerStoryOptions {
  readonly project: SandboxProject;
  /** Display name. */
  readonly name: string;
  /** Length of a chapter: long enough to be seen by a poll. */
  readonly chapterMs: number;
  readonly onLoadBalancer?: (added: SandboxServer) => void;
  readonly clock?: Pick<Clock, 'sleep'>;
}

const chapters = [
  { operatingStatus: 'ONLINE', members: ['ONLINE', 'ONLINE', 'ONLINE'] },
  { operatingStatus: 'DEGRADED', members: ['ERROR', 'ONLINE', 'ONLINE'] },
  { operatingStatus: 'ONLINE', members: ['ONLINE', 'ONLINE', 'ONLINE'] },
  { operatingStatus: 'ERROR', members: ['ERROR', 'ERROR', 'ERROR'] },
] as const;

/** Runs until the signal aborts. */
export async function runLoadBalancerStory(
  { project, name, chapterMs, onLoadBalancer, clock = systemClock }: LoadBalancerStoryOptions,
  signal: AbortSignal,
): Promise<void> {
  const added = project.addLoadBalancer({ name });
  onLoadBalancer?.(added);
  const { loadBalancers } = project.region.cloud;
  for (let chapter = 1; !signal.aborted; chapter++) {
    try {
      await clock.sleep(chapterMs, signal);
    } catch {
      return;
    }
    const now = chapters[chapter % chapters.length];
    if (now !== undefined) loadBalancers.update(added.providerId, now);
  }
}
