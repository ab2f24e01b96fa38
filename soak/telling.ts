// Whether what was told is what happened: each transition once, in order, and nothing else.

import type { Transition } from './history.ts';

/**
 * How many transitions were not told, of those that may stay untold (`mayStayUntold`, by index); null when no such reading
 * fits: one was told twice, out of order, without having happened, or is missing.
 */
export function countUntold(
  happened: readonly Transition[],
  told: readonly Transition[],
  mayStayUntold: (index: number) => boolean,
): number | null {
  // By number of lines that are explained, the fewest transitions that were not told so far.
  let fewest: number[] = told.map(() => Number.POSITIVE_INFINITY);
  fewest = [0, ...fewest];
  for (const [index, transition] of happened.entries()) {
    const skip = mayStayUntold(index);
    const next = fewest.map((untold, lines) => {
      const line = lines === 0 ? undefined : told[lines - 1];
      const matched =
        line !== undefined && isSame(line, transition)
          ? (fewest[lines - 1] ?? Number.POSITIVE_INFINITY)
          : Number.POSITIVE_INFINITY;
      return Math.min(matched, skip ? untold + 1 : Number.POSITIVE_INFINITY);
    });
    fewest = next;
  }
  const untold = fewest.at(-1) ?? Number.POSITIVE_INFINITY;
  return Number.isFinite(untold) ? untold : null;
}

function isSame(a: Transition, b: Transition): boolean {
  return a.from === b.from && a.to === b.to;
}
