// What the sandbox's cloud was asked: counts for ever, the latest requests in full.

import type { RequestCount } from '../../shared/checker.ts';
import type { Route } from './routes.ts';

export interface LoggedRequest {
  readonly route: Route;
  readonly path: string;
  /** As sent, without the question mark. */
  readonly query: string;
  readonly projectId: string | null;
  /** As asked for; null without a header. */
  readonly microversion: string | null;
  /** Epoch milliseconds of the machine's clock. */
  readonly startedMs: number;
  /** Null while it is not answered. */
  readonly endedMs: number | null;
  /** HTTP status; 0 while it is not answered, or when it never was. */
  readonly status: number;
}

export interface RequestFilter {
  readonly route?: Route;
  readonly status?: number;
  readonly projectId?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const kept = 10_000;

type Count = RequestCount & { readonly route: Route; readonly projectId: string | null };

export class RequestLog {
  #counts = new Map<string, Count>();
  #latest: LoggedRequest[] = [];
  /** Requests that began before a clear() are not counted when they end. */
  #generation = 0;

  /** Successful logins. */
  get logins(): number {
    return this.count({ route: 'POST /v3/auth/tokens', status: 201 });
  }

  count(filter: RequestFilter = {}): number {
    let count = 0;
    for (const each of this.#counts.values())
      if (
        (filter.route === undefined || filter.route === each.route) &&
        (filter.status === undefined || filter.status === each.status) &&
        (filter.projectId === undefined || filter.projectId === each.projectId)
      )
        count += each.count;
    return count;
  }

  /** By route and status. Status 0: not answered. */
  counts(): RequestCount[] {
    const sums = new Map<string, RequestCount>();
    for (const { route, status, count } of this.#counts.values()) {
      if (count === 0) continue;
      const key = `${route} ${status}`;
      sums.set(key, { route, status, count: count + (sums.get(key)?.count ?? 0) });
    }
    return [...sums.values()];
  }

  /** The latest requests, oldest first. */
  latest(filter: RequestFilter = {}): LoggedRequest[] {
    return this.#latest.filter(
      (each) =>
        (filter.route === undefined || filter.route === each.route) &&
        (filter.status === undefined || filter.status === each.status) &&
        (filter.projectId === undefined || filter.projectId === each.projectId),
    );
  }

  clear(): void {
    this.#counts = new Map();
    this.#latest = [];
    this.#generation++;
  }

  /** Logs a request that begins; what comes back is to be called with its status when it is answered. */
  begin(request: Omit<LoggedRequest, 'startedMs' | 'endedMs' | 'status'>): (status: number) => void {
    const generation = this.#generation;
    const logged: Mutable<LoggedRequest> = { ...request, startedMs: Date.now(), endedMs: null, status: 0 };
    this.#latest.push(logged);
    if (this.#latest.length > 2 * kept) this.#latest = this.#latest.slice(-kept);
    this.#add(request.route, request.projectId, 0, 1);
    return (status) => {
      logged.endedMs = Date.now();
      logged.status = status;
      if (generation !== this.#generation) return;
      this.#add(request.route, request.projectId, 0, -1);
      this.#add(request.route, request.projectId, status, 1);
    };
  }

  #add(route: Route, projectId: string | null, status: number, change: number): void {
    const key = `${route} ${status} ${projectId ?? ''}`;
    const count = (this.#counts.get(key)?.count ?? 0) + change;
    this.#counts.set(key, { route, status, projectId, count });
  }
}
