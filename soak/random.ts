// Chance that can be repeated: the same seed gives the same numbers.

export class Random {
  #state: number;

  constructor(seed: number) {
    // Seeds that lie close together must not begin alike, and zero would stay zero.
    this.#state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0 || 1;
    for (let index = 0; index < 8; index++) this.next();
  }

  /** From 0 on, less than 1. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state = (this.#state ^ (this.#state << 5)) >>> 0;
    return this.#state / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  /** Throws when there is nothing to pick from. */
  pick<T>(from: readonly T[]): T {
    const picked = from[this.whole(0, from.length - 1)];
    if (picked === undefined) throw new RangeError('there is nothing to pick from');
    return picked;
  }

  shuffled<T>(from: readonly T[]): T[] {
    return from
      .map((item) => ({ item, rank: this.next() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ item }) => item);
  }

  /** For a part of its own: what it draws does not change what others draw. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 2 ** 32));
  }
}
