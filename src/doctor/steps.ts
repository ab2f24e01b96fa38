// What an examination is made of: steps, one after another, each with a deadline. A step that fails ends the steps that
// need it, and nothing else.

import { ApiError, advice } from '../main/kubernetes/errors.ts';
import { errorText } from '../main/log/error-text.ts';
import type { Clock } from '../shared/clock.ts';
import { Deadline } from '../shared/deadline.ts';
import { CheckFailure, type ErrorCode } from '../shared/errors.ts';
import { untilAborted } from '../shared/until-aborted.ts';
import { remedyFor, specialRemedy } from './remedies.ts';

export type StepStatus = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Step {
  readonly name: string;
  readonly status: StepStatus;
  /** What was found, or what went wrong; "" for a step that was not tried. */
  readonly detail: string;
  /** What to do about it; "" where there is nothing to do. */
  readonly remedy: string;
  /** Null for a step that was not tried. */
  readonly ms: number | null;
}

export interface Section {
  /** "Kubernetes", or a region's name. */
  readonly title: string;
  /** Id of the Region; null for what belongs to none. */
  readonly region: string | null;
  readonly steps: readonly Step[];
}

/** What a step found: a value for the steps that follow, and words for people. */
export interface Found<Value> {
  readonly value: Value;
  readonly detail: string;
  /** Makes it a warning: what to do about what was found. */
  readonly warning?: string;
}

/** A step that failed by a rule of ours. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** What to do about a failure in this place, by its code. */
export type Remedies = { readonly [Code in ErrorCode]?: string };

export interface ExaminationOptions {
  readonly clock: Clock;
  readonly stepTimeoutMs: number;
  readonly signal: AbortSignal;
}

export class Examination {
  readonly #options: ExaminationOptions;
  readonly #steps: Step[] = [];

  constructor(options: ExaminationOptions) {
    this.#options = options;
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** The value that was found; undefined when the step failed. Never rejects. `remedies` go before the usual ones. */
  async step<Value extends {}>(
    name: string,
    work: (signal: AbortSignal) => Found<Value> | Promise<Found<Value>>,
    remedies: Remedies = {},
  ): Promise<Value | undefined> {
    const { clock, stepTimeoutMs, signal } = this.#options;
    const startMs = clock.monotonicMs();
    const ms = () => Math.round((clock.monotonicMs() - startMs) * 10) / 10;
    const deadline = new Deadline(stepTimeoutMs, signal);
    try {
      const working = async () => work(deadline.signal);
      const { value, detail, warning } = await untilAborted(working(), deadline.signal);
      const status = warning === undefined ? 'ok' : 'warning';
      this.#steps.push({ name, status, detail, remedy: warning ?? '', ms: ms() });
      return value;
    } catch (error) {
      const late = deadline.expired && !(error instanceof CheckFailure || error instanceof ApiError);
      const told = late
        ? new CheckFailure({ code: 'timeout', message: `no answer within ${stepTimeoutMs} ms` })
        : error;
      this.#steps.push({ name, status: 'failed', ...explain(told, remedies), ms: ms() });
      return undefined;
    } finally {
      deadline.release();
    }
  }

  /** Notes which of these steps were not tried. */
  skipRest(names: readonly string[]): void {
    const done = new Set(this.#steps.map((step) => step.name));
    for (const name of names)
      if (!done.has(name)) this.#steps.push({ name, status: 'skipped', detail: '', remedy: '', ms: null });
  }
}

function explain(error: unknown, remedies: Remedies): Pick<Step, 'detail' | 'remedy'> {
  if (error instanceof StepFailure) return { detail: error.message, remedy: error.remedy };
  if (error instanceof CheckFailure)
    return {
      detail: error.message,
      remedy: specialRemedy(error.error) ?? remedies[error.error.code] ?? remedyFor(error.error),
    };
  if (!(error instanceof ApiError)) return { detail: errorText(error), remedy: '' };
  const remedy = advice(error.status, error.reason);
  // The message ends with it; here it has a place of its own.
  return { detail: error.message.replace(` (${remedy})`, ''), remedy };
}
