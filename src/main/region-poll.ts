// One poll of one region, from plan to report: gathers what its projects answered, and says in the end how it went.

import { type CheckError, concernsRegion, type ErrorCode } from '../shared/errors.ts';
import type { ServerRecord } from '../shared/server-record.ts';
import type { Problem } from './problem-log.ts';
import { checkFailed, regionUnresolved } from './server-problems.ts';
import { ProjectCounts } from './state-counts.ts';

export type PollOutcome = 'ok' | 'partial' | ErrorCode;

interface ProjectFailure {
  readonly identityId: string;
  readonly error: CheckError;
  readonly servers: readonly ServerRecord[];
}

export class RegionPoll {
  readonly regionId: string;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  readonly #counts = new Map<string, ProjectCounts>();
  readonly #problems: Problem[] = [];
  readonly #failures: ProjectFailure[] = [];
  #answered = 0;
  #serverFailures = 0;

  constructor(regionId: string, startedMs: number) {
    this.regionId = regionId;
    this.startedMs = startedMs;
  }

  /** The counts of a project; asking for them begins them. */
  countsOf(identityId: string): ProjectCounts {
    let counts = this.#counts.get(identityId);
    if (counts === undefined) {
      counts = new ProjectCounts();
      this.#counts.set(identityId, counts);
    }
    return counts;
  }

  /** Of the projects that were observed. */
  get counts(): ReadonlyMap<string, ProjectCounts> {
    return this.#counts;
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
    const ofRegion = this.#failures.filter(({ error }) => this.#answered === 0 && concernsRegion(error.code));
    const [first] = ofRegion;
    const problems = [...this.#problems];
    if (first !== undefined) {
      const servers = ofRegion.reduce((sum, failure) => sum + failure.servers.length, 0);
      problems.push(regionUnresolved(this.regionId, first.error, { servers }));
    }
    for (const { identityId, error, servers } of this.#failures) {
      if (first !== undefined && concernsRegion(error.code)) continue;
      for (const server of servers) problems.push(checkFailed(server, error, { identity: identityId }));
    }
    return problems;
  }
}
