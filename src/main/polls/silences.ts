// Whether a thread whose event loop does not turn is stuck, or has only had no processor. A loop uses all that it gets; on
// a machine that is too busy, a thread that is well gets little. Ending that one would cost its jobs, and help nobody.

import type { Worker } from 'node:worker_threads';

export interface Silence {
  /** How long the event loop has not turned. */
  readonly silentMs: number;
  /** Processor time that the thread has used meanwhile, as far as is known. */
  readonly usedMs: number;
}

/** Of the limit: so much processor time in a silence is no waiting any more. */
const usedShare = 0.5;
/** Times the limit: a thread that is silent for longer waits in a call that does not return, and uses no processor. */
const patience = 6;

/** Whether a thread that may be silent for `limitMs`, on a machine with time, is to be ended. */
export function isStuck({ silentMs, usedMs }: Silence, limitMs: number): boolean {
  return silentMs > limitMs && (usedMs > limitMs * usedShare || silentMs > limitMs * patience);
}

/** Shorter silences are no reason to ask. */
const askAfterMs = 500;

/** What is asked of a thread. */
type SilentThread = Pick<Worker, 'threadId' | 'cpuUsage'>;

interface Asked {
  /** When the silence began. */
  readonly turnedMs: number;
  /** What the thread said first and last. */
  firstMs: number | null;
  lastMs: number;
  /** Until it has answered: one that waits in a call may never do. */
  asking: boolean;
}

export class Silences {
  readonly #asked = new Map<SilentThread, Asked>();

  /** Of a thread whose event loop turned last at `turnedMs` (monotonic). Asks it for the next time. */
  of(
    thread: SilentThread,
    { turnedMs, nowMs }: { readonly turnedMs: number; readonly nowMs: number },
  ): Silence {
    const silentMs = nowMs - turnedMs;
    if (silentMs < askAfterMs) return { silentMs, usedMs: 0 };
    let asked = this.#asked.get(thread);
    if (asked?.turnedMs !== turnedMs) {
      asked = { turnedMs, firstMs: null, lastMs: 0, asking: false };
      this.#asked.set(thread, asked);
    }
    if (!asked.asking) void ask(thread, asked);
    return { silentMs, usedMs: asked.firstMs === null ? 0 : asked.lastMs - asked.firstMs };
  }

  /** Drops threads that have ended. */
  retain(alive: ReadonlySet<number>): void {
    for (const thread of this.#asked.keys()) if (!alive.has(thread.threadId)) this.#asked.delete(thread);
  }
}

async function ask(thread: SilentThread, asked: Asked): Promise<void> {
  asked.asking = true;
  try {
    // A thread answers even in the middle of a loop.
    const { user, system } = await thread.cpuUsage();
    asked.lastMs = (user + system) / 1000;
    asked.firstMs ??= asked.lastMs;
  } catch {
    // It has ended.
  } finally {
    asked.asking = false;
  }
}
