// How the timeouts and the poll period depend on each other: 0 < request < check < period. Those that are not given
// follow from those that are, so a poll period alone is always enough.

import { formatMs } from './durations.ts';

/** A duration that was given, and where: "--poll-period" or the name of an environment variable. */
export interface Chosen {
  readonly ms: number;
  readonly source: string;
}

export interface TimeoutChoice {
  readonly pollPeriod: Chosen;
  readonly checkTimeout: Chosen | undefined;
  readonly requestTimeout: Chosen | undefined;
  readonly transitionPollPeriod: Chosen | undefined;
}

export interface Timeouts {
  readonly checkTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

const longestRequestMs = 20_000;
const shortestTransitionMs = 1_000;

/**
 * The period nearest to the wanted one that fits a whole number of times into the poll period; the poll period itself
 * when there are no polls in between.
 */
export function transitionPeriod({ pollPeriod, transitionPollPeriod }: TimeoutChoice): number {
  const wanted = transitionPollPeriod?.ms ?? Math.max(pollPeriod.ms / 6, shortestTransitionMs);
  if (wanted === 0) return pollPeriod.ms;
  return pollPeriod.ms / Math.max(1, Math.round(pollPeriod.ms / wanted));
}

export function followingTimeouts({ pollPeriod, checkTimeout, requestTimeout }: TimeoutChoice): Timeouts {
  const checkTimeoutMs = checkTimeout?.ms ?? checkTimeoutFor(pollPeriod.ms, requestTimeout?.ms ?? 0);
  const requestTimeoutMs = requestTimeout?.ms ?? Math.min(longestRequestMs, Math.floor(checkTimeoutMs / 2));
  return { checkTimeoutMs, requestTimeoutMs };
}

/** Nine tenths of the period, unless a long request needs more: then half way between the two. */
function checkTimeoutFor(pollPeriodMs: number, requestTimeoutMs: number): number {
  return Math.floor(Math.max(pollPeriodMs * 0.9, (pollPeriodMs + requestTimeoutMs) / 2));
}

/** One line that says which settings contradict each other and what to change; undefined when none do. */
export function conflict(choice: TimeoutChoice): string | undefined {
  const { pollPeriod, checkTimeout, requestTimeout } = choice;
  if (checkTimeout !== undefined && checkTimeout.ms >= pollPeriod.ms)
    return tooLong(checkTimeout, pollPeriod);
  const following = followingTimeouts(choice);
  if (requestTimeout !== undefined && requestTimeout.ms >= following.checkTimeoutMs)
    return tooLong(requestTimeout, checkTimeout ?? pollPeriod);
  const { transitionPollPeriod } = choice;
  if (transitionPollPeriod !== undefined && transitionPollPeriod.ms > pollPeriod.ms)
    return tooLong(transitionPollPeriod, pollPeriod, 'must not be more than');
  return undefined;
}

function tooLong(shorter: Chosen, longer: Chosen, rule = 'must be less than'): string {
  return (
    `${shorter.source} (${formatMs(shorter.ms)}) ${rule} ${longer.source} (${formatMs(longer.ms)}): ` +
    `lower ${shorter.source} or raise ${longer.source}`
  );
}
