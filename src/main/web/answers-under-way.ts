// The bodies of answers that are being sent, bounded in sum. Readers of one rendering share its memory; a slow reader
// keeps it alive, and when slow readers keep too much of it, those of the oldest are cut off.

import type { ServerResponse } from 'node:http';

const maxBytes = 32 * 1_048_576;

export class AnswersUnderWay {
  /** Oldest body first. */
  readonly #readers = new Map<Buffer, Set<ServerResponse>>();
  #bytes = 0;

  send(response: ServerResponse, body: Buffer): void {
    const readers = this.#readers.get(body) ?? this.#begin(body);
    readers.add(response);
    response.on('close', () => {
      readers.delete(response);
      if (readers.size === 0) this.#forget(body);
    });
    response.end(body);
  }

  #begin(body: Buffer): Set<ServerResponse> {
    for (const [oldest, readers] of this.#readers) {
      if (this.#bytes + body.length <= maxBytes) break;
      this.#forget(oldest);
      for (const reader of readers) reader.destroy();
    }
    const readers = new Set<ServerResponse>();
    this.#readers.set(body, readers);
    this.#bytes += body.length;
    return readers;
  }

  #forget(body: Buffer): void {
    if (this.#readers.delete(body)) this.#bytes -= body.length;
  }
}
