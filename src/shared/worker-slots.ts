// What every worker thread shows main without a message: that its event loop turns while it has jobs. It lives in shared
// memory, because a thread that loops endlessly can send nothing any more.

const owner = 0;
const beat = 1;
const fields = 2;

/** A table in shared memory with one row a worker thread. */
export class WorkerSlots {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: BigInt64Array;

  constructor(source: number | SharedArrayBuffer) {
    this.buffer =
      typeof source === 'number'
        ? new SharedArrayBuffer(source * fields * BigInt64Array.BYTES_PER_ELEMENT)
        : source;
    this.#cells = new BigInt64Array(this.buffer);
  }

  get size(): number {
    return this.#cells.length / fields;
  }

  /** Takes the lowest free row for a thread; null when all are taken. */
  claim(threadId: number): number | null {
    for (let slot = 0; slot < this.size; slot++) {
      if (Atomics.compareExchange(this.#cells, slot * fields + owner, 0n, BigInt(threadId)) === 0n)
        return slot;
    }
    return null;
  }

  /** Id of the thread that holds the row; 0 when it is free. */
  owner(slot: number): number {
    return Number(Atomics.load(this.#cells, slot * fields + owner));
  }

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
}
