// The time that one job has, as a signal.

import type { Clock } from '../../shared/clock.ts';
import { type CheckError, CheckFailure, toCheckError } from '../../shared/errors.ts';

/** Part of the time left that is kept for handing the answer back, and its bounds in milliseconds. */
const margin = { share: 0.05, minMs: 5, maxMs: 250 };

/** Node's timers take no more. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Its signal aborts shortly before the job's deadline (reason: CheckFailure `timeout`) or when the caller's signal
 * does (`cancelled`), whichever is first. `close` it when the job is done.
 */
export class JobTime {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #caller: AbortSignal;

  constructor(options: { deadlineMs: number; signal: AbortSignal; clock: Clock }) {
    const leftMs = options.deadlineMs - options.clock.monotonicMs();
    const marginMs = Math.min(Math.max(leftMs * margin.share, margin.minMs), margin.maxMs);
    this.#timer = setTimeout(this.#expire, Math.min(Math.max(leftMs - marginMs, 0), maxTimerMs));
    this.#caller = options.signal;
    this.#caller.addEventListener('abort', this.#cancel);
    // A timer of 0 fires only after the first request is out: too late for a job that waited too long for a worker.
    if (leftMs <= marginMs) this.#expire();
    if (this.#caller.aborted) this.#cancel();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#cancel);
  }

  readonly #expire = (): void => {
    this.#controller.abort(
      new CheckFailure({
        code: 'timeout',
        message: 'the check reached its deadline before the region answered',
        overtime: { pagesRead: 0 },
      }),
    );
  };

  readonly #cancel = (): void => {
    this.#controller.abort(new CheckFailure({ code: 'cancelled', message: 'the check was cancelled' }));
  };
}

/** The error of a project whose turn comes when the signal of the job has aborted. */
export function missedTurn({ reason }: AbortSignal): CheckError {
  const error = toCheckError(reason);
  const message =
    'the check reached its deadline before it could ask this project: other projects of the region took the time; ' +
    'it is among the first at the next poll. If they are only slow, raise --region-concurrency; where many have to log ' +
    'in at once, raise --region-logins-per-second';
  return error.code === 'timeout' ? { code: 'timeout', message } : error;
}
