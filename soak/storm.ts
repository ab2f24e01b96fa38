// Some faults over each other, each from its beginning to its end.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Injection } from './faults.ts';
import type { Stage } from './stage.ts';

/** A fault that was injected. */
export interface Past {
  readonly injection: Injection;
  readonly fromMs: number;
  /** Null while it lasts. */
  untilMs: number | null;
}

export class Storm {
  readonly injections: readonly Injection[];
  /** Epoch milliseconds of each fault's beginning and end. */
  readonly past: Past[] = [];
  readonly #stage: Stage;
  readonly #periodMs: number;

  constructor(stage: Stage, periodMs: number, injections: readonly Injection[]) {
    this.#stage = stage;
    this.#periodMs = periodMs;
    this.injections = injections;
  }

  /** Resolves when all faults have ended; when the signal aborts they end at once. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.injections.map(async (injection) => this.#undergo(injection, signal)));
  }

  async #undergo(injection: Injection, signal: AbortSignal): Promise<void> {
    const { fault, target, random, fromMs, lastsMs } = injection;
    await patience(fromMs, signal);
    if (signal.aborted) return;
    const past: Past = { injection, fromMs: Date.now(), untilMs: null };
    this.past.push(past);
    const heal = await fault.inject({ stage: this.#stage, target, random, periodMs: this.#periodMs });
    try {
      await patience(lastsMs, signal);
    } finally {
      await heal();
      past.untilMs = Date.now();
    }
  }
}

async function patience(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
