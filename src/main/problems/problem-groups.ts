// Open problems as people look at them: those that are alike together, the latest first.

import type { ProblemObject } from '../../shared/monitor-status.ts';
import { errorText } from '../log/error-text.ts';
import type { Problem } from './problem.ts';

export interface TimedProblem {
  readonly problem: Problem;
  /** Epoch milliseconds of when it was logged. */
  readonly sinceMs: number;
}

/** Problems of one scope with the same message and code. */
export interface ProblemGroup {
  readonly message: string;
  /** "" where there is none. */
  readonly code: string;
  /** The error of the latest; "" where there is none. */
  readonly error: string;
  readonly count: number;
  /** The latest, so many at most. */
  readonly objects: readonly ProblemObject[];
  /** Epoch milliseconds. */
  readonly firstMs: number;
  readonly latestMs: number;
}

const objectsOfGroup = 3;

export function groupProblems(problems: readonly TimedProblem[]): readonly ProblemGroup[] {
  const alike = Map.groupBy(problems, ({ problem }) => `${codeOf(problem)} ${problem.message}`);
  return [...alike.values()].map(groupOf);
}

function groupOf(alike: readonly TimedProblem[]): ProblemGroup {
  // Of those that came together, the first ones: the log has these in full.
  const newestFirst = alike.toSorted((a, b) => b.sinceMs - a.sinceMs);
  const [latest] = newestFirst;
  if (latest === undefined) throw new Error('a group without a problem');
  const { problem, sinceMs: latestMs } = latest;
  return {
    message: problem.message,
    code: codeOf(problem),
    error: problem.error === undefined ? '' : errorText(problem.error),
    count: alike.length,
    objects: newestFirst.slice(0, objectsOfGroup).flatMap(({ problem }) => objectOf(problem) ?? []),
    firstMs: newestFirst.at(-1)?.sinceMs ?? latestMs,
    latestMs,
  };
}

function codeOf({ fields: { code } }: Problem): string {
  return typeof code === 'string' ? code : '';
}

const kinds = { servers: 'server', regions: 'region', loadbalancers: 'load balancer' } as const;

function objectOf({ object, fields }: Problem): ProblemObject | null {
  if (object !== undefined)
    return { kind: kinds[object.resource], name: object.name, displayName: object.displayName };
  const { provider_id: record, identity } = fields;
  if (typeof record === 'string' && record !== '') return { kind: 'record', name: record, displayName: '' };
  return typeof identity === 'string' ? { kind: 'identity', name: identity, displayName: '' } : null;
}
