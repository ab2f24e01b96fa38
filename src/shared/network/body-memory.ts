// Bounds the memory of all answers that are being received, in sum. An answer that grows beyond a size that does not
// matter holds a part of one budget. When that is spent, answers wait where they are, and their senders with them:
// - a job that holds less than its share of a reserve does not wait: neither slow nor large answers of others hold it up;
// - of those that wait, the answers of the job that holds least go on first;
// - where all wait for each other, one goes on to its end.
// So the sum is at most budget, reserve, one largest answer, and what does not matter.

const mebibyte = 1_048_576;
/** Of one answer. */
const freeBytes = mebibyte / 4;
/** What an answer holds grows in steps. */
const stepBytes = mebibyte / 4;

export interface BodyBudget {
  readonly budgetBytes: number;
  readonly reserveBytes: number;
}

const usualBudget: BodyBudget = { budgetBytes: 32 * mebibyte, reserveBytes: 16 * mebibyte };

export class BodyMemory {
  readonly #budget: BodyBudget;
  /** Those that hold something, or wait to. */
  readonly #shares = new Set<BodyShare>();
  #bytes = 0;
  /** Goes on to its end, whatever it takes. */
  #favourite: BodyShare | null = null;

  constructor(budget: BodyBudget = usualBudget) {
    this.#budget = budget;
  }

  /** Of all answers. */
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
    this.#goOn();
    return waiting.promise;
  }

  giveBack(share: BodyShare, bytes: number): void {
    this.#bytes -= share.bytes - bytes;
    share.job.bytes -= share.bytes - bytes;
    share.bytes = bytes;
    this.#goOn();
  }

  release(share: BodyShare): void {
    if (!this.#shares.delete(share)) return;
    this.#bytes -= share.bytes;
    share.job.bytes -= share.bytes;
    if (this.#favourite === share) this.#favourite = null;
    this.#goOn();
  }

  #give(share: BodyShare): boolean {
    const more = share.wanted - share.bytes;
    const { job } = share;
    const fits =
      this.#bytes + more <= this.#budget.budgetBytes ||
      job.bytes + more <= this.#budget.reserveBytes / this.#jobs() ||
      share === this.#favourite;
    if (!fits) return false;
    this.#bytes += more;
    job.bytes += more;
    share.bytes = share.wanted;
    return true;
  }

  #goOn(): void {
    const waiting = [...this.#shares].filter(({ resume }) => resume !== null);
    const inOrder = waiting.toSorted((a, b) => a.job.bytes - b.job.bytes || a.bytes - b.bytes);
    for (const share of inOrder) this.#resume(share);
    const [first] = inOrder;
    if (first === undefined || [...this.#shares].some(({ resume }) => resume === null)) return;
    this.#favourite = first;
    this.#resume(first);
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
    this.#memory.release(this);
  }
}

function heldBytes(bytes: number): number {
  return Math.max(0, Math.ceil((bytes - freeBytes) / stepBytes) * stepBytes);
}
