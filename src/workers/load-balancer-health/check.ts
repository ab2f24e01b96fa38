// The worker half of the load-balancer-health check: asks one region for the load balancers of its projects.

import pLimit from 'p-limit';
import type { Check } from '../../shared/checker.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { CheckFailure, toCheckError } from '../../shared/errors.ts';
import type {
  LoadBalancerHealthJob,
  LoadBalancerHealthResult,
  LoadBalancerList,
  LoadBalancerTask,
} from '../../shared/load-balancer-health.ts';
import { ownTools } from '../../shared/worker-tools.ts';
import { OpenstackClient } from '../openstack/client.ts';
import { Connections } from '../openstack/connections.ts';
import { ComputeDiscovery } from '../openstack/discovery.ts';
import { JobTime, missedTurn } from '../openstack/job-time.ts';
import type { LoginTools } from '../openstack/login.ts';
import { LoginPace } from '../openstack/login-pace.ts';
import { RequestLog } from '../openstack/request-log.ts';
import { TokenSession } from '../openstack/token-session.ts';
import { listLoadBalancers } from './load-balancers.ts';
import { withMembers } from './members.ts';
import { Octavia } from './octavia.ts';

/** Owns what outlives a job: the connections. Runs any number of jobs at once. */
export class LoadBalancerHealthCheck {
  readonly #connections: Connections;
  readonly #clock: Clock;

  constructor(options: { connections?: Connections; clock?: Clock } = {}) {
    this.#connections = options.connections ?? new Connections();
    this.#clock = options.clock ?? systemClock;
  }

  readonly run: Check<LoadBalancerHealthJob, LoadBalancerHealthResult> = async (
    job,
    jobSignal,
    tools = ownTools(),
  ) => {
    const { target, requestTimeoutMs, concurrency, loginsPerSecond } = job;
    const clock = this.#clock;
    if (target.provider !== 'openstack')
      return { projects: job.projects.map(unsupported), requests: [], calls: [] };
    const requests = new RequestLog({ traced: job.traced });
    const time = new JobTime({ deadlineMs: job.deadlineMs, signal: jobSignal, clock });
    const { signal } = time;
    const lease = this.#connections.lease({ caCertificate: target.caCertificate, requestTimeoutMs });
    const logins = new LoginPace({ perSecond: loginsPerSecond, clock, signal });
    const client = new OpenstackClient(lease, {
      memory: tools.memory.job(),
      clock,
      signal,
      limit: pLimit(concurrency),
      requestTimeoutMs,
      requests,
    });
    const loginTools = { target, client, discovery: new ComputeDiscovery(client), clock, logins };
    // Besides the requests, the projects take turns: what is begun gets finished before the deadline.
    const turns = pLimit(concurrency);
    try {
      const projects = await Promise.all(
        job.projects.map(async (task) =>
          turns(async () => (signal.aborted ? unasked(task, signal) : listProject(loginTools, task))),
        ),
      );
      return { projects, requests: requests.counts, calls: requests.calls };
    } finally {
      time.close();
      lease.release();
    }
  };

  async close(): Promise<void> {
    await this.#connections.close();
  }
}

/** Never rejects. */
async function listProject(tools: LoginTools, task: LoadBalancerTask): Promise<LoadBalancerList> {
  const { identityId, credentials, session: kept, knownDigest } = task;
  const { projectId } = credentials;
  const session = new TokenSession(tools, { credentials, session: kept });
  const service = new Octavia(tools, session);
  try {
    const list = await listLoadBalancers(service, { projectId, knownDigest });
    const observations = await withMembers(service, list.observations);
    const digest = list.malformed.length === 0 ? list.digest : null;
    const outcome = { ok: true as const, ...list, observations, digest };
    return { identityId, outcome, session: session.kept };
  } catch (thrown) {
    // Also for a region without such a service: the login serves the others.
    return { identityId, outcome: { ok: false, error: toCheckError(thrown) }, session: session.kept };
  }
}

function unasked({ identityId, session }: LoadBalancerTask, signal: AbortSignal): LoadBalancerList {
  return {
    identityId,
    outcome: { ok: false, error: missedTurn(signal), unasked: true },
    session: session ?? null,
  };
}

function unsupported({ identityId }: LoadBalancerTask): LoadBalancerList {
  const { error } = new CheckFailure({
    code: 'unsupported',
    message: 'regions of this provider have no load balancers to ask for',
  });
  return { identityId, outcome: { ok: false, error }, session: null };
}

// The worker thread that loads this module owns it; its end is the end of the thread.
const check = new LoadBalancerHealthCheck();

export default check.run;
