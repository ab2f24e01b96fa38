// Bounds the memory of all answers that are being received and read, in sum. An answer that grows beyond a size that does
// not matter holds a part of one budget, which all threads share. What does not fit waits where it is, and its sender with
// it:
// - a job that holds less than its share of a reserve does not wait: neither slow nor large answers of others hold it up;
// - of those that wait in a thread, the answers of the job that holds least go on first;
// - one answer of all threads has the turn: it goes on to its end whatever it takes. So those that wait for each other
//   come to an end, and answers of an unusual size come one at a time;
// - an answer that has the turn and hardly grows is given up when another wants the turn.
// The sum is at most budget, reserves, one largest answer, and what does not matter.

const mebibyte = 1_048_576;
/** Of one answer. */
const freeBytes = mebibyte / 8;
/** Of one answer without the turn. A page of 1000 servers has 1 to 3 MB. */
const usualBytes = 4 * mebibyte;
/** What an answer holds grows in steps. */
const stepBytes = mebibyte / 4;
/** Other threads do not tell when they give something back. */
const lookAgainMs = 20;
/**
 * An answer with the turn that does not grow by a step while others want it is given up after so many looks: two seconds,
 * or more where the thread itself was held up.
 */
const stalledLooks = 100;

/** The least that such an answer must bring, for messages. */
export const leastPace = { bytes: stepBytes, ms: stalledLooks * lookAgainMs } as const;

/** What all threads know of each other. */
export interface MemoryLedger {
  /** Bytes that all threads hold. */
  held(): number;
  /** Bytes that this thread holds. */
  hold(bytes: number): void;
  /** False when an answer of another thread has the turn. */
  takeTurn(): boolean;
  endTurn(): void;
  /** Whether an answer of another thread was refused the turn since it was taken. */
  turnWanted(): boolean;
}

export interface BodyMemoryOptions {
  /** Of this thread alone unless given. */
  readonly ledger?: MemoryLedger;
  /** Of all threads. */
  readonly budgetBytes?: number;
  /** Of this thread. */
  readonly reserveBytes?: number;
}

export class BodyMemory {
  readonly #ledger: MemoryLedger;
  readonly #budgetBytes: number;
  readonly #reserveBytes: number;
  /** Those that hold something, or wait to. */
  readonly #shares = new Set<BodyShare>();
  #bytes = 0;
  #turn: BodyShare | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** How often the answer with the turn was looked at without having grown. */
  #looks = 0;

  constructor(options: BodyMemoryOptions = {}) {
    this.#ledger = options.ledger ?? new OwnLedger();
    this.#budgetBytes = options.budgetBytes ?? 24 * mebibyte;
    this.#reserveBytes = options.reserveBytes ?? 8 * mebibyte;
  }

  /** Of all answers of this thread. */
  get bytes(): number {
    return this.#bytes;
  }

  job(): BodyJob {
    return new BodyJob(this);
  }

  /** Null when the share was given the bytes. */
  take(share: BodyShare, bytes: number): Promise<void> | null {
    this.#shares.add(share);
    share.wanted = bytes;
    if (this.#give(share)) return null;
    const waiting = Promise.withResolvers<void>();
    share.resume = waiting.resolve;
    this.#lookAgain();
    return waiting.promise;
  }

  giveBack(share: BodyShare, bytes: number): void {
    this.#set(share, bytes);
    this.#goOn();
  }

  release(share: BodyShare): void {
    if (!this.#shares.delete(share)) return;
    this.#set(share, 0);
    if (this.#turn === share) {
      this.#turn = null;
      this.#ledger.endTurn();
    }
    this.#goOn();
  }

  #give(share: BodyShare): boolean {
    const more = share.wanted - share.bytes;
    const { job } = share;
    const fits =
      share.wanted <= usualBytes &&
      (this.#ledger.held() + more <= this.#budgetBytes ||
        job.bytes + more <= this.#reserveBytes / this.#jobs());
    if (!fits && !this.#hasTurn(share)) return false;
    this.#set(share, share.wanted);
    return true;
  }

  #hasTurn(share: BodyShare): boolean {
    if (this.#turn === null && this.#ledger.takeTurn()) {
      this.#turn = share;
      this.#looks = 0;
      this.#lookAgain();
    }
    return this.#turn === share;
  }

  #set(share: BodyShare, bytes: number): void {
    const more = bytes - share.bytes;
    if (share === this.#turn) this.#looks = 0;
    share.bytes = bytes;
    share.job.bytes += more;
    this.#bytes += more;
    this.#ledger.hold(this.#bytes);
  }

  #goOn(): void {
    const waiting = [...this.#shares].filter(({ resume }) => resume !== null);
    const inOrder = waiting.toSorted((a, b) => a.job.bytes - b.job.bytes || a.bytes - b.bytes);
    for (const share of inOrder) this.#resume(share);
    if (this.#turn !== null || inOrder.some(({ resume }) => resume !== null)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #lookAgain(): void {
    this.#timer ??= setInterval(() => {
      this.#watchTurn();
      this.#goOn();
    }, lookAgainMs).unref();
  }

  #watchTurn(): void {
    const turn = this.#turn;
    if (turn === null) return;
    const wanted = this.#ledger.turnWanted() || [...this.#shares].some(({ resume }) => resume !== null);
    if (wanted) this.#looks += 1;
    if (wanted && this.#looks >= stalledLooks) turn.onStalled();
  }

  #resume(share: BodyShare): void {
    const { resume } = share;
    if (resume === null || !this.#give(share)) return;
    share.resume = null;
    resume();
  }

  #jobs(): number {
    return new Set([...this.#shares].map(({ job }) => job)).size;
  }
}

class OwnLedger implements MemoryLedger {
  #bytes = 0;
  #taken = false;

  held(): number {
    return this.#bytes;
  }

  hold(bytes: number): void {
    this.#bytes = bytes;
  }

  takeTurn(): boolean {
    const free = !this.#taken;
    this.#taken = true;
    return free;
  }

  endTurn(): void {
    this.#taken = false;
  }

  /** Those of this thread are known. */
  turnWanted(): boolean {
    return false;
  }
}

/** One job's answers: what is fair is measured between jobs. */
export class BodyJob {
  readonly #memory: BodyMemory;
  bytes = 0;

  constructor(memory: BodyMemory) {
    this.#memory = memory;
  }

  /** For one answer; to be closed when the answer has been read. */
  open(): BodyShare {
    return new BodyShare(this.#memory, this);
  }
}

/** What one answer holds. */
export class BodyShare {
  readonly job: BodyJob;
  readonly #memory: BodyMemory;
  bytes = 0;
  wanted = 0;
  /** Not null while it waits. */
  resume: (() => void) | null = null;
  /** Called when it must be given up, as it hardly grows and others wait for it. */
  onStalled: () => void = () => {};

  constructor(memory: BodyMemory, job: BodyJob) {
    this.#memory = memory;
    this.job = job;
  }

  /** The answer has grown to so many bytes: null when it may go on, else what resolves when it may. */
  grow(bytes: number): Promise<void> | null {
    const wanted = heldBytes(bytes);
    return wanted <= this.bytes ? null : this.#memory.take(this, wanted);
  }

  /** It turned out to be smaller than expected. */
  shrink(bytes: number): void {
    const held = heldBytes(bytes);
    if (held < this.bytes) this.#memory.giveBack(this, held);
  }

  close(): void {
    this.resume = null;
    this.#memory.release(this);
  }
}

function heldBytes(bytes: number): number {
  return Math.max(0, Math.ceil((bytes - freeBytes) / stepBytes) * stepBytes);
}
