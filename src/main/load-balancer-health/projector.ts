// Projects what is known of a project onto its LoadBalancer objects, as they are in the cache by now: those that show it are
// counted, the others' writes are handed to the write queue.

import type { Span } from '@opentelemetry/api';
import type { Health } from '../../shared/conditions.ts';
import { findCondition, healthyType } from '../../shared/conditions.ts';
import type { LoadBalancerRecord } from '../../shared/load-balancer-record.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type { EventLoopTurns } from '../polls/event-loop-turns.ts';
import type { Problem } from '../problems/problem.ts';
import type { ObjectWrites } from '../projection/object-writes.ts';
import { ProjectCounts, type StateCounts } from '../projection/state-counts.ts';
import type { WriteProblems } from '../projection/write-problems.ts';
import type { Region } from '../regions/region.ts';
import { loadBalancerHealth } from './health.ts';
import { ambiguous, notFound, unreadable } from './problems.ts';
import type { LoadBalancerProject } from './projects.ts';

export interface LoadBalancerState {
  readonly state: string;
  readonly region_id: string;
  readonly region_name: string;
}

export interface LoadBalancerProjectorOptions {
  readonly objects: Pick<ObjectView<LoadBalancerRecord>, 'get'>;
  readonly writes: ObjectWrites<LoadBalancerRecord, Health>;
  readonly writeProblems: WriteProblems<LoadBalancerRecord>;
  readonly counts: StateCounts<LoadBalancerState>;
  readonly turns: EventLoopTurns;
}

export interface LoadBalancerContext {
  readonly region: Region;
  readonly span: Span;
  readonly signal: AbortSignal;
}

/** Objects that are looked at in one slice of main's time. */
const chunk = 250;

export class LoadBalancerProjector {
  readonly #options: LoadBalancerProjectorOptions;

  constructor(options: LoadBalancerProjectorOptions) {
    this.#options = options;
  }

  /** What is wrong with some of them. */
  async project(project: LoadBalancerProject, context: LoadBalancerContext): Promise<readonly Problem[]> {
    const { objects: cache, turns, counts } = this.#options;
    const { objects, identityId } = project;
    const problems: Problem[] = [];
    const states = new ProjectCounts<LoadBalancerState>();
    counts.replace(context.region, identityId, states);
    const look = (planned: LoadBalancerRecord): void => {
      const object = cache.get(planned.namespace, planned.name);
      if (object === undefined || object.uid !== planned.uid || object.deleting) return;
      const finding = project.view.find(object.name);
      if (finding.kind === 'observed')
        this.#take(object, loadBalancerHealth(finding.observation), states, context);
      else if (finding.kind === 'missing') problems.push(notFound(object));
      else if (finding.kind === 'ambiguous') problems.push(ambiguous(object, finding.count));
      else problems.push(unreadable(object));
    };
    for (let from = 0; from < objects.length; from += chunk)
      await turns.take(() => objects.slice(from, from + chunk).forEach(look));
    return problems;
  }

  #take(
    object: LoadBalancerRecord,
    observation: Health,
    states: ProjectCounts<LoadBalancerState>,
    { region, span, signal }: LoadBalancerContext,
  ): void {
    const { writes, writeProblems } = this.#options;
    if (writes.isIdle(object, observation)) {
      writeProblems.take(region, object, { kind: 'stands', object });
      states.add(stateOf(object, region));
      return;
    }
    // Until its write ends it is counted as its object shows it.
    const isNew = findCondition(object.conditions, healthyType) === undefined;
    const shown = isNew || writeProblems.has(region, object) ? null : stateOf(object, region);
    const taken = writes.submit({
      object,
      observation,
      region,
      span,
      signal,
      settled: (written) => {
        if (shown !== null) states.remove(shown);
        if (written.kind === 'stands') states.add(stateOf(written.object, region));
        if (!signal.aborted) writeProblems.take(region, object, written);
      },
    });
    if (taken && shown !== null) states.add(shown);
  }
}

/** The state is the reason of its health in lower case. */
function stateOf({ conditions }: LoadBalancerRecord, region: Region): LoadBalancerState {
  const state = findCondition(conditions, healthyType)?.reason.toLowerCase() ?? 'unknown';
  return { state, region_id: region.name, region_name: region.displayName };
}
