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

  /** All problems of this poll. What every project suffered from for a reason of the region's is one problem. */
  problems(): readonly Problem[] {
    const ofRegion = this.#failures.filter(({ error }) => this.#answered === 0 && regionWide.has(error.code));
    const [first] = ofRegion;
    const problems = [...this.#problems];
    if (first !== undefined) {
      const servers = ofRegion.reduce((sum, failure) => sum + failure.servers.length, 0);
      problems.push(regionUnresolved(this.regionId, first.error, { servers }));
    }
    for (const { identityId, error, servers } of this.#failures) {
      if (first !== undefined && regionWide.has(error.code)) continue;
      for (const server of servers) problems.push(checkFailed(server, error, { identity: identityId }));
    }
    return problems;
  }
}

/** The subject of all problems of one server. */
export function serverSubject({ namespace, name }: ServerRecord): string {
  return `server/${namespace}/${name}`;
}

export function regionUnresolved(
  regionId: string,
  error: CheckError,
  extra: Readonly<Record<string, unknown>> = {},
): Problem {
  return {
    key: `region/${kindOf(error)}`,
    subject: 'region',
    hidesOthers: true,
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
    key: `check/${server.namespace}/${server.name}/${kindOf(error)}`,
    subject: serverSubject(server),
    message: 'failed to check server, skipping',
    error: error.message,
    fields: { server: server.name, region: server.regionId ?? '', code: error.code, ...extra },
    ended: 'server checked again',
  };
}

/** Errors of one kind are one problem, going on. Of an object that is wrong, each flaw is a problem of its own. */
function kindOf({ code, message }: CheckError): string {
  return code === 'invalid-config' ? `${code}/${message}` : code;
}
