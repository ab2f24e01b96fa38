// The worker half of the server-health check: asks one region of all its projects' servers.

import pLimit from 'p-limit';
import type { Check } from '../shared/checker.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { concernsRegion } from '../shared/errors.ts';
import type { ServerHealthJob, ServerHealthResult } from '../shared/server-health.ts';
import { Connections } from './connections.ts';
import { JobTime } from './job-time.ts';
import { LoginPace } from './login-pace.ts';
import { createProvider, type Provider } from './provider.ts';
import { RequestLog } from './request-log.ts';

/** Owns what outlives a job: the connections. Runs any number of jobs at once. */
export class ServerHealthCheck {
  readonly #connections: Connections;
  readonly #clock: Clock;

  constructor(options: { connections?: Connections; clock?: Clock } = {}) {
    this.#connections = options.connections ?? new Connections();
    this.#clock = options.clock ?? systemClock;
  }

  readonly run: Check<ServerHealthJob, ServerHealthResult> = async (job, signal) => {
    const limit = pLimit(job.concurrency);
    // Besides the requests, the projects take turns: what is begun gets finished before the deadline, and no more
    // lists are in memory than can be read at once.
    const turns = pLimit(job.concurrency);
    const requests = new RequestLog({ traced: job.traced });
    const time = new JobTime({ deadlineMs: job.deadlineMs, signal, clock: this.#clock });
    const provider = createProvider(job.target, {
      connections: this.#connections,
      clock: this.#clock,
      signal: time.signal,
      limit,
      logins: new LoginPace({ perSecond: job.loginsPerSecond, clock: this.#clock, signal: time.signal }),
      requestTimeoutMs: job.requestTimeoutMs,
      requests,
    });
    const { flavors } = job;
    try {
      const refused = job.probe ? await probe(job, provider) : null;
      if (refused !== null) return { ...refused, requests: requests.counts, calls: requests.calls };
      const [flavorResult, projects] = await Promise.all([
        flavors === undefined ? null : turns(async () => provider.listFlavors(flavors)),
        Promise.all(job.projects.map(async (task) => turns(async () => provider.listProject(task)))),
      ]);
      return { projects, flavors: flavorResult, requests: requests.counts, calls: requests.calls };
    } finally {
      time.close();
      provider.release();
    }
  };

  async close(): Promise<void> {
    await this.#connections.close();
  }
}

/** Asks one project of a region that failed before. When the region still fails, no other is asked: all get its error. */
async function probe(
  job: ServerHealthJob,
  provider: Provider,
): Promise<Pick<ServerHealthResult, 'projects' | 'flavors'> | null> {
  const [first, ...others] = job.projects;
  if (first === undefined) return null;
  const result = await provider.listProject(first);
  if (result.outcome.ok || !concernsRegion(result.outcome.error.code)) return null;
  const { outcome } = result;
  const unasked = others.map(({ identityId, session = null }) => ({ identityId, outcome, session }));
  const flavors = job.flavors === undefined ? null : { outcome, session: job.flavors.session ?? null };
  return { projects: [result, ...unasked], flavors };
}

// The worker thread that loads this module owns it; its end is the end of the thread.
const check = new ServerHealthCheck();

export default check.run;
