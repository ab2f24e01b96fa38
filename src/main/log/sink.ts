// Where log lines go. Guarantees: lines are written before the event loop continues wherever the other side takes them, those
// of one moment at once; a crash loses none of them; nothing that happens to the other side (closed, full, slow) throws or ends the process; lines
// that it did not take are counted, and the count is handed over once it takes lines again.

import { writevSync } from 'node:fs';

export interface LogSink {
  write(line: string): void;
  /** Hands over what waits, as long as the other side takes some of it. */
  flush(): void;
}

/** What a caller may give instead of the standard error stream. */
export interface LogDestination {
  write(line: string): unknown;
  on?(event: 'error', listener: () => void): unknown;
  readonly isTTY?: boolean;
}

const maxWaitingBytes = 4 * 1024 * 1024;
/** So much is not kept for the lines that may follow. */
const maxBatchBytes = 64 * 1024;
const retryMs = 20;
/** At the end, a reader that takes nothing for so long is not waited for. */
const flushMs = 500;
/** Nor one that is slower than this. */
const longestFlushMs = 2_000;

/** A file descriptor. The process's end must `flush` it. A non-blocking one that is full for the moment keeps lines waiting, at most 4 MiB of them. */
export class DescriptorSink implements LogSink {
  readonly #fd: number;
  readonly #onLost: (lines: number) => void;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #retry: NodeJS.Timeout | undefined;
  /** The lines of this moment will be written. */
  #due = false;
  #lost = 0;

  /** `onLost` is called with the number of lines that were lost, when a line went through again. */
  constructor(fd: number, onLost: (lines: number) => void) {
    this.#fd = fd;
    this.#onLost = onLost;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > maxWaitingBytes) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#retry !== undefined) return;
    if (this.#waitingBytes > maxBatchBytes) this.#drain();
    else if (!this.#due) {
      this.#due = true;
      queueMicrotask(this.#drainDue);
    }
  }

  flush(): void {
    const end = performance.now() + longestFlushMs;
    let until = performance.now() + flushMs;
    this.#drain();
    while (this.#waiting.length > 0 && performance.now() < Math.min(until, end)) {
      const before = this.#waitingBytes;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
      this.#drain();
      if (this.#waitingBytes < before) until = performance.now() + flushMs;
    }
  }

  readonly #drainDue = (): void => {
    this.#due = false;
    if (this.#retry === undefined) this.#drain();
  };

  #drain(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    let written = false;
    while (this.#waiting.length > 0) {
      try {
        this.#forget(writevSync(this.#fd, this.#waiting));
        written = true;
      } catch (error) {
        if (
          error instanceof Error &&
          'code' in error &&
          (error.code === 'EAGAIN' || error.code === 'EINTR')
        ) {
          this.#retry = setTimeout(() => this.#drain(), retryMs);
          return;
        }
        this.#lost += this.#waiting.length;
        this.#waiting.length = 0;
        this.#waitingBytes = 0;
      }
    }
    if (written && this.#lost > 0) {
      const lost = this.#lost;
      this.#lost = 0;
      this.#onLost(lost);
    }
  }

  /** Drops what was written: whole lines, and the beginning of one perhaps. */
  #forget(writtenBytes: number): void {
    this.#waitingBytes -= writtenBytes;
    let left = writtenBytes;
    let whole = 0;
    for (const line of this.#waiting) {
      if (line.length > left) break;
      left -= line.length;
      whole += 1;
    }
    this.#waiting.splice(0, whole);
    const [cut] = this.#waiting;
    if (cut !== undefined && left > 0) this.#waiting[0] = cut.subarray(left);
  }
}

/** A stream that someone else owns. Its errors are not ours to die of. */
export function streamSink(destination: LogDestination): LogSink {
  destination.on?.('error', () => {});
  return {
    write: (line) => {
      try {
        destination.write(line);
      } catch {
        // A destination that throws is closed; there is nowhere to say so.
      }
    },
    flush: () => {},
  };
}
