// Takes, renews, hands over and releases the Leases of the shards: does what lease-rules.ts decides, and knows at any
// moment which shards are held. A hold ends by itself, by the clock: `holds` looks at the time, so that a process that was
// stopped knows when it wakes, before it does anything else.

import type { Clock } from '../../shared/clock.ts';
import { Deadline } from '../../shared/deadline.ts';
import { asError } from '../../shared/errors.ts';
import { type KubernetesClient, resourcePath } from '../kubernetes/client.ts';
import { ApiError } from '../kubernetes/errors.ts';
import { type LeaseRecord, parseLease } from '../kubernetes/objects/lease-record.ts';
import { compareVersions } from '../kubernetes/objects/resource-store.ts';
import { asking, holding, leaseName, movedOn, newLease, released } from './lease-changes.ts';
import {
  decide,
  giveUpAfterMs,
  type LeaseView,
  type Move,
  renewEveryMs,
  retryAfterMs,
} from './lease-rules.ts';

export type RequestOutcome = 'ok' | 'conflict' | 'failed';

export interface LeaseHolderOptions {
  readonly client: Pick<KubernetesClient, 'get' | 'post' | 'patch'>;
  readonly namespace: string;
  /** What stands in the Lease: no two processes have the same. */
  readonly identity: string;
  readonly shards: number;
  readonly durationMs: number;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly jitter: number;
  /** Called at once, also from within `holds`. */
  readonly onGained: (shard: number) => void;
  readonly onLost: (shard: number, reason: string) => void;
  readonly onRenewal: (shard: number, outcome: RequestOutcome) => void;
  /** A request that failed, once for each reason until one succeeds. */
  readonly onError: (shard: number, error: Error) => void;
  /** A Lease that could not be given back: others must wait until it expires. */
  readonly onKept: (shard: number, error: Error) => void;
}

/** What is known of one Lease, and what is being done about it. */
interface Lease extends LeaseView {
  readonly name: string;
  record: LeaseRecord | null;
  seenMs: number;
  renewedMs: number | null;
  busy: boolean;
  notBeforeMs: number;
  /** The failure that was reported last; "" since the last success. */
  failure: string;
}

/** Before another attempt to give a Lease back. */
const releaseAgainMs = 50;

export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  readonly #leases: readonly Lease[];
  readonly #requests = new Set<Promise<void>>();
  /** Ends the requests that are under way at a stop. */
  readonly #leaving = new AbortController();
  #woken = new AbortController();

  constructor(options: LeaseHolderOptions) {
    this.#options = options;
    this.#leases = Array.from({ length: options.shards }, (_, shard) => ({
      shard,
      name: leaseName(shard),
      record: null,
      seenMs: options.clock.monotonicMs(),
      renewedMs: null,
      busy: false,
      notBeforeMs: Number.NEGATIVE_INFINITY,
      failure: '',
    }));
  }

  /** What is known of all Leases, by shard. */
  get leases(): readonly LeaseView[] {
    return this.#leases;
  }

  /** Whether this process may work on a shard now. */
  holds(shard: number): boolean {
    const lease = this.#leases[shard];
    if (lease === undefined || lease.renewedMs === null) return false;
    const { clock, durationMs } = this.#options;
    if (clock.monotonicMs() - lease.renewedMs < giveUpAfterMs(durationMs)) return true;
    this.#lose(lease, 'not renewed in time');
    this.#wake();
    return false;
  }

  /** Takes a Lease as the API server shows it; null for one that was deleted. */
  observe(name: string, record: LeaseRecord | null): void {
    const lease = this.#leases.find((one) => one.name === name);
    if (lease === undefined) return;
    this.#see(lease, record, 'watch');
    this.#wake();
  }

  /** Holds what it can until the signal aborts; all Leases that there are must have been observed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, identity, durationMs, jitter } = this.#options;
    const startMs = clock.monotonicMs();
    for (const lease of this.#leases) if (lease.record === null) lease.seenMs = startMs;
    while (!signal.aborted) {
      const nowMs = clock.monotonicMs();
      const { moves, nextMs } = decide({ identity, nowMs, durationMs, jitter, leases: this.#leases });
      for (const move of moves) this.#make(move);
      // What was lost may change what else is to be done.
      if (moves.some(({ kind }) => kind === 'lose')) continue;
      const waitMs = Math.max(1, nextMs - clock.monotonicMs());
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#woken.signal])).catch(() => {});
      if (this.#woken.signal.aborted) this.#woken = new AbortController();
    }
  }

  /** Gives all Leases back, within the time; `run` must have ended. */
  async release(timeoutMs: number): Promise<void> {
    const deadline = new Deadline(timeoutMs, undefined);
    try {
      // What is asked for now has more time than a stop, and may be done nevertheless.
      const unsure = new Set(this.#leases.filter(({ busy }) => busy));
      this.#leaving.abort();
      await Promise.all(this.#requests);
      for (const lease of this.#leases) if (lease.renewedMs !== null) this.#lose(lease, 'stopping');
      await Promise.all(
        this.#leases.map(async (lease) =>
          this.#release(lease, { isKnown: !unsure.has(lease), signal: deadline.signal }),
        ),
      );
    } finally {
      deadline.release();
    }
  }

  #make(move: Move): void {
    const lease = this.#leases[move.shard];
    if (lease === undefined) return;
    if (move.kind === 'lose') {
      this.#lose(lease, move.reason);
      return;
    }
    if (move.kind === 'hand-over') this.#lose(lease, `handed over to ${lease.record?.wantedBy ?? ''}`);
    lease.busy = true;
    const done = this.#request(lease, move.kind).finally(() => {
      lease.busy = false;
      this.#requests.delete(done);
      this.#wake();
    });
    this.#requests.add(done);
  }

  /** One attempt, within what is left of the Lease. */
  async #request(lease: Lease, kind: Exclude<Move['kind'], 'lose'>): Promise<void> {
    const { clock, durationMs, onRenewal, onError } = this.#options;
    const sentMs = clock.monotonicMs();
    const leftMs =
      lease.renewedMs === null ? durationMs : lease.renewedMs + giveUpAfterMs(durationMs) - sentMs;
    const timeoutMs = Math.max(1, Math.min(renewEveryMs(durationMs), leftMs));
    const deadline = new Deadline(timeoutMs, this.#leaving.signal);
    const renews = kind === 'take' || kind === 'renew';
    try {
      const record = renews
        ? await this.#hold(lease, deadline.signal)
        : await this.#patch(lease, kind, deadline.signal);
      this.#see(lease, record, 'answer');
      lease.failure = '';
      if (renews) {
        this.#held(lease, sentMs);
        onRenewal(lease.shard, 'ok');
      }
    } catch (thrown) {
      if (this.#leaving.signal.aborted) return;
      const error = asError(thrown);
      const conflict = error instanceof ApiError && (error.status === 409 || error.status === 404);
      if (renews) onRenewal(lease.shard, conflict ? 'conflict' : 'failed');
      // Somebody changed it: look, and decide again.
      if (conflict && (await this.#look(lease, deadline.signal))) return;
      lease.notBeforeMs = clock.monotonicMs() + retryAfterMs(durationMs);
      if (conflict || error.message === lease.failure) return;
      lease.failure = error.message;
      onError(lease.shard, error);
    } finally {
      deadline.release();
    }
  }

  async #hold({ record, name }: Lease, signal: AbortSignal): Promise<LeaseRecord> {
    const { client, namespace, identity, durationMs, clock } = this.#options;
    const terms = { identity, durationMs, nowMs: clock.now() };
    return parseLease(
      record === null
        ? await client.post(resourcePath('leases', namespace), newLease(name, namespace, terms), { signal })
        : await client.patch(this.#path(name), holding(record, terms), { signal }),
    );
  }

  async #patch(
    { record, name }: Lease,
    kind: 'ask' | 'hand-over',
    signal: AbortSignal,
  ): Promise<LeaseRecord | null> {
    const { client, identity, clock } = this.#options;
    if (record === null) return null;
    const body = kind === 'ask' ? asking(record, identity) : released(record, clock.now());
    return parseLease(await client.patch(this.#path(name), body, { signal }));
  }

  /** Tries until the time is over. Reads the Lease first unless it is known: an answer may have been lost. */
  async #release(
    lease: Lease,
    { isKnown, signal }: { isKnown: boolean; signal: AbortSignal },
  ): Promise<void> {
    const { clock, identity, onKept } = this.#options;
    let failure = new Error('no answer in time');
    for (let mustRead = !isKnown; ; mustRead = true) {
      if (mustRead) await this.#look(lease, signal);
      if (lease.record?.holder !== identity) return;
      try {
        this.#see(lease, await this.#patch(lease, 'hand-over', signal), 'answer');
        return;
      } catch (thrown) {
        if (!signal.aborted) failure = asError(thrown);
        await clock.sleep(releaseAgainMs, signal).catch(() => {});
        if (!signal.aborted) continue;
        onKept(lease.shard, failure);
        return;
      }
    }
  }

  /** False when it cannot be read. */
  async #look(lease: Lease, signal: AbortSignal): Promise<boolean> {
    try {
      const answer = await this.#options.client.get(this.#path(lease.name), { signal });
      this.#see(lease, parseLease(answer), 'answer');
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) return false;
      this.#see(lease, null, 'answer');
      return true;
    }
  }

  /** Watches are behind the answers to our own requests. */
  #see(lease: Lease, record: LeaseRecord | null, source: 'watch' | 'answer'): void {
    const before = lease.record;
    if (before === null && record === null) return;
    if (source === 'watch' && before !== null && record !== null && isOlder(record, before)) return;
    lease.record = record;
    if (before === null || record === null || movedOn(before, record))
      lease.seenMs = this.#options.clock.monotonicMs();
  }

  #held(lease: Lease, sentMs: number): void {
    const { clock, durationMs, onGained } = this.#options;
    // The process was stopped meanwhile: the answer is of no use any more.
    if (clock.monotonicMs() - sentMs >= giveUpAfterMs(durationMs)) return;
    const before = lease.renewedMs;
    lease.renewedMs = sentMs;
    if (before === null) onGained(lease.shard);
  }

  #lose(lease: Lease, reason: string): void {
    lease.renewedMs = null;
    this.#options.onLost(lease.shard, reason);
  }

  #wake(): void {
    this.#woken.abort();
  }

  #path(name: string): string {
    return resourcePath('leases', this.#options.namespace, name);
  }
}

function isOlder(record: LeaseRecord, before: LeaseRecord): boolean {
  return record.uid === before.uid && compareVersions(record.resourceVersion, before.resourceVersion) < 0;
}
