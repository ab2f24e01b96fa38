// Says each problem once when it begins and once when it ends, instead of at every poll, and bounds the lines that a mass
// failure writes: the first ones in full, then a count. What is open now is there to be looked at.

import type { Clock } from '../../shared/clock.ts';
import { type RegionRef, regionKey, regionName } from '../../shared/region-ref.ts';
import type { ObjectRef } from '../../shared/watched-object.ts';
import type { Logger } from '../log/logger.ts';
import type { Problem } from './problem.ts';
import { groupProblems, type ProblemGroup } from './problem-groups.ts';
import { namespaceOf, regionKeyOf } from './problem-scope.ts';

/** Lines of one message that one report writes in full. */
const fullLines = 20;

export interface ProblemLogOptions {
  /** Whether an object is still to be looked after, in the region that it was in. */
  readonly isThere?: (object: ObjectRef) => boolean;
  /** Whether lines name the namespace: where all are watched, the name of a region or an object says too little. */
  readonly namesNamespaces?: boolean;
}

export class ProblemLog {
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #isThere: (object: ObjectRef) => boolean;
  readonly #namesNamespaces: boolean;
  /** Problems that last, by scope and key. */
  readonly #open = new Map<string, Map<string, Problem>>();
  /**
   * By scope and subject, the keys of all problems that were logged since the subject was last well, and when:
   * for one that alternates between two, each is logged once.
   */
  readonly #told = new Map<string, Told>();
  /** By scope, what is open, as it was last asked for. */
  readonly #groups = new Map<string, readonly ProblemGroup[]>();

  constructor(
    logger: Logger,
    clock: Pick<Clock, 'now'>,
    { isThere = () => true, namesNamespaces = false }: ProblemLogOptions = {},
  ) {
    this.#logger = logger;
    this.#clock = clock;
    this.#isThere = isThere;
    this.#namesNamespaces = namesNamespaces;
  }

  /**
   * Takes all problems that a scope (a region, say) has now. What is new is logged, and what is no longer among them is
   * logged as ended.
   */
  report(scope: string, problems: readonly Problem[]): void {
    const before = this.#byKey(this.#open.get(scope)?.values() ?? []);
    const now = this.#byKey(problems);
    const subjects = new Set([...now.values()].map(subjectOf));
    const nowMs = this.#clock.now();
    const told = toldSince(this.#told.get(scope), before.values(), nowMs);
    const begun = [...now.values()].filter(
      (problem) => told.get(subjectOf(problem))?.has(problem.key) !== true,
    );
    this.#groups.delete(scope);
    const gone = [...before.values()].filter((problem) => !subjects.has(subjectOf(problem)));
    const isHidden = hiding([...now.values()]);
    const ended = gone.filter((problem) => !isHidden(problem));
    for (const problem of gone) if (isHidden(problem)) now.set(problem.key, problem);
    this.#write(
      scope,
      ended.flatMap(({ ended, fields, object }) =>
        ended === undefined ? [] : [{ message: ended, fields, ...(object === undefined ? {} : { object }) }],
      ),
    );
    this.#write(scope, begun);
    if (now.size === 0) {
      this.forget(scope);
      return;
    }
    this.#open.set(scope, now);
    this.#told.set(scope, toldSince(told, now.values(), nowMs));
  }

  /** Takes problems that began between two reports of their scope. */
  add(scope: string, problems: readonly Problem[]): void {
    this.report(scope, [...(this.#open.get(scope)?.values() ?? []), ...problems]);
  }

  /** What is open, by scope: as of its last report, without what another problem hides. */
  *open(): Iterable<readonly [scope: string, groups: readonly ProblemGroup[]]> {
    for (const scope of this.#open.keys()) {
      const groups = this.#groups.get(scope) ?? this.#grouped(scope);
      this.#groups.set(scope, groups);
      yield [scope, groups];
    }
  }

  /** Drops a scope that is gone, without a line about its problems. */
  forget(scope: string): void {
    this.#open.delete(scope);
    this.#told.delete(scope);
    this.#groups.delete(scope);
  }

  /** Drops what all checks reported of a region that is gone. */
  forgetRegion(region: RegionRef): void {
    const key = regionKey(region);
    for (const scope of this.#open.keys()) if (regionKeyOf(scope) === key) this.forget(scope);
  }

  #grouped(scope: string): readonly ProblemGroup[] {
    const all = [...(this.#open.get(scope)?.values() ?? [])];
    const isHidden = hiding(all);
    const told = this.#told.get(scope);
    const seen = all.filter((problem) => !isHidden(problem));
    return groupProblems(
      seen.map((problem) => ({ problem, sinceMs: told?.get(subjectOf(problem))?.get(problem.key) ?? 0 })),
    );
  }

  /** Without those of objects that are gone. */
  #byKey(problems: Iterable<Problem>): Map<string, Problem> {
    const found = new Map<string, Problem>();
    for (const problem of problems)
      if (problem.object === undefined || this.#isThere(problem.object)) found.set(problem.key, problem);
    return found;
  }

  #write(scope: string, lines: readonly Line[]): void {
    const written = new Map<string, number>();
    for (const { message, fields: own, error, object } of lines) {
      const count = (written.get(message) ?? 0) + 1;
      written.set(message, count);
      if (count > fullLines) continue;
      const fields = { ...own, ...this.#place(object?.namespace ?? namespaceOf(scope)) };
      if (error === undefined) this.#logger.info(message, fields);
      else this.#logger.error(message, error, fields);
    }
    for (const [message, count] of written) {
      if (count <= fullLines) continue;
      this.#logger.info('more lines with this message suppressed', {
        message,
        region: regionName(regionKeyOf(scope)),
        count: count - fullLines,
        ...this.#place(namespaceOf(scope)),
      });
    }
  }
  #place(namespace: string): { readonly namespace?: string } {
    return this.#namesNamespaces && namespace !== '' ? { namespace } : {};
  }
}

type Line = Pick<Problem, 'message' | 'fields' | 'error' | 'object'>;

/** By subject and key, when a problem was logged: epoch milliseconds. */
type Told = Map<string, Map<string, number>>;

/** Those of problems that last, and of earlier ones of their subjects. */
function toldSince(before: Told | undefined, now: Iterable<Problem>, nowMs: number): Told {
  const told: Told = new Map();
  for (const problem of now) {
    const subject = subjectOf(problem);
    const keys = told.get(subject) ?? before?.get(subject) ?? new Map<string, number>();
    if (!keys.has(problem.key)) keys.set(problem.key, nowMs);
    told.set(subject, keys);
  }
  return told;
}

/** Whether one of these problems hides another. */
function hiding(problems: readonly Problem[]): (problem: Problem) => boolean {
  const all = problems.some(({ hidesOthers }) => hidesOthers === true);
  const subjects = new Set(problems.flatMap(({ hides }) => hides ?? []));
  return (problem) => (all && problem.hidesOthers !== true) || subjects.has(subjectOf(problem));
}

function subjectOf({ key, subject }: Problem): string {
  return subject ?? key;
}
