// Where log lines go. Guarantees: a line is written before `write` returns wherever the other side takes it, so that a
// crash loses none; nothing that happens to the other side (closed, full, slow) throws or ends the process; lines
// that it did not take are counted, and the count is handed over once it takes lines again.

import { writeSync } from 'node:fs';

export interface LogSink {
  write(line: string): void;
  /** Tries once more to hand over what waits, for a moment. */
  flush(): void;
}

/** What a caller may give instead of the standard error stream. */
export interface LogDestination {
  write(line: string): unknown;
  on?(event: 'error', listener: () => void): unknown;
  readonly isTTY?: boolean;
}

const maxWaitingBytes = 4 * 1024 * 1024;
const retryMs = 20;
const flushMs = 200;

/** A file descriptor. A non-blocking one that is full for the moment keeps lines waiting, at most 4 MiB of them. */
export class DescriptorSink implements LogSink {
  readonly #fd: number;
  readonly #onLost: (lines: number) => void;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #retry: NodeJS.Timeout | undefined;
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
    if (this.#retry === undefined) this.#drain();
  }

  flush(): void {
    const until = performance.now() + flushMs;
    this.#drain();
    while (this.#waiting.length > 0 && performance.now() < until) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
      this.#drain();
    }
  }

  #drain(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    let written = false;
    for (let line = this.#waiting[0]; line !== undefined; line = this.#waiting[0]) {
      const rest = this.#writeSome(line);
      if (rest === null) {
        this.#lost += 1;
      } else if (rest.length > 0) {
        this.#waiting[0] = rest;
        this.#waitingBytes -= line.length - rest.length;
        this.#retry = setTimeout(() => this.#drain(), retryMs);
        break;
      } else {
        written = true;
      }
      this.#waiting.shift();
      this.#waitingBytes -= line.length;
    }
    if (written && this.#lost > 0 && this.#retry === undefined) {
      const lost = this.#lost;
      this.#lost = 0;
      this.#onLost(lost);
    }
  }

  /** What is left of the line: nothing, something that must wait, or null when it is lost. */
  #writeSome(line: Buffer): Buffer | null {
    let rest = line;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        if (error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EINTR'))
          return rest;
        return null;
      }
    }
    return rest;
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
