// One line of progress on a terminal, overwritten until the work is done. Nothing is printed where a line cannot be
// overwritten.

import type { Stream, Terminal } from './terminal.ts';

export interface ProgressOptions {
  readonly stream: Stream;
  readonly terminal: Terminal;
  /** The line as of now. */
  readonly text: () => string;
}

/** Work that is done sooner needs no progress line. */
const patienceMs = 500;
const everyMs = 200;
const eraseLine = '\r\u001b[K';

export class ProgressLine {
  readonly #options: ProgressOptions;
  #timer: NodeJS.Timeout | undefined;
  #shown = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    if (!options.terminal.interactive) return;
    this.#timer = setTimeout(() => this.#begin(), patienceMs);
    this.#timer.unref();
  }

  /** Erases the line. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#shown) this.#options.stream.write(eraseLine);
    this.#shown = false;
  }

  #begin(): void {
    this.#show();
    this.#timer = setInterval(() => this.#show(), everyMs);
    this.#timer.unref();
  }

  #show(): void {
    const { stream, terminal, text } = this.#options;
    this.#shown = true;
    stream.write(eraseLine + text().slice(0, (terminal.width ?? 80) - 1));
  }
}
