// The worker half of the region-health check: asks each service of one region for its version document.

import type { Check } from '../../shared/checker.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { type CheckError, toCheckError } from '../../shared/errors.ts';
import type { RegionHealthJob, RegionHealthResult, VersionDocuments } from '../../shared/region-health.ts';
import { catalogServices, type Session } from '../../shared/session.ts';
import { ownTools } from '../../shared/worker-tools.ts';
import { Connections } from '../openstack/connections.ts';
import { JobScope } from '../openstack/job-scope.ts';
import { identityUrl, type LoginTools } from '../openstack/login.ts';
import { loginTools } from '../openstack/login-tools.ts';
import { TokenSession } from '../openstack/token-session.ts';
import { askIdentity, askService } from './services.ts';

/** Owns what outlives a job: the connections. Runs any number of jobs at once. */
export class RegionHealthCheck {
  readonly #connections: Connections;
  readonly #clock: Clock;

  constructor(options: { connections?: Connections; clock?: Clock } = {}) {
    this.#connections = options.connections ?? new Connections();
    this.#clock = options.clock ?? systemClock;
  }

  readonly run: Check<RegionHealthJob, RegionHealthResult> = async (job, jobSignal, tools = ownTools()) => {
    const { target, requestTimeoutMs } = job;
    // Of other providers there is nothing to ask.
    if (target.provider !== 'openstack')
      return { answers: [], loginError: null, documents: {}, session: null, requests: [], calls: [] };
    const connections = this.#connections;
    const scope = new JobScope(job, { connections, clock: this.#clock, tools, signal: jobSignal });
    const lease = connections.lease({ caCertificate: target.caCertificate, requestTimeoutMs });
    try {
      return { ...(await askRegion(loginTools(target, lease, scope), job)), ...scope.sent };
    } finally {
      scope.close();
      lease.release();
    }
  };

  async close(): Promise<void> {
    await this.#connections.close();
  }
}

/** Rejects with a CheckFailure when the region's endpoint cannot be used: what cannot be asked is not an outage. */
async function askRegion(
  tools: LoginTools,
  job: RegionHealthJob,
): Promise<Omit<RegionHealthResult, 'requests' | 'calls'>> {
  const url = identityUrl(tools.target.endpoint);
  const [identity, { session, loginError }] = await Promise.all([askIdentity(tools, url), logIn(tools, job)]);
  const found = session === null ? [] : await askCatalog(tools, session, job.documents);
  const answers = [identity, ...found.map(({ answer }) => answer)];
  const documents = Object.fromEntries(
    found.flatMap(({ answer: { service }, document }) => (document === null ? [] : [[service, document]])),
  );
  return { answers, loginError, documents, session };
}

async function logIn(
  tools: LoginTools,
  { credentials, session: kept }: RegionHealthJob,
): Promise<{ readonly session: Session | null; readonly loginError: CheckError | null }> {
  if (credentials === null) return { session: null, loginError: null };
  const session = new TokenSession(tools, { credentials, session: kept });
  try {
    await session.open();
    return { session: session.kept, loginError: null };
  } catch (thrown) {
    return { session: null, loginError: toCheckError(thrown) };
  }
}

async function askCatalog(tools: LoginTools, session: Session, documents: VersionDocuments) {
  const asked = await Promise.all(
    catalogServices.map(async (service) =>
      askService(tools, { service, session, known: documents[service] }),
    ),
  );
  return asked.flatMap((each) => each ?? []);
}

// The worker thread that loads this module owns it; its end is the end of the thread.
const check = new RegionHealthCheck();

export default check.run;
