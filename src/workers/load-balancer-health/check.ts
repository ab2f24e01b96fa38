// The worker half of the load-balancer-health check: asks one region for the load balancers of its projects.

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
import { Connections } from '../openstack/connections.ts';
import { JobScope } from '../openstack/job-scope.ts';
import { missedTurn } from '../openstack/job-time.ts';
import type { LoginTools } from '../openstack/login.ts';
import { loginTools } from '../openstack/login-tools.ts';
import { ProjectTurns } from '../openstack/project-turns.ts';
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
    const { target, requestTimeoutMs, concurrency } = job;
    if (target.provider !== 'openstack')
      return { projects: job.projects.map(unsupported), requests: [], calls: [] };
    const connections = this.#connections;
    const scope = new JobScope(job, { connections, clock: this.#clock, tools, signal: jobSignal });
    const { signal } = scope;
    const lease = connections.lease({ caCertificate: target.caCertificate, requestTimeoutMs });
    const logIn = loginTools(target, lease, scope);
    const turns = new ProjectTurns(concurrency);
    try {
      const projects = await Promise.all(
        job.projects.map(async (task) =>
          turns.take(task, async () => (signal.aborted ? unasked(task, signal) : listProject(logIn, task))),
        ),
      );
      return { projects, ...scope.sent };
    } finally {
      scope.close();
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
