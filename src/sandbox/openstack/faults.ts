// What can go wrong with the sandbox's cloud: a plan of faults, each for a route, for a project, for so many times.

import type { CatalogFlaw } from './catalog.ts';
import type { Route } from './routes.ts';

/** Plain data, so that a plan can come from another process. */
export type Fault =
  /** The answer comes later. Goes together with any other fault. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** The request is taken and never answered. */
  | { readonly kind: 'hang' }
  /** The connection is reset before any answer. */
  | { readonly kind: 'reset' }
  /** `retryAfter`: seconds or an HTTP date. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** A complete answer that holds half of the JSON. */
  | { readonly kind: 'truncated' }
  /** Half of the promised body, then the connection is cut. */
  | { readonly kind: 'cut' }
  /** Status 200 and a text that is no JSON. */
  | { readonly kind: 'not-json' }
  /** Status 200 and a web page, as from a captive proxy. */
  | { readonly kind: 'html' }
  /** A list that does not end before so many bytes. */
  | { readonly kind: 'huge'; readonly bytes: number }
  /** The body comes one byte a time; once a second unless given. */
  | { readonly kind: 'drip'; readonly everyMs?: number }
  /** Every page has a next one, for ever: the same page, by another link each time or always by the same. */
  | { readonly kind: 'endless-next'; readonly to?: 'another' | 'itself' }
  /** One record of the list, the first unless given, is not as it should be. */
  | { readonly kind: 'malformed-record'; readonly defect: RecordDefect; readonly serverId?: string }
  /** Status 200 and no servers, or no load balancers. */
  | { readonly kind: 'empty-list' }
  /** A login whose catalogue is wrong. */
  | { readonly kind: 'catalog'; readonly catalog: CatalogFlaw }
  /** A login whose token does not have the scope that was asked for. */
  | { readonly kind: 'scope'; readonly scope: 'unscoped' | 'domain' };

export type RecordDefect = 'missing-id' | 'null-status' | 'wrong-types' | 'odd-dates' | 'not-an-object';

export interface FaultTarget {
  /** Any route unless given, or the only one at which the fault makes sense. */
  readonly route?: Route;
  /** Project of the token, or the one that a login asks for. */
  readonly projectId?: string;
  /** Whether it has a query; complete lists of servers have none. */
  readonly query?: boolean;
  /** Requests to hit; until removed unless given. */
  readonly times?: number;
  /** Requests to let pass before the first hit. */
  readonly after?: number;
  /** Of the requests from then on, the first and then every `every`th is hit; all unless given. */
  readonly every?: number;
}

export interface PlannedFault {
  readonly fault: Fault;
  /** Requests hit so far. */
  readonly hits: number;
  remove(): void;
}

interface Entry {
  readonly fault: Fault;
  readonly target: FaultTarget;
  hits: number;
  seen: number;
}

export class FaultPlan {
  readonly #entries = new Set<Entry>();

  add(fault: Fault, target: FaultTarget = {}): PlannedFault {
    const route = target.route ?? onlyRoutes[fault.kind];
    const entry: Entry = {
      fault,
      target: route === undefined ? target : { ...target, route },
      hits: 0,
      seen: 0,
    };
    this.#entries.add(entry);
    return {
      fault,
      get hits() {
        return entry.hits;
      },
      remove: () => {
        this.#entries.delete(entry);
      },
    };
  }

  clear(): void {
    this.#entries.clear();
  }

  /** Faults that hit this request: all delays, and the first of the others. */
  take(route: Route, projectId: string | null, query: string): Fault[] {
    const hit: Fault[] = [];
    for (const entry of this.#entries) {
      const { fault, target } = entry;
      if (target.route !== undefined && target.route !== route) continue;
      if (target.projectId !== undefined && target.projectId !== projectId) continue;
      if (target.query !== undefined && target.query !== (query !== '')) continue;
      if (fault.kind !== 'latency' && hit.some((other) => other.kind !== 'latency')) continue;
      const turn = entry.seen++ - (target.after ?? 0);
      if (turn < 0 || turn % (target.every ?? 1) !== 0) continue;
      hit.push(fault);
      entry.hits++;
      if (entry.hits === target.times) this.#entries.delete(entry);
    }
    return hit;
  }
}

const onlyRoutes: Partial<Record<Fault['kind'], Route>> = {
  catalog: 'POST /v3/auth/tokens',
  scope: 'POST /v3/auth/tokens',
  'empty-list': 'GET /servers/detail',
  'endless-next': 'GET /servers/detail',
  huge: 'GET /servers/detail',
  'malformed-record': 'GET /servers/detail',
};
