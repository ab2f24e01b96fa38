// Which lists a project is asked for: changes at most polls, and now and then everything. A complete list that does not fit
// into its time-outs must not cost what works: then changes are asked for first, and the complete list is tried in the
// time that is left, less and less often and in smaller pages.

import type { Project } from './project.ts';

export interface Lists {
  /** Ask for what changed since; null asks for everything alone. */
  readonly changesSince: string | null;
  /** Ask for everything. */
  readonly complete: boolean;
}

/** `every` is the number of polls between two complete lists. */
export function listsOf(
  { identityId, listedAt, view, nextListAt }: Project,
  { pollNumber, every }: { readonly pollNumber: number; readonly every: number },
): Lists {
  const { watermark } = view;
  if (watermark === null) return { changesSince: null, complete: true };
  const due = listedAt === null || isReconcileDue({ identityId, listedAt, pollNumber, every });
  if (!due) return { changesSince: watermark, complete: false };
  if (nextListAt === null) return { changesSince: null, complete: true };
  return { changesSince: watermark, complete: pollNumber >= nextListAt };
}

/**
 * Whether a project is due for a complete list. Projects take turns, by a hash of their id, so that complete lists do not
 * come all in one poll; none waits longer than `every` polls.
 */
export function isReconcileDue(project: {
  identityId: string;
  /** Number of the poll that last listed it completely. */
  listedAt: number;
  pollNumber: number;
  every: number;
}): boolean {
  const { identityId, listedAt, pollNumber, every } = project;
  return pollNumber - listedAt >= every || (hash(identityId) + pollNumber) % every === 0;
}

/** FNV-1a, 32 bits: spreads ids that differ in one character only. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
