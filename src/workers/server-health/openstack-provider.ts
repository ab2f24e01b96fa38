// One job's access to one OpenStack region.

import { type CheckFailure, toCheckError } from '../../shared/errors.ts';
import type { Observation } from '../../shared/observation.ts';
import type {
  FlavorResult,
  FlavorTask,
  ListedPage,
  NodesResult,
  ProjectResult,
  ProjectTask,
} from '../../shared/server-health.ts';
import type { Session } from '../../shared/session.ts';
import { OpenstackClient } from '../openstack/client.ts';
import type { ConnectionLease } from '../openstack/connections.ts';
import { readFaults } from '../openstack/faults.ts';
import { listFlavors } from '../openstack/flavors.ts';
import type { JobContext } from '../openstack/job-context.ts';
import type { LoginTools, OpenstackTarget } from '../openstack/login.ts';
import { loginTools } from '../openstack/login-tools.ts';
import { listServers, type ServerList } from '../openstack/servers.ts';
import { ComputeSession } from '../openstack/session.ts';
import { TokenSession } from '../openstack/token-session.ts';
import { NodeReader } from './building-nodes.ts';
import type { Provider } from './provider.ts';
import { observeServer } from './server-observation.ts';

export class OpenstackProvider implements Provider {
  readonly #lease: ConnectionLease;
  readonly #tools: LoginTools;
  readonly #nodes: NodeReader;

  constructor(target: OpenstackTarget, context: JobContext) {
    const { requestTimeoutMs } = context;
    this.#lease = context.connections.lease({ caCertificate: target.caCertificate, requestTimeoutMs });
    this.#tools = loginTools(target, this.#lease, context);
    const clientWith = (signal: AbortSignal) => new OpenstackClient(this.#lease, { ...context, signal });
    this.#nodes = new NodeReader({ tools: this.#tools, context, clientWith });
  }

  async listProject(task: ProjectTask): Promise<ProjectResult> {
    const { identityId, changesSince, baremetal } = task;
    let nodes: NodesResult | undefined;
    const answer = await this.#withSession(task, `identity ${identityId}`, async (session) => {
      const observed = async (list: ServerList, { complete }: { readonly complete: boolean }) => {
        const { servers, malformed, watermark } = list;
        const [faults, found] = await Promise.all([
          readFaults(session, servers, task.knownFaults),
          this.#nodes.read(servers, baremetal, nodes),
        ]);
        nodes = found;
        const observations = servers.map((server) =>
          observeServer(server, faults.get(server.id), { complete }),
        );
        return { complete, observations, malformed, watermark, pages: listedPages(list, observations) };
      };
      const first = await observed(await listServers(session, task), {
        complete: changesSince === undefined,
      });
      if (task.alsoComplete !== true) return first;
      const whole = await this.#completeList(session, task);
      return 'servers' in whole ? observed(whole, { complete: true }) : { ...first, completeError: whole };
    });
    return { identityId, ...answer, ...(nodes === undefined ? {} : { nodes }) };
  }

  /** The complete list, or why it could not be read: what changed is known without it. */
  async #completeList(
    session: ComputeSession,
    { pageSize }: ProjectTask,
  ): Promise<ServerList | CheckFailure['error']> {
    try {
      return await listServers(session, pageSize === undefined ? {} : { pageSize });
    } catch (thrown) {
      return toCheckError(thrown);
    }
  }

  async listFlavors(task: FlavorTask): Promise<FlavorResult> {
    return this.#withSession(task, "the region's service account", async (session) => ({
      flavors: await listFlavors(session),
    }));
  }

  release(): void {
    this.#lease.release();
  }

  async #withSession<Answer extends object>(
    task: FlavorTask,
    owner: string,
    work: (session: ComputeSession) => Promise<Answer>,
  ): Promise<Outcome<Answer>> {
    if (task.credentials === undefined) return { outcome: missingCredentials(owner), session: null };
    const { credentials, session: kept } = task;
    const session = new TokenSession(this.#tools, { credentials, session: kept });
    try {
      const answer = await work(new ComputeSession(this.#tools, session));
      return { outcome: { ok: true, ...answer }, session: session.kept };
    } catch (thrown) {
      const error = toCheckError(thrown);
      return { outcome: { ok: false, error }, session: session.keptAfter(error.code) };
    }
  }
}

function listedPages({ pages }: ServerList, observations: readonly Observation[]): readonly ListedPage[] {
  const reported = observations.values();
  return pages.map(({ digest, next, records, unchanged, listed, malformed }) => {
    let certain = malformed === 0;
    const serverDigests = listed.map((record) => {
      const observation = record.place === null ? reported.next().value : undefined;
      if (observation === undefined || isCertain(observation)) return record.digest;
      certain = false;
      return 0;
    });
    const places = listed.map(({ place }) => place);
    return { digest: certain ? digest : null, next, records, serverDigests, unchanged, places };
  });
}

/** Whether the same record would say the same again: not when more than the record was asked for, and did not come. */
function isCertain({ partial, health, fault }: Observation): boolean {
  return !partial && (health.reason !== 'Errored' || fault !== undefined);
}

interface Outcome<Answer> {
  readonly outcome: ({ readonly ok: true } & Answer) | Failed;
  readonly session: Session | null;
}

interface Failed {
  readonly ok: false;
  readonly error: CheckFailure['error'];
}

function missingCredentials(owner: string): Failed {
  return {
    ok: false,
    error: {
      code: 'invalid-config',
      message: `${owner} came without credentials: look at its status, or its Secret`,
    },
  };
}
