// What was asked of the stand-in: for tests that count requests.

import type { Json } from './object.ts';

export interface RequestRecord {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  /** Parsed, or the text where it is no JSON; absent without a body. */
  readonly body?: Json;
  /** What it does to what: "list servers", "patch servers/status", "get /version". */
  readonly action: string;
  /** HTTP status of the answer; 0 until there is one, and for those that never get one. */
  readonly status: number;
  /** Wall time, epoch milliseconds. */
  readonly at: number;
}

export interface RequestMatch {
  readonly method?: string;
  readonly path?: RegExp;
  readonly action?: string;
  readonly status?: number;
}

export type NewRequest = Omit<RequestRecord, 'status'>;

const bound = 10_000;

export class RequestLog {
  #records: { -readonly [Field in keyof RequestRecord]: RequestRecord[Field] }[] = [];
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** The latest requests, oldest first; at least the last 10,000. */
  get records(): readonly RequestRecord[] {
    return this.#records;
  }

  /** Requests since the start or the last clear(), those no longer kept too. */
  get total(): number {
    return this.#total;
  }

  /** How often each action was asked for, for example "patch servers/status". Complete, unlike `records`. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** How many kept records match. */
  count(match: RequestMatch = {}): number {
    return this.matching(match).length;
  }

  matching(match: RequestMatch): readonly RequestRecord[] {
    return this.#records.filter(
      (record) =>
        (match.method === undefined || record.method === match.method) &&
        (match.path === undefined || match.path.test(record.path)) &&
        (match.action === undefined || record.action === match.action) &&
        (match.status === undefined || record.status === match.status),
    );
  }

  clear(): void {
    this.#records = [];
    this.#counts.clear();
    this.#total = 0;
  }

  /** Records a request; the returned function records its answer's status. */
  add(request: NewRequest): (status: number) => void {
    const record = { ...request, status: 0 };
    this.#records.push(record);
    if (this.#records.length > 2 * bound) this.#records = this.#records.slice(-bound);
    this.#counts.set(request.action, (this.#counts.get(request.action) ?? 0) + 1);
    this.#total += 1;
    return (status) => {
      record.status = status;
    };
  }
}
