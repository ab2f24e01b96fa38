// Puts the region-health check together.

import { leaderOf } from '../checks/lead.ts';
import { type CheckParts, type OwnCheck, ownCheckOf } from '../checks/own-check.ts';
import { workerModule } from '../polls/worker-modules.ts';
import { HealthKind } from '../projection/health-kind.ts';
import { WriteProblems } from '../projection/write-problems.ts';
import { RegionHealthChecker } from './checker.ts';
import { writeProblem } from './problems.ts';
import { ServiceMetrics } from './service-metrics.ts';
import { regionWords } from './words.ts';

export function createRegionHealth(parts: CheckParts): OwnCheck {
  const { options, regions, caches, views, problems, writing, metrics, clock, meter } = parts;
  const objects = views.regions;
  const kind = new HealthKind({ words: regionWords, log: writing.log(regionWords), metrics, clock });
  const writes = writing.of(kind, {
    cache: caches.regions,
    view: objects,
    onlooker: parts.onlookers.regions,
  });
  const writeProblems = new WriteProblems(writeProblem);
  const measured = new ServiceMetrics(meter, { allNamespaces: options.namespace === '' });
  const checker = new RegionHealthChecker({
    ...parts,
    objects,
    writes,
    writeProblems,
    onAnswer: (region, answer) => measured.record(region, answer),
    worker: workerModule('region-health/check'),
    leader: leaderOf('region-health', options.checkers),
  });
  measured.observe(() => regions.values());
  return ownCheckOf(checker, { problems, writeProblems });
}
