// How long something that a region refuses is left alone.

/** Longest pause that Retry-After is granted. */
export const longestPauseMs = 300_000;
/** Longest pause between two logins that are refused. */
export const longestRefusalMs = 600_000;

/**
 * A password that is refused again and again is tried less and less, so that the cloud does not lock its user: by the
 * next poll, then after 2, 4, … polls. Half a period less, for the poll that is meant may begin a little early.
 */
export function refusalPauseMs(refusals: number, pollPeriodMs: number): number {
  if (refusals <= 1) return 0;
  const polls = 2 ** Math.min(refusals - 1, 16);
  return Math.min((polls - 0.5) * pollPeriodMs, longestRefusalMs);
}
