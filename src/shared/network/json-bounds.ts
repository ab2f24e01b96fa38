// JSON is looked at before it is parsed: JSON.parse cannot be interrupted, and a few megabytes of brackets or of empty
// objects take it seconds and a hundred times their size in memory.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { JsonOutline } from './json-outline.ts';

/** The deepest that is known: managed fields of Kubernetes objects, some twenty levels. */
const maxDepth = 64;
/** What an answer may hold whatever its size; less than that is not worth a look. */
const fewValues = 100_000;
/** Beyond that, one value in so many bytes. Records of OpenStack and Kubernetes have one in 30 and more. */
const bytesPerValue = 16;
/** Looked at in one turn of the event loop: one or two milliseconds. */
const bytesPerTurn = 1_048_576;

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
/** Brackets that lie deeper are of no interest to an outline. */
const outlineDepth = 3;

/**
 * Why a text is not worth parsing, whether it is JSON or not; null when it may be parsed. An outline is drawn on the way, of a
 * small text too.
 */
export async function jsonExcess(
  chunks: readonly Buffer[],
  bytes: number,
  outline?: JsonOutline,
): Promise<string | null> {
  const isSmall = bytes <= fewValues;
  if (isSmall && outline === undefined) return null;
  const look = new JsonLook(bytes, outline);
  let sinceTurn = 0;
  for (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += bytesPerTurn) {
      const part = chunk.subarray(start, start + bytesPerTurn);
      const excess = look.at(part);
      if (excess !== null) return isSmall ? null : excess;
      sinceTurn += part.length;
      if (sinceTurn < bytesPerTurn) continue;
      sinceTurn = 0;
      await nextTurn();
    }
  }
  return null;
}

/** The same for a text in one piece that is small enough for one turn. */
export function jsonExcessNow(text: Buffer): string | null {
  return text.length <= fewValues ? null : new JsonLook(text.length).at(text);
}

class JsonLook {
  readonly #maxValues: number;
  #depth = 0;
  #values = 0;
  #inString = false;
  /** The next byte belongs to an escape, which a chunk may cut in two. */
  #escaped = false;
  /** Bytes before the next part. */
  #offset = 0;
  readonly #outline: JsonOutline | undefined;

  constructor(bytes: number, outline?: JsonOutline) {
    this.#maxValues = fewValues + bytes / bytesPerValue;
    this.#outline = outline;
  }

  at(part: Buffer): string | null {
    // In variables of its own: fields are too slow for a loop over bytes.
    let depth = this.#depth;
    let values = this.#values;
    let inString = this.#inString;
    let index = this.#escaped ? 1 : 0;
    for (; index < part.length; index++) {
      const byte = part[index];
      if (inString) {
        if (byte === quote) inString = false;
        else if (byte === backslash) index++;
      } else if (byte === quote) inString = true;
      else if (byte === comma) values++;
      else if (byte === openBracket || byte === openBrace) {
        values++;
        depth++;
        if (depth > maxDepth) return `more than ${maxDepth} values within each other`;
        if (depth <= outlineDepth) this.#outline?.opened(byte, depth, this.#offset + index);
      } else if (byte === closeBracket || byte === closeBrace) {
        if (depth <= outlineDepth) this.#outline?.closed(byte, depth, this.#offset + index);
        depth--;
      }
    }
    if (values > this.#maxValues) return `more than ${Math.floor(this.#maxValues)} values`;
    this.#depth = depth;
    this.#values = values;
    this.#inString = inString;
    this.#escaped = index > part.length;
    this.#offset += part.length;
    return null;
  }
}
