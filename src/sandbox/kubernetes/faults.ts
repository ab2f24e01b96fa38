// Faults on order: what goes wrong, for which requests, how often.

import { expired, invalid, KubernetesFailure } from './failure.ts';
import type { Json, KubernetesObject } from './object.ts';

/** Which requests a fault meets; what is absent matches all. */
export interface FaultMatch {
  readonly method?: string;
  /** Tested on the path with its query. */
  readonly path?: RegExp;
  /** "list servers", "watch servers", "patch servers/status": see RequestRecord.action. */
  readonly action?: string;
  /** How many requests it meets; absent is one, Infinity is all. */
  readonly times?: number;
}

export type FaultEffect =
  /** An answer in place of the real one. */
  | {
      readonly kind: 'respond';
      readonly status: number;
      readonly retryAfterSeconds?: number;
      /** A text is sent as it is; absent sends a Status. */
      readonly body?: Json;
    }
  /** The real answer, with a warning beside it. */
  | { readonly kind: 'warn'; readonly text: string }
  /** The real answer, later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The real answer, once it is released. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** No answer; the connection stays open. */
  | { readonly kind: 'hang' }
  /** The connection is closed without an answer. */
  | { readonly kind: 'drop' }
  /** The real answer is carried out, but its body breaks off in the middle. */
  | { readonly kind: 'truncate' }
  /** The request is carried out, but no answer comes. The connection is closed, unless it is to stay open. */
  | { readonly kind: 'lost'; readonly open?: true }
  /** Something happens before the request is handled: the object changes, is deleted, a rule is narrowed. */
  | { readonly kind: 'before'; readonly run: (path: string) => void }
  /** A watch that says ERROR and ends. */
  | { readonly kind: 'watch-error'; readonly failure: KubernetesFailure };

/** A fault that was ordered. */
export class Fault {
  readonly match: FaultMatch;
  readonly effect: FaultEffect;
  /** How many requests it has met. */
  hits = 0;
  #left: number;

  constructor(match: FaultMatch, effect: FaultEffect) {
    this.match = match;
    this.effect = effect;
    this.#left = match.times ?? 1;
  }

  get spent(): boolean {
    return this.#left <= 0;
  }

  /** Ends the fault. */
  remove(): void {
    this.#left = 0;
  }

  /** Whether the fault meets this request; if so, it is used once. */
  meets(request: { readonly method: string; readonly url: string; readonly action: string }): boolean {
    const { method, path, action } = this.match;
    if (this.spent) return false;
    if (method !== undefined && method !== request.method) return false;
    if (action !== undefined && action !== request.action) return false;
    if (path !== undefined && !path.test(request.url) && !path.test(pathOf(request.url))) return false;
    this.#left -= 1;
    this.hits += 1;
    return true;
  }
}

function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** What faults do to the server that carries them. */
export interface FaultControls {
  /** Ends the open watches; returns how many there were. */
  readonly closeWatches: (how: 'end' | 'destroy') => number;
  readonly expireWatches: () => void;
  /** The object of a path, and how to change it. */
  readonly change: (path: string, change: (object: KubernetesObject) => KubernetesObject) => void;
}

export class FaultPlan {
  readonly #controls: FaultControls;
  #faults: Fault[] = [];
  #changes = 0;

  constructor(controls: FaultControls) {
    this.#controls = controls;
  }

  /** Orders a fault. The first ordered that meets a request takes it; "before", "warn", "delay" and "hold" let others follow. */
  add(match: FaultMatch, effect: FaultEffect): Fault {
    const fault = new Fault(match, effect);
    this.#faults.push(fault);
    return fault;
  }

  /** Ends all faults. */
  clear(): void {
    for (const fault of this.#faults) fault.remove();
    this.#faults = [];
  }

  /** Ends all open watches now, by default as the API server does when their time is over. */
  closeWatches(how: 'end' | 'destroy' = 'end'): number {
    return this.#controls.closeWatches(how);
  }

  /** All open watches are told 410 now. */
  expireWatches(): void {
    this.#controls.expireWatches();
  }

  /** The next watches are refused: with HTTP 410, or with an ERROR event in a stream that ends. */
  expireNextWatches(options: {
    readonly times?: number;
    readonly as: 'status' | 'event';
    readonly path?: RegExp;
  }): Fault {
    const match = { ...options, path: options.path ?? /[?&]watch=(1|true)/ };
    const failure = expired('too old resource version: ordered by the test');
    if (options.as === 'event') return this.add(match, { kind: 'watch-error', failure });
    return this.add(match, { kind: 'respond', status: 410, body: failure.status });
  }

  /**
   * The next patches of an object conflict, because another writer really changes it just before: by `change`, or
   * by an annotation.
   */
  conflict(options: {
    readonly times?: number;
    readonly path?: RegExp;
    readonly change?: (object: KubernetesObject) => KubernetesObject;
  }): Fault {
    const change =
      options.change ??
      ((object: KubernetesObject) => {
        this.#changes += 1;
        const annotations = { ...object.metadata.annotations, 'sandbox/changed': String(this.#changes) };
        return { ...object, metadata: { ...object.metadata, annotations } };
      });
    const run = (path: string) => this.#controls.change(path, change);
    return this.add({ ...options, method: 'PATCH' }, { kind: 'before', run });
  }

  /** The next writes are refused as an admission hook or a narrower definition would: 422 Invalid. */
  rejectWrites(
    options: { readonly times?: number; readonly path?: RegExp; readonly message?: string } = {},
  ): Fault {
    const message = options.message ?? 'Invalid value: refused by order of the test';
    const fault = { reason: 'FieldValueInvalid', field: 'status', message } as const;
    const failure = invalid({ kind: 'Object', group: '', name: 'refused' }, [fault]);
    return this.add({ method: 'PATCH', ...options }, { kind: 'respond', status: 422, body: failure.status });
  }

  /** The next requests are answered 429 with Retry-After. */
  tooManyRequests(options: FaultMatch & { readonly retryAfterSeconds?: number } = {}): Fault {
    const retryAfterSeconds = options.retryAfterSeconds ?? 1;
    return this.add(options, { kind: 'respond', status: 429, retryAfterSeconds });
  }

  /** The faults that meet a request, in order, up to the first that decides its answer. */
  take(request: {
    readonly method: string;
    readonly url: string;
    readonly action: string;
  }): readonly FaultEffect[] {
    const effects: FaultEffect[] = [];
    for (const fault of this.#faults) {
      if (!fault.meets(request)) continue;
      effects.push(fault.effect);
      if (!['before', 'warn', 'delay', 'hold'].includes(fault.effect.kind)) break;
    }
    if (effects.length > 0) this.#faults = this.#faults.filter((fault) => !fault.spent);
    return effects;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The Status for an ordered answer without a body of its own. */
export function orderedFailure(status: number, retryAfterSeconds: number | undefined): KubernetesFailure {
  const reason = reasons[status];
  return new KubernetesFailure({
    code: status,
    message: `${reason ?? 'failure'} by order of the test`,
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
