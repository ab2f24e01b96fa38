// Which poll of each region has ended, by check: a check that shares the logins of another lets it go first.

import type { Clock } from '../../shared/clock.ts';
import { type RegionRef, regionKey } from '../../shared/region-ref.ts';

export class EndedPolls {
  readonly #clock: Pick<Clock, 'sleep'>;
  /** Number of the last poll that has ended, by check and region. */
  readonly #numbers = new Map<string, number>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock;
  }

  note(check: string, region: RegionRef, number: number): void {
    const key = keyOf(check, region);
    this.#numbers.set(key, number);
    this.#waiting.get(key)?.resolve();
    this.#waiting.delete(key);
  }

  /** Resolves when this poll of the region, or a later one, has ended; or after `mostMs`, or when the signal aborts. */
  async when(
    check: string,
    region: RegionRef,
    { number, mostMs, signal }: { number: number; mostMs: number; signal: AbortSignal },
  ): Promise<void> {
    const key = keyOf(check, region);
    if ((this.#numbers.get(key) ?? 0) >= number) return;
    const waiting = this.#waiting.get(key) ?? Promise.withResolvers<void>();
    this.#waiting.set(key, waiting);
    const ended = new AbortController();
    const end = AbortSignal.any([ended.signal, signal]);
    await Promise.race([waiting.promise, this.#clock.sleep(mostMs, end).catch(() => {})]);
    ended.abort();
  }

  /** Of a region that is gone, no poll will end. */
  forget(region: RegionRef): void {
    const isOf = (key: string): boolean => key.endsWith(` ${regionKey(region)}`);
    for (const key of this.#numbers.keys()) if (isOf(key)) this.#numbers.delete(key);
    for (const [key, waiting] of this.#waiting) {
      if (!isOf(key)) continue;
      waiting.resolve();
      this.#waiting.delete(key);
    }
  }
}

function keyOf(check: string, region: RegionRef): string {
  return `${check} ${regionKey(region)}`;
}
