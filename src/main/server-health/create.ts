// Puts the server-health check together.

import { type CheckParts, type OwnCheck, ownCheckOf } from '../checks/own-check.ts';
import { workerModule } from '../polls/worker-modules.ts';
import { WriteProblems } from '../projection/write-problems.ts';
import { ServerHealthChecker } from './checker.ts';
import { writeProblem } from './problems.ts';
import { flavorAttributes, ServerProjector } from './projector.ts';
import { DurationLog } from './status/duration-log.ts';
import { serverWords } from './status/server-fields.ts';
import { ServerKind } from './status/server-kind.ts';

export function createServerHealth(parts: CheckParts): OwnCheck {
  const { options, caches, views, regions, problems, writing, definitions, metrics, clock, turns } = parts;
  const { servers } = views;
  const kind = new ServerKind({
    log: writing.log(serverWords),
    durations: new DurationLog(parts.logger, writing.fields(serverWords)),
    metrics,
    definitions,
    clock,
    attributes: (server) => {
      const { namespace, regionId } = server;
      const region = regionId === undefined ? undefined : regions.get({ namespace, name: regionId });
      return flavorAttributes(server, region);
    },
  });
  const writes = writing.of(kind, {
    cache: caches.servers,
    view: servers,
    onlooker: parts.onlookers.servers,
  });
  const writeProblems = new WriteProblems(writeProblem);
  const checker = new ServerHealthChecker({
    ...parts,
    servers,
    writeProblems,
    projector: new ServerProjector({ servers, writes, writeProblems, metrics, clock, turns }),
    worker: workerModule('server-health/check'),
    holdLastKnownMs: options.holdLastKnownMs,
    limits: {
      ...parts.limits,
      reconcileEvery: options.reconcileEvery,
      serversPerJob: options.serversPerJob,
    },
  });
  return ownCheckOf(checker, { problems, writeProblems });
}
