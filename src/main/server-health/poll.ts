// One poll of one region, from plan to report: gathers what its projects answered, and says in the end how it went.

import { type CheckError, concernsRegion } from '../../shared/errors.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { Problem } from '../problems/problem.ts';
import { ProjectCounts } from '../projection/state-counts.ts';
import type { PollOutcome } from '../regions/poll-health.ts';
import { checkFailed, regionUnresolved } from './problems.ts';

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
  #unresolved: CheckError | null = null;

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

  /** Notes that the region answered for a project, or where there is none, for its flavors. */
  answered(): void {
    this.#answered++;
  }

  /** Notes that a project, or where it has none the region, gave no answer. */
  failed(failure: ProjectFailure): void {
    this.#failures.push(failure);
  }

  /** Whether it is known how the region is. */
  get conclusive(): boolean {
    return this.#unresolved !== null || this.#answered + this.#failures.length > 0;
  }

  /** Notes that the whole region could not be asked. */
  unresolved(error: CheckError): void {
    this.#unresolved = error;
  }

  /** Notes what became of the writes of earlier polls. */
  writesFailed(problems: readonly Problem[]): void {
    this.#serverFailures += problems.length;
    this.#problems.push(...problems);
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
    if (this.failure !== null) return this.failure.code;
    return this.#failures.length + this.#serverFailures === 0 ? 'ok' : 'partial';
  }

  /**
   * Why the region gave no answer at all; null when it gave one, or was not asked. Of several reasons, the region's own
   * come before those of single projects, and of these the one that asks to wait longest.
   */
  get failure(): CheckError | null {
    if (this.#unresolved !== null) return this.#unresolved;
    if (this.#answered > 0) return null;
    let found: CheckError | null = null;
    for (const { error } of this.#failures)
      if (found === null || weight(error) > weight(found)) found = error;
    return found;
  }

  /** All problems of this poll. What every project suffered from for a reason of the region's is one problem. */
  problems(): readonly Problem[] {
    if (this.#unresolved !== null) return [regionUnresolved(this.regionId, this.#unresolved)];
    const { failure } = this;
    const wide = failure !== null && concernsRegion(failure.code);
    const problems = [...this.#problems];
    if (wide) {
      const ofRegion = this.#failures.filter(({ error }) => concernsRegion(error.code));
      const servers = ofRegion.reduce((sum, { servers }) => sum + servers.length, 0);
      problems.push(regionUnresolved(this.regionId, failure, { servers }));
    }
    for (const { identityId, error, servers } of this.#failures) {
      if (wide && concernsRegion(error.code)) continue;
      for (const server of servers) problems.push(checkFailed(server, error, { identity: identityId }));
    }
    return problems;
  }
}

function weight({ code, retryAfterMs = 0 }: CheckError): number {
  return concernsRegion(code) ? 1 + retryAfterMs : 0;
}
