// Which of a project's servers the bare-metal service is asked about, and what it says.

import { Deadline } from '../../shared/deadline.ts';
import { type CheckError, toCheckError } from '../../shared/errors.ts';
import type { BaremetalTask, NodesResult } from '../../shared/server-health.ts';
import { untilAborted } from '../../shared/until-aborted.ts';
import { BaremetalAccess } from '../openstack/baremetal-session.ts';
import type { OpenstackClient } from '../openstack/client.ts';
import type { JobContext } from '../openstack/job-context.ts';
import type { LoginTools } from '../openstack/login.ts';
import { listNodes } from '../openstack/nodes.ts';
import { ownerId } from '../openstack/owner-metadata.ts';
import type { NovaServer } from '../openstack/schema.ts';
import { TokenSession } from '../openstack/token-session.ts';

/** The servers that are building by now: those of the list, and those that were and are not in it. */
function buildingServers(listed: readonly NovaServer[], task: BaremetalTask): readonly string[] {
  const owners = new Set(task.servers.map(({ name }) => name));
  const names = new Set(task.servers.map(({ displayName }) => displayName));
  const building = new Set(task.building);
  for (const server of listed) {
    building.delete(server.id);
    if (server.status !== 'BUILD') continue;
    const owner = ownerId(server.metadata);
    if ((owner !== null && owners.has(owner)) || names.has(server.name ?? '')) building.add(server.id);
  }
  return [...building];
}

/** Time for the bare-metal service, as a part of what the job has left, or that much if it is more. */
const patience = { least: 1 / 4, leastMs: 5_000, most: 1 / 2 };

export interface NodeReaderOptions {
  readonly tools: LoginTools;
  readonly context: Pick<JobContext, 'clock' | 'deadlineMs' | 'signal'>;
  /** The tools' client, with a signal of its own. */
  readonly clientWith: (signal: AbortSignal) => OpenstackClient;
}

/** One job's questions to the bare-metal service, which have less time than the job: servers do not wait for a service that hangs. */
export class NodeReader {
  readonly #options: NodeReaderOptions;
  /** Once the service was too slow for one project, it is not asked for the others. */
  #tooSlow: CheckError | null = null;

  constructor(options: NodeReaderOptions) {
    this.#options = options;
  }

  /**
   * Undefined when there is nothing to ask. `earlier` is what was said in this poll before: only servers that were not
   * asked for then are worth another request. Never rejects: the servers are known from what Nova says alone.
   */
  async read(
    listed: readonly NovaServer[],
    task: BaremetalTask | undefined,
    earlier: NodesResult | undefined,
  ): Promise<NodesResult | undefined> {
    if (task === undefined) return undefined;
    const asked = buildingServers(listed, task);
    if (asked.length === 0 || (earlier !== undefined && answers(earlier, asked))) return earlier;
    const { session = null } = earlier ?? task;
    if (this.#tooSlow !== null)
      return { outcome: { ok: false, step: 'list', asked, error: this.#tooSlow }, session };
    const { credentials } = task;
    return this.#ask(asked, session === null ? { credentials } : { credentials, session });
  }

  async #ask(
    asked: readonly string[],
    { credentials, session }: Pick<BaremetalTask, 'credentials' | 'session'>,
  ): Promise<NodesResult> {
    const { tools, context, clientWith } = this.#options;
    const ms = patienceMs(context.deadlineMs - context.clock.monotonicMs());
    const time = new Deadline(ms, context.signal);
    const bounded = { ...tools, client: clientWith(time.signal) };
    const login = new TokenSession(bounded, { credentials, session });
    const access = new BaremetalAccess(bounded, login);
    let step: 'session' | 'list' = 'session';
    try {
      // A turn to log in or to send is waited for without a look at the signal.
      await untilAborted(access.url(), time.signal);
      step = 'list';
      const nodes = await untilAborted(listNodes(access, asked), time.signal);
      return { outcome: { ok: true, ...nodes }, session: login.kept };
    } catch (thrown) {
      const error: CheckError = time.expired
        ? { code: 'timeout', message: `the bare-metal service gave no answer within ${Math.round(ms)} ms` }
        : toCheckError(thrown);
      if (error.code === 'timeout') this.#tooSlow = error;
      return { outcome: { ok: false, step, asked, error }, session: login.keptAfter(error.code) };
    } finally {
      time.release();
    }
  }
}

/** A service that failed a moment ago is not asked again at once. */
function answers({ outcome }: NodesResult, serverIds: readonly string[]): boolean {
  return !outcome.ok || serverIds.every((id) => id in outcome.states || outcome.ambiguous.includes(id));
}

/** How long the service is waited for, where the job has that much time left. */
export function patienceMs(leftMs: number): number {
  return Math.max(0, Math.min(leftMs * patience.most, Math.max(leftMs * patience.least, patience.leastMs)));
}
