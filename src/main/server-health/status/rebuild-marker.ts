// How far a rebuild has come that the platform asked for (profile v1.19). Its controllers wait for the last state. The
// marker only goes forward, and is never made, cleared or given another target here.

import type { Observation } from '../../../shared/observation.ts';
import type { RebuildMarker } from '../../../shared/server-record.ts';

const ranks: ReadonlyMap<string, number> = new Map([
  ['Initiated', 1],
  ['Rebuilding', 2],
  ['Succeeded', 3],
  ['Failed', 3],
]);

type Evidence = Pick<Observation, 'stage' | 'taskRuns' | 'imageId'>;

/** The marker itself when there is nothing to advance. */
export function advancedRebuild(marker: RebuildMarker | null, evidence: Evidence): RebuildMarker | null {
  const rank = marker === null ? undefined : ranks.get(marker.state);
  if (marker === null || rank === undefined) return marker;
  const state = observedState(marker, rank, evidence);
  return state === null || (ranks.get(state) ?? 0) <= rank ? marker : { ...marker, state };
}

/** Whether the cloud has yet to say how it ends. */
export function isRebuildPending(marker: RebuildMarker | null): boolean {
  return marker !== null && (ranks.get(marker.state) ?? 3) < 3;
}

function observedState(
  { targetImageId }: RebuildMarker,
  rank: number,
  { stage, taskRuns, imageId }: Evidence,
): 'Rebuilding' | 'Succeeded' | 'Failed' | null {
  const failed = stage === 'failed';
  const active = taskRuns || stage === 'rebuilding';
  if (imageId === targetImageId.toLowerCase()) {
    if (failed) return 'Failed';
    return active ? 'Rebuilding' : 'Succeeded';
  }
  // A server of another image says something of this rebuild only once the cloud has accepted it.
  const accepted = rank >= 2;
  const over = failed || (imageId !== null && !active);
  return accepted && over ? 'Failed' : null;
}
