// One poll of one region, from plan to report: gathers what its projects answered, and says in the end how it went.

import type { CheckError, ErrorCode } from '../shared/errors.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { Problem } from './problem-log.ts';
import { RegionCounts } from './state-counts.ts';

export type PollOutcome = 'ok' | 'partial' | ErrorCode;

/** What concerns the region as a whole, not one project's credentials or rights. */
const regionWide: ReadonlySet<ErrorCode> = new Set([
  'timeout',
  'unreachable',
  'tls',
  'server-error',
  'rate-limited',
  'invalid-response',
  'unexpected-status',
  'no-endpoint',
  'not-found',
  'worker-crashed',
  'worker-stuck',
  'worker-out-of-memory',
  'queue-full',
  'internal',
]);

interface ProjectFailure {
  readonly identityId: string;
  readonly error: CheckError;
  readonly servers: readonly ServerRecord[];
}

export class RegionPoll {
  readonly regionId: string;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  readonly counts = new RegionCounts();
  readonly #problems: Problem[] = [];
  readonly #failures: ProjectFailure[] = [];
  #answered = 0;
  #serverFailures = 0;

  constructor(regionId: string, startedMs: number) {
    this.regionId = regionId;
    this.startedMs = startedMs;
  }

  /** Notes that the region answered for a project, or for its flavours. */
  answered(): void {
    this.#answered++;
  }

  /** Notes that a project, or with `identityId` null the whole region, gave no answer. */
  failed(failure: ProjectFailure): void {
    this.#failures.push(failure);
  }

  /** Notes what is wrong with one server: a line when it begins, one when it ends. */
  serverFailed(server: ServerRecord, error: CheckError, extra: Readonly<Record<string, unknown>> = {}): void {
    this.#serverFailures++;
    this.#problems.push(checkFailed(server, error, extra));
  }

  note(problem: Problem): void {
    this.#problems.push(problem);
  }

  get outcome(): PollOutcome {
    const [first] = this.#failures;
    if (first === undefined) return this.#serverFailures === 0 ? 'ok' : 'partial';
    return this.#answered > 0 ? 'partial' : first.error.code;
  }

  /** Why the region gave no answer at all; null when it gave one, or was not asked. */
  get failure(): CheckError | null {
    const [first] = this.#failures;
    return first === undefined || this.#answered > 0 ? null : first.error;
  }

  /** All problems of this poll. When every project failed for a reason of the region's, that is one problem. */
  problems(): readonly Problem[] {
    const [first] = this.#failures;
    if (first !== undefined && this.#answered === 0 && regionWide.has(first.error.code)) {
      const servers = this.#failures.reduce((sum, failure) => sum + failure.servers.length, 0);
      return [...this.#problems, regionUnresolved(this.regionId, first.error, { servers })];
    }
    const ofServers = this.#failures.flatMap(({ servers, error, identityId }) =>
      servers.map((server) => checkFailed(server, error, { identity: identityId })),
    );
    return [...this.#problems, ...ofServers];
  }
}

export function regionUnresolved(
  regionId: string,
  error: CheckError,
  extra: Readonly<Record<string, unknown>> = {},
): Problem {
  return {
    key: `region/${error.code}`,
    message: 'failed to resolve region, skipping',
    error: error.message,
    fields: { region: regionId, code: error.code, ...extra },
    ended: 'region resolved again',
  };
}

function checkFailed(
  server: ServerRecord,
  error: CheckError,
  extra: Readonly<Record<string, unknown>>,
): Problem {
  return {
    key: `check/${server.namespace}/${server.name}/${error.code}`,
    message: 'failed to check server, skipping',
    error: error.message,
    fields: { server: server.name, region: server.regionId ?? '', code: error.code, ...extra },
    ended: 'server checked again',
  };
}
