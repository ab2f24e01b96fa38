// What worker threads show without a message, in shared memory. To main: that the event loop turns while the thread has
// jobs, as one that loops endlessly can send nothing any more. To each other: how much memory their answers hold, and
// which of them has the turn for a large one.

import type { MemoryLedger } from './body-memory.ts';

const owner = 0;
const beat = 1;
const bytes = 2;
const fields = 3;

/**
 * A table in shared memory with one row a worker thread. Two cells follow: the thread that has the turn, and whether another
 * wants it.
 */
export class WorkerSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  constructor(source: number | SharedArrayBuffer) {
    this.buffer =
      typeof source === 'number'
        ? new SharedArrayBuffer((source * fields + 2) * BigInt64Array.BYTES_PER_ELEMENT)
        : source;
    this.#cells = new BigInt64Array(this.buffer);
  }

  get size(): number {
    return (this.#cells.length - 2) / fields;
  }

  /** Takes the lowest free row for a thread; null when all are taken. */
  claim(threadId: number): number | null {
    for (let slot = 0; slot < this.size; slot++) {
      if (Atomics.compareExchange(this.#cells, slot * fields + owner, 0n, BigInt(threadId)) !== 0n) continue;
      this.#forget(slot);
      return slot;
    }
    return null;
  }

  /** The row of a thread; null when it has none. */
  of(threadId: number): number | null {
    for (let slot = 0; slot < this.size; slot++) if (this.owner(slot) === threadId) return slot;
    return null;
  }

  /** Id of the thread that holds the row; 0 when it is free. */
  owner(slot: number): number {
    return Number(Atomics.load(this.#cells, slot * fields + owner));
  }

  /** With it go the thread's memory and its turn: those of a row without an owner do not count. */
  free(slot: number): void {
    Atomics.store(this.#cells, slot * fields + beat, 0n);
    Atomics.store(this.#cells, slot * fields + owner, 0n);
  }

  /** Records that the thread's event loop turned at `nowMs` (monotonic). */
  beat(slot: number, nowMs: number): void {
    Atomics.store(this.#cells, slot * fields + beat, BigInt(Math.round(nowMs)));
  }

  /** Records that the thread has no job as of `nowMs`, and does not beat until it has one. */
  rest(slot: number, nowMs: number): void {
    Atomics.store(this.#cells, slot * fields + beat, -BigInt(Math.round(nowMs)));
  }

  /** Whether the thread has no job. */
  resting(slot: number): boolean {
    return Atomics.load(this.#cells, slot * fields + beat) < 0n;
  }

  /** Monotonic milliseconds of the last turn that was recorded, or of the beginning of its rest; 0 before the first. */
  lastBeatMs(slot: number): number {
    return Math.abs(Number(Atomics.load(this.#cells, slot * fields + beat)));
  }

  /** For the answers that the thread of a row receives. */
  ledger(slot: number): MemoryLedger {
    return {
      held: () => this.#held(),
      hold: (held) => {
        Atomics.store(this.#cells, slot * fields + bytes, BigInt(held));
      },
      takeTurn: () => this.#takeTurn(slot),
      endTurn: () => this.#endTurn(slot),
      turnWanted: () => Atomics.load(this.#cells, this.#turn + 1) !== 0n,
    };
  }

  /** Memory and turn of the thread that had the row before. */
  #forget(slot: number): void {
    Atomics.store(this.#cells, slot * fields + bytes, 0n);
    this.#endTurn(slot);
  }

  #takeTurn(slot: number): boolean {
    const holder = Atomics.load(this.#cells, this.#turn);
    if (holder !== 0n && this.owner(Number(holder) - 1) !== 0) {
      Atomics.store(this.#cells, this.#turn + 1, 1n);
      return false;
    }
    return Atomics.compareExchange(this.#cells, this.#turn, holder, BigInt(slot + 1)) === holder;
  }

  get #turn(): number {
    return this.#cells.length - 2;
  }

  /** Those who still want it say so again. */
  #endTurn(slot: number): void {
    Atomics.store(this.#cells, this.#turn + 1, 0n);
    Atomics.compareExchange(this.#cells, this.#turn, BigInt(slot + 1), 0n);
  }

  #held(): number {
    let held = 0;
    for (let slot = 0; slot < this.size; slot++)
      if (this.owner(slot) !== 0) held += Number(Atomics.load(this.#cells, slot * fields + bytes));
    return held;
  }
}
