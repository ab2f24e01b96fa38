// Cuts a byte stream into lines of bounded length, each of them JSON that may be parsed.

import { jsonExcessNow } from '../../shared/network/json-bounds.ts';

const newline = 0x0a;

export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** A line longer than `maxBytes` throws: what follows it could not be separated from its rest. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** True when the stream stands in the middle of a line. */
  get partial(): boolean {
    return this.#bytes > 0;
  }

  /** The lines that `chunk` completes, without empty ones. Decoded whole, so no character is cut in two. */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      this.#hold(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (end === -1) return;
      const line = this.#take();
      if (line !== '') yield line;
      start = end + 1;
    }
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) throw new Error(`a line is longer than ${this.#maxBytes} bytes`);
    this.#parts.push(part);
  }

  #take(): string {
    const [first] = this.#parts;
    const whole = first !== undefined && this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    const excess = jsonExcessNow(whole);
    if (excess !== null) throw new Error(`a line of ${whole.length} bytes holds ${excess}`);
    return whole.toString('utf8').trim();
  }
}
