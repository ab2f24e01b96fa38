// The Kubernetes side of a benchmark: the stand-in in a process of its own, or a real API server.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import * as v from 'valibot';
import { loadClusterAccess } from '../src/main/kubernetes/access/config.ts';
import { KubernetesClient } from '../src/main/kubernetes/client.ts';
import type { Profile } from '../src/main/kubernetes/objects/profile.ts';
import type { KubernetesObject } from '../src/sandbox/kubernetes/object.ts';
import { apiGroup, apiVersion } from '../src/shared/labels.ts';
import { type ControlPlane, startControlPlane } from '../test/fixtures/kubernetes/control-plane.ts';
import { namespace } from './fleet.ts';
import { LineProgram } from './line-program.ts';

export interface Cluster {
  readonly name: string;
  /** A file. */
  readonly kubeconfig: string;
  readonly client: KubernetesClient;
  /** Creates objects, status included. */
  apply(objects: Iterable<KubernetesObject>): Promise<void>;
  /** PATCH requests of anybody, since the last call. */
  takePatches(): Promise<number>;
  /** Requests about Leases of anybody, since the last call; what this counts, `takePatches` does not count again. */
  takeLeaseRequests(): Promise<number>;
  /** Lets the next PATCH hang; null where that cannot be ordered. */
  readonly hangPatch: (() => Promise<void>) | null;
  close(): Promise<void>;
}

export async function startCluster({
  real,
  definitions,
}: {
  readonly real: boolean;
  readonly definitions: Profile;
}): Promise<Cluster> {
  return real ? RealCluster.start(definitions) : StandIn.start(definitions);
}

const inLump = 500;
const anything = v.unknown();
const readySchema = v.object({ ready: v.literal(true), url: v.string() });
const requestsSchema = v.object({ counts: v.record(v.string(), v.number()) });

class StandIn implements Cluster {
  readonly name = 'Kubernetes stand-in';
  readonly kubeconfig: string;
  readonly client: KubernetesClient;
  readonly #program: LineProgram;
  readonly #folder: string;

  private constructor(program: LineProgram, folder: string, client: KubernetesClient) {
    this.#program = program;
    this.#folder = folder;
    this.kubeconfig = join(folder, 'kubeconfig');
    this.client = client;
  }

  static async start(definitions: Profile): Promise<StandIn> {
    const program = new LineProgram('../src/sandbox/kubernetes/main.ts', [definitions]);
    await program.hear(readySchema);
    const folder = await mkdtemp(join(tmpdir(), 'region-monitor-bench-'));
    const asked = { command: 'kubeconfig', namespace };
    const { kubeconfig } = await program.ask(asked, v.object({ kubeconfig: v.string() }));
    const file = join(folder, 'kubeconfig');
    await writeFile(file, kubeconfig, { mode: 0o600 });
    return new StandIn(program, folder, await clientOf(file));
  }

  async apply(objects: Iterable<KubernetesObject>): Promise<void> {
    let lump: KubernetesObject[] = [];
    const send = async (): Promise<void> => {
      await this.#program.ask({ command: 'apply', objects: lump }, anything);
      lump = [];
    };
    for (const object of objects) {
      lump.push(object);
      if (lump.length === inLump) await send();
    }
    if (lump.length > 0) await send();
  }

  async takePatches(): Promise<number> {
    return this.#take((action) => action.startsWith('patch '));
  }

  async takeLeaseRequests(): Promise<number> {
    return this.#take((action) => action.endsWith(' leases'));
  }

  async #take(counts: (action: string) => boolean): Promise<number> {
    const taken = await this.#program.ask({ command: 'requests', clear: true }, requestsSchema);
    return Object.entries(taken.counts).reduce(
      (sum, [action, count]) => sum + (counts(action) ? count : 0),
      0,
    );
  }

  readonly hangPatch = async (): Promise<void> => {
    await this.#program.ask({ command: 'hang' }, anything);
  };

  async close(): Promise<void> {
    await this.client.close();
    await this.#program.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

class RealCluster implements Cluster {
  readonly name = 'real API server';
  readonly hangPatch = null;
  readonly client: KubernetesClient;
  readonly #controlPlane: ControlPlane;
  #patches = 0;
  #leaseRequests = 0;

  private constructor(controlPlane: ControlPlane, client: KubernetesClient) {
    this.#controlPlane = controlPlane;
    this.client = client;
  }

  get kubeconfig(): string {
    return this.#controlPlane.kubeconfig;
  }

  static async start(definitions: Profile): Promise<RealCluster> {
    const reporter = { log: (): void => {}, timeout: (): void => {} };
    const controlPlane =
      (await startControlPlane(reporter, { own: true })) ?? (await startControlPlane(reporter));
    if (controlPlane === null)
      throw new Error('--real needs a real API server: REGION_MONITOR_TEST_KUBECONFIG may name one');
    await controlPlane.installDefinitions(definitions);
    const known = await controlPlane.kubectl('get', 'namespaces', '-o', 'name');
    if (!known.includes(`namespace/${namespace}\n`))
      await controlPlane.kubectl('create', 'namespace', namespace);
    return new RealCluster(controlPlane, await clientOf(controlPlane.kubeconfig));
  }

  async apply(objects: Iterable<KubernetesObject>): Promise<void> {
    const limit = pLimit(connections);
    const applied: Promise<void>[] = [];
    for (const object of objects) applied.push(limit(async () => this.#create(object)));
    await Promise.all(applied);
  }

  async takeLeaseRequests(): Promise<number> {
    const total = await this.#total('resource="leases"');
    const since = total - this.#leaseRequests;
    this.#leaseRequests = total;
    return since;
  }

  async takePatches(): Promise<number> {
    const total = await this.#total('verb="PATCH"');
    const since = total - this.#patches;
    this.#patches = total;
    return since;
  }

  async close(): Promise<void> {
    await this.client.close();
    if (this.#controlPlane.shared) await this.#controlPlane.empty(namespace);
    await this.#controlPlane.stop();
  }

  /** All requests since the API server began, of those series that have this label. */
  async #total(label: string): Promise<number> {
    const text = await this.#controlPlane.kubectl('get', '--raw', '/metrics');
    const lines = text.split('\n').filter((line) => line.startsWith('apiserver_request_total{'));
    return lines
      .filter((line) => line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async #create(object: KubernetesObject): Promise<void> {
    const collection = pathOf(object.kind);
    await this.client.post(collection, object);
    if (object.status === undefined) return;
    await this.client.patch(`${collection}/${object.metadata.name}/status`, { status: object.status });
  }
}

const connections = 32;
const plurals: Readonly<Record<string, string>> = {
  Region: 'regions',
  Server: 'servers',
  Identity: 'identities',
  OpenstackIdentity: 'openstackidentities',
};

function pathOf(kind: string): string {
  const plural = plurals[kind];
  if (plural === undefined) return `/api/v1/namespaces/${namespace}/${kind.toLowerCase()}s`;
  return `/apis/${apiGroup}/${apiVersion}/namespaces/${namespace}/${plural}`;
}

async function clientOf(kubeconfig: string): Promise<KubernetesClient> {
  const access = await loadClusterAccess({ kubeconfig, context: '' });
  return new KubernetesClient(access, { requestTimeoutMs: 60_000, connections, userAgent: 'bench' });
}
