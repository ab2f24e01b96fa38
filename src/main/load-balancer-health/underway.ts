// A poll of a region's load balancers that is under way, and what was wrong with it.

import type { Span } from '@opentelemetry/api';
import { type CheckError, concernsRegion } from '../../shared/errors.ts';
import { lacksService } from '../../shared/load-balancer-health.ts';
import type { Problem } from '../problems/problem.ts';
import type { Question } from '../regions/question.ts';
import type { Region } from '../regions/region.ts';
import { checkFailed, noService, serviceFailed } from './problems.ts';
import type { LoadBalancerProject } from './projects.ts';

export interface Underway {
  readonly region: Region;
  readonly question: Question;
  readonly span: Span;
  readonly problems: Problem[];
  readonly failures: { readonly project: LoadBalancerProject; readonly error: CheckError }[];
  answered: boolean;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
}

/** What every project suffers from for a reason of the region's is one problem. */
export function problemsOf({ region, problems, failures, answered }: Underway): readonly Problem[] {
  const wide = answered ? undefined : failures.find(({ error }) => concernsRegion(error.code))?.error;
  const found = [...problems];
  const single = failures.filter(({ error }) => wide === undefined || !concernsRegion(error.code));
  for (const { project, error } of single)
    found.push(...project.objects.map((object) => checkFailed(object, error)));
  if (wide === undefined) return found;
  const count = failures.reduce((sum, { project }) => sum + project.objects.length, 0);
  const problem = lacksService(wide) ? noService : serviceFailed;
  return [...found, problem(region.name, wide, count)];
}
