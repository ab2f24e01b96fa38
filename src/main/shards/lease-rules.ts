// What a replica does about the Leases of the shards, as rules without a clock, a network or a memory of their own.
//
// - A Lease has expired when it was not *seen* to change for its duration, on the own monotonic clock. Taking it names the
//   version that was seen last, so it fails if the holder did anything meanwhile.
// - The own Leases are renewed each third of their duration and given up at two thirds after the last renewal was sent:
//   long before anybody else may take them.
// - Who has more shards waits a little longer before taking another, so that replicas share without talking.
// - Who has two fewer than another asks that one for a shard; the holder hands it over, or refuses by taking the question
//   off the Lease.

import type { LeaseRecord } from '../kubernetes/objects/lease-record.ts';

/** What is known of the Lease of one shard. */
export interface LeaseView {
  readonly shard: number;
  /** Null while it does not exist. */
  readonly record: LeaseRecord | null;
  /** Monotonic milliseconds at which its holder was last seen to do something. */
  readonly seenMs: number;
  /** When the last renewal that succeeded was sent; null while this replica does not hold it. */
  readonly renewedMs: number | null;
  /** A request about it is under way. */
  readonly busy: boolean;
  /** No request about it before then, as the last one failed. */
  readonly notBeforeMs: number;
}

export interface LeaseState {
  readonly identity: string;
  readonly nowMs: number;
  readonly durationMs: number;
  /** 0 to 1, another one in each replica: spreads those that wait for the same. */
  readonly jitter: number;
  readonly leases: readonly LeaseView[];
}

export type Move =
  | { readonly kind: 'take' | 'renew' | 'hand-over' | 'ask'; readonly shard: number }
  | { readonly kind: 'lose'; readonly shard: number; readonly reason: string };

export interface Decision {
  readonly moves: readonly Move[];
  /** When to look again if nothing happens before. */
  readonly nextMs: number;
}

/** Before taking a free Lease, for each one that is held already; and for one that another was promised. */
const courtesyMs = { each: 200, most: 800, promised: 1_000, spread: 100 };

export function renewEveryMs(durationMs: number): number {
  return durationMs / 3;
}

export function giveUpAfterMs(durationMs: number): number {
  return (durationMs * 2) / 3;
}

/** Between two attempts of which the first failed. */
export function retryAfterMs(durationMs: number): number {
  return durationMs / 15;
}

export function decide(state: LeaseState): Decision {
  const moves: Move[] = [];
  let nextMs = state.nowMs + state.durationMs;
  const later = (ms: number): void => {
    nextMs = Math.min(nextMs, ms);
  };
  const held = state.leases.filter(({ renewedMs }) => renewedMs !== null).length;
  const counts = heldByOthers(state);
  let handingOver = false;
  // Those that are about to be held count as well: of many that are free, one is taken at a time.
  let taking = state.leases.filter(({ renewedMs, busy }) => renewedMs === null && busy).length;
  for (const lease of state.leases) {
    const { shard, busy, renewedMs } = lease;
    if (renewedMs !== null) {
      const lost = whyLost(lease, renewedMs, state);
      if (lost !== null) {
        moves.push({ kind: 'lose', shard, reason: lost });
        continue;
      }
      later(renewedMs + giveUpAfterMs(state.durationMs));
      if (busy) continue;
      const asked = wantedByAnother(lease, state);
      if (asked !== null && !handingOver && held >= (counts.get(asked) ?? 0) + 2) {
        handingOver = true;
        moves.push({ kind: 'hand-over', shard });
        continue;
      }
      const refused = asked !== null && !handingOver;
      const gone = lease.record === null;
      const dueMs = Math.max(
        refused || gone ? state.nowMs : renewedMs + renewEveryMs(state.durationMs),
        lease.notBeforeMs,
      );
      if (state.nowMs >= dueMs) moves.push({ kind: 'renew', shard });
      else later(dueMs);
      continue;
    }
    if (busy) continue;
    const dueMs = Math.max(mayTakeMs(lease, held + taking, state), lease.notBeforeMs);
    if (state.nowMs >= dueMs) {
      taking++;
      moves.push({ kind: 'take', shard });
    } else later(dueMs);
  }
  const ask = whatToAskFor(state, held, counts);
  if (moves.length === 0 && ask !== null) moves.push({ kind: 'ask', shard: ask });
  return { moves, nextMs };
}

/** Monotonic milliseconds from which on others may take it. */
export function freeFromMs({ record, seenMs }: LeaseView): number {
  return record === null || record.holder === '' ? seenMs : seenMs + record.durationMs;
}

function whyLost({ record }: LeaseView, renewedMs: number, state: LeaseState): string | null {
  if (record !== null && record.holder !== state.identity) return 'another replica took it';
  if (state.nowMs - renewedMs >= giveUpAfterMs(state.durationMs)) return 'not renewed in time';
  return null;
}

function wantedByAnother({ record }: LeaseView, { identity }: LeaseState): string | null {
  const wantedBy = record?.wantedBy ?? '';
  return wantedBy === '' || wantedBy === identity ? null : wantedBy;
}

function mayTakeMs(lease: LeaseView, held: number, state: LeaseState): number {
  const { record } = lease;
  // It was this replica's all the time, for all that others know.
  if (record?.holder === state.identity) return state.nowMs;
  const promised = wantedByAnother(lease, state) !== null ? courtesyMs.promised : 0;
  if (record?.wantedBy === state.identity) return freeFromMs(lease);
  const each = Math.min(held * courtesyMs.each, courtesyMs.most);
  return freeFromMs(lease) + each + promised + state.jitter * courtesyMs.spread;
}

/** How many shards each other replica holds. */
function heldByOthers({ leases, identity, nowMs }: LeaseState): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const lease of leases) {
    const holder = lease.record?.holder ?? '';
    if (holder === '' || holder === identity || nowMs >= freeFromMs(lease)) continue;
    counts.set(holder, (counts.get(holder) ?? 0) + 1);
  }
  return counts;
}

/** A shard of the replica that holds most, if that is two more than this one holds; null when nothing is to be asked. */
function whatToAskFor(state: LeaseState, held: number, counts: ReadonlyMap<string, number>): number | null {
  const { leases, identity, nowMs } = state;
  if (leases.some((lease) => lease.record?.wantedBy === identity || nowMs >= freeFromMs(lease))) return null;
  const most = Math.max(0, ...counts.values());
  if (most < held + 2) return null;
  const asked = leases.findLast(
    ({ record, busy, notBeforeMs }) =>
      record !== null &&
      counts.get(record.holder) === most &&
      record.wantedBy === '' &&
      !busy &&
      nowMs >= notBeforeMs,
  );
  return asked?.shard ?? null;
}
