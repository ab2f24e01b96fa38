// What one check does of each region for all that run: it reads how the region is reached, lets it rest, and judges how it
// is. The server-health check does so where it runs; else the next of this list.

import type { Cycle } from '../../shared/checker.ts';
import type { Clock } from '../../shared/clock.ts';
import type { CheckError } from '../../shared/errors.ts';
import type { CheckName } from '../options/check-names.ts';
import type { EndedPolls } from '../polls/ended-polls.ts';
import type { AccessOutcome, AccessReader } from '../regions/access.ts';
import type { PollOutcome } from '../regions/poll-health.ts';
import type { Region } from '../regions/region.ts';
import type { Regions } from '../regions/regions.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** The first that runs. */
const order: readonly CheckName[] = ['server-health', 'region-health', 'load-balancer-health'];

/** The check that leads; null where that is `name` itself. */
export function leaderOf(name: CheckName, running: readonly CheckName[]): CheckName | null {
  const leader = order.find((each) => running.includes(each)) ?? name;
  return leader === name ? null : leader;
}

/** How long the leader is waited for at most. */
const leaderMs = 10_000;

/** Lets the leader poll the region first, where there is no login to share yet. Half of the time is for the check itself. */
export async function leaderFirst(
  leader: string,
  region: Region,
  { cycle, endedPolls, clock }: { cycle: Cycle; endedPolls: EndedPolls; clock: Pick<Clock, 'monotonicMs'> },
): Promise<void> {
  const mostMs = Math.min(leaderMs, (cycle.deadlineMs - clock.monotonicMs()) / 2);
  await endedPolls.when(leader, region, { number: cycle.number, mostMs, signal: cycle.signal });
}

export interface LeadOptions {
  readonly access: Pick<AccessReader, 'read'>;
  readonly regions: Pick<Regions, 'get'>;
  readonly metrics: Pick<Metrics, 'regionPolled'>;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
}

interface LedPoll {
  readonly outcome: PollOutcome;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
}

export class Lead {
  readonly #options: LeadOptions;

  constructor(options: LeadOptions) {
    this.#options = options;
  }

  /** Reads the access. Null when the region is not to be asked in this poll, or is gone. */
  async begin(region: Region, cycle: Cycle): Promise<AccessOutcome | null> {
    const { access, regions, clock } = this.#options;
    const resolved = await access.read(region.record, cycle.signal);
    if (cycle.signal.aborted || regions.get(region) !== region) return null;
    // A change of the Secret ends a rest, so it was read first.
    if (resolved.ok) region.use(resolved.result);
    else if (resolved.lasting) region.loseAccess();
    return region.health.takeTurn(clock.monotonicMs()) ? resolved : null;
  }

  /** `failure` is why the region did not answer; null when it did. */
  judge({ health }: Region, failure: CheckError | null): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (failure === null) health.succeeded(nowMs);
    else health.failed(failure, nowMs);
  }

  /** Records a poll that has ended, and was judged. */
  ended({ health, name, displayName }: Region, { outcome, startedMs }: LedPoll): void {
    const { clock, metrics } = this.#options;
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    health.ended({ outcome, seconds, endedAt: clock.now() });
    metrics.regionPolled({ regionId: name, regionName: displayName, outcome, seconds });
  }
}
