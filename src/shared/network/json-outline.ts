// Where the records of an answer lie in its text: the objects of arrays that are fields of the outermost object.

/** Offsets in bytes; the end is that of the next byte. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ArrayOutline {
  /** Of its opening bracket. */
  readonly start: number;
  /** The objects in it, in order. */
  readonly objects: readonly Span[];
}

/** Of arrays and objects: a page has a thousand records, where the cloud has not raised that. */
const mostNoted = 20_000;

const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Is shown the brackets of a text, one after the other. */
export class JsonOutline {
  readonly #arrays: ArrayOutline[] = [];
  /** Of the array that is open; null while none is. */
  #objects: Span[] | null = null;
  #objectStart = 0;
  #noted = 0;

  /** None when there is too much to note. */
  get arrays(): readonly ArrayOutline[] {
    return this.#noted > mostNoted ? [] : this.#arrays;
  }

  /** `depth` counts the outermost value as 1. */
  opened(bracket: number | undefined, depth: number, offset: number): void {
    if (depth === 3 && bracket === openBrace) this.#objectStart = offset;
    if (depth !== 2) return;
    this.#objects = null;
    if (bracket !== openBracket || !this.#mayNote()) return;
    this.#objects = [];
    this.#arrays.push({ start: offset, objects: this.#objects });
  }

  closed(bracket: number | undefined, depth: number, offset: number): void {
    if (depth === 3 && bracket === closeBrace && this.#objects !== null && this.#mayNote())
      this.#objects.push({ start: this.#objectStart, end: offset + 1 });
    if (depth === 2) this.#objects = null;
  }

  #mayNote(): boolean {
    this.#noted += 1;
    return this.#noted <= mostNoted;
  }
}
