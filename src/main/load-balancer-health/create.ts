// Puts the load-balancer-health check together.

import { leaderOf } from '../checks/lead.ts';
import { type CheckParts, type OwnCheck, ownCheckOf } from '../checks/own-check.ts';
import { workerModule } from '../polls/worker-modules.ts';
import { HealthKind } from '../projection/health-kind.ts';
import { StateCounts } from '../projection/state-counts.ts';
import { WriteProblems } from '../projection/write-problems.ts';
import { LoadBalancerHealthChecker } from './checker.ts';
import { observeLoadBalancers } from './gauge.ts';
import { writeProblem } from './problems.ts';
import { LoadBalancerProjector, type LoadBalancerState } from './projector.ts';
import { loadBalancerWords } from './words.ts';

export function createLoadBalancerHealth(parts: CheckParts): OwnCheck {
  const { options, caches, views, problems, writing, metrics, clock, turns, meter } = parts;
  const objects = views.loadbalancers;
  const kind = new HealthKind({
    words: loadBalancerWords,
    log: writing.log(loadBalancerWords),
    metrics,
    clock,
  });
  const writes = writing.of(kind, {
    cache: caches.loadbalancers,
    view: objects,
    onlooker: parts.onlookers.loadbalancers,
  });
  const counts = new StateCounts<LoadBalancerState>();
  observeLoadBalancers(meter, counts);
  const writeProblems = new WriteProblems(writeProblem);
  const checker = new LoadBalancerHealthChecker({
    ...parts,
    objects,
    counts,
    writeProblems,
    projector: new LoadBalancerProjector({ objects, writes, writeProblems, counts, turns }),
    worker: workerModule('load-balancer-health/check'),
    leader: leaderOf('load-balancer-health', options.checkers),
    pollPeriodMs: options.pollPeriodMs,
    holdLastKnownMs: options.holdLastKnownMs,
  });
  return ownCheckOf(checker, { problems, writeProblems });
}
