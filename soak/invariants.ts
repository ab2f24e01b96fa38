// What must hold whenever no fault is left.

import { steady } from './fleet.ts';
import { defects, openProblems, wrongTelling } from './saying.ts';
import type { Invariant, Scenery } from './scenery.ts';
import { downRegions, lies, lostWrites, wrongGauge, wronglyMissing, wrongStatuses } from './showing.ts';

/** They must hold soon after the last fault. */
export const awaited: readonly Invariant[] = [
  { name: 'every Server shows what its cloud says', breaches: wrongStatuses },
  { name: 'the gauge is the truth', breaches: wrongGauge },
  { name: 'every region is up, every breaker closed', breaches: downRegions },
  { name: 'every problem has ended, and was said to', breaches: openProblems },
  { name: 'every transition is told once, and nothing else', breaches: wrongTelling },
];

/** They must have held all along. */
export const standing: readonly Invariant[] = [
  { name: 'no status ever showed what was never true', breaches: lies },
  { name: 'no server is missed that was there', breaches: wronglyMissing },
  { name: 'what others write stays', breaches: lostWrites },
  { name: 'the region in which nothing happens is polled at its pace', breaches: lostPace },
  { name: 'memory and handles are near where they were', breaches: ({ residue }) => residue.breaches },
  { name: 'no page shows a secret, and /metrics can be read', breaches: ({ watcher }) => watcher.findings },
  { name: 'the log is lines of JSON that tell of no defect', breaches: defects },
  { name: 'every stop ends with 0', breaches: ({ stage }) => stage.lives.badEnds },
];

/** A poll that was under way while the process stood still, or began, may get no answer. */
const excusedByStall = 4;

function lostPace({ stage: { lives }, watcher }: Scenery): readonly string[] {
  const { begun, answered, unanswered } = watcher.pace;
  const excused = excusedByStall * (lives.stalls.length + lives.number) + begun * 0.02;
  const breaches: string[] = [];
  if (unanswered > excused) breaches.push(`${unanswered} of ${begun} polls of ${steady} got no answer`);
  if (answered + unanswered < begun / 1.05 - excused)
    breaches.push(`${answered + unanswered} polls of ${steady} where ${begun} were due`);
  return breaches;
}
