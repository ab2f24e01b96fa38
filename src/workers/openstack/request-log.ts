// What one job asked of its region: counts always, each call only for a traced job.

import type { ProviderCall, RequestCount } from '../../shared/checker.ts';

export class RequestLog {
  readonly #counts = new Map<string, { route: string; status: number; count: number }>();
  readonly #calls: ProviderCall[] = [];
  readonly #traced: boolean;

  constructor(options: { traced: boolean }) {
    this.#traced = options.traced;
  }

  add(call: ProviderCall): void {
    const key = `${call.status} ${call.route}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { route: call.route, status: call.status, count: 1 });
    else known.count += 1;
    if (this.#traced) this.#calls.push(call);
  }

  get counts(): RequestCount[] {
    return [...this.#counts.values()];
  }

  get calls(): readonly ProviderCall[] {
    return this.#calls;
  }
}
