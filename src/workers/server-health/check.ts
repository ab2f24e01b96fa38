// The worker half of the server-health check: asks one region of all its projects' servers.

import type { Check } from '../../shared/checker.ts';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { concernsRegion } from '../../shared/errors.ts';
import type {
  ProjectResult,
  ProjectTask,
  ServerHealthJob,
  ServerHealthResult,
} from '../../shared/server-health.ts';
import { ownTools } from '../../shared/worker-tools.ts';
import { Connections } from '../openstack/connections.ts';
import { JobScope } from '../openstack/job-scope.ts';
import { missedTurn } from '../openstack/job-time.ts';
import { ProjectTurns } from '../openstack/project-turns.ts';
import { createProvider } from './create-provider.ts';

/** Owns what outlives a job: the connections. Runs any number of jobs at once. */
export class ServerHealthCheck {
  readonly #connections: Connections;
  readonly #clock: Clock;

  constructor(options: { connections?: Connections; clock?: Clock } = {}) {
    this.#connections = options.connections ?? new Connections();
    this.#clock = options.clock ?? systemClock;
  }

  readonly run: Check<ServerHealthJob, ServerHealthResult> = async (job, signal, tools = ownTools()) => {
    const connections = this.#connections;
    const scope = new JobScope(job, { connections, clock: this.#clock, tools, signal });
    const turns = new ProjectTurns(job.concurrency);
    const provider = createProvider(job.target, scope);
    const { flavors } = job;
    const [first, ...others] = job.projects;
    const listInTurn = async (task: ProjectTask): Promise<ProjectResult> =>
      turns.take(task, async () =>
        scope.signal.aborted ? unasked(task, scope.signal) : provider.listProject(task),
      );
    try {
      const probed = job.probe && first !== undefined ? await provider.listProject(first) : null;
      const refused = probed === null ? null : refusal(job, probed);
      if (refused !== null) return { ...refused, ...scope.sent };
      const left = probed === null ? job.projects : others;
      const [flavorResult, listed] = await Promise.all([
        flavors === undefined ? null : turns.take(flavors, async () => provider.listFlavors(flavors)),
        Promise.all(left.map(listInTurn)),
      ]);
      const projects = probed === null ? listed : [probed, ...listed];
      return { projects, flavors: flavorResult, ...scope.sent };
    } finally {
      scope.close();
      provider.release();
    }
  };

  async close(): Promise<void> {
    await this.#connections.close();
  }
}

/** When the region still fails the project that was asked first, no other is asked: all get its error. Null when not. */
function refusal(
  job: ServerHealthJob,
  probed: ProjectResult,
): Pick<ServerHealthResult, 'projects' | 'flavors'> | null {
  const { outcome } = probed;
  if (outcome.ok || !concernsRegion(outcome.error.code)) return null;
  const others = job.projects.slice(1).map(({ identityId, session }) => ({
    identityId,
    outcome: { ...outcome, unasked: true },
    session: session ?? null,
  }));
  const flavors = job.flavors === undefined ? null : { outcome, session: job.flavors.session ?? null };
  return { projects: [probed, ...others], flavors };
}

/** The answer for a project whose turn comes when the time of the job is over. */
function unasked({ identityId, session }: ProjectTask, signal: AbortSignal): ProjectResult {
  const outcome = { ok: false as const, error: missedTurn(signal), unasked: true };
  return { identityId, outcome, session: session ?? null };
}

// The worker thread that loads this module owns it; its end is the end of the thread.
const check = new ServerHealthCheck();

export default check.run;
