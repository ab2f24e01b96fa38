// Which projects of a region are asked first.

interface Asked {
  /** Whether the last answer was an error. */
  readonly failing: boolean;
  /** When it was last asked, on any clock that only goes forward; null for never. */
  readonly askedAt: number | null;
}

/**
 * Projects that failed last time may hang again: they wait for the others, not the others for them. Where there is not time
 * for all, those go first whose turn did not come last time.
 */
export function inTurn<Project extends Asked>(projects: readonly Project[]): Project[] {
  return projects.toSorted(
    (a, b) => Number(a.failing) - Number(b.failing) || (a.askedAt ?? 0) - (b.askedAt ?? 0),
  );
}
