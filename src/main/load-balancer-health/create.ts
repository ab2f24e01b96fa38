// Puts the load-balancer-health check together.

import { type CheckParts, type OwnCheck, ownCheckOf } from '../checks/own-check.ts';
import { workerModule } from '../polls/worker-modules.ts';
import { StateCounts } from '../projection/state-counts.ts';
import { WriteProblems } from '../projection/write-problems.ts';
import { LoadBalancerHealthChecker } from './checker.ts';
import { observeLoadBalancers } from './gauge.ts';
import { LoadBalancerKind, loadBalancerWords } from './kind.ts';
import { writeProblem } from './problems.ts';
import { LoadBalancerProjector, type LoadBalancerState } from './projector.ts';

/** Looks after the access to regions and the logins of identities with servers. */
const leader = 'server-health';

export function createLoadBalancerHealth(parts: CheckParts): OwnCheck {
  const { options, caches, views, problems, writing, metrics, clock, turns, meter } = parts;
  const objects = views.loadbalancers;
  const kind = new LoadBalancerKind({ log: writing.log(loadBalancerWords), metrics, clock });
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
    leader: options.checkers.includes(leader) ? leader : null,
    pollPeriodMs: options.pollPeriodMs,
    holdLastKnownMs: options.holdLastKnownMs,
    limits: {
      requestTimeoutMs: options.requestTimeoutMs,
      concurrency: options.regionConcurrency,
      loginsPerSecond: options.regionLoginsPerSecond,
    },
  });
  return ownCheckOf(checker, { problems, writeProblems });
}
