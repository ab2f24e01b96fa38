// A simulated OpenStack cloud on a port of this machine: Keystone v3 and Nova over real HTTP, with servers that can be
// changed from the program that started it, and with faults. It answers as Keystone 22 and Nova 26.2 (Zed) do.

import { type Clock, systemClock } from '../../shared/clock.ts';
import { Accounts, type Domain, type Project, type User } from './accounts.ts';
import type { ActionName } from './actions.ts';
import { catalogUrls } from './catalog.ts';
import type { FaultPlan } from './faults.ts';
import { type CloudFlavor, flavorOf, type NewFlavor } from './flavors.ts';
import { Fleet } from './fleet.ts';
import { addIdentity, addServiceAccount, type CloudIdentity } from './identities.ts';
import { Ironic } from './ironic.ts';
import { Keystone } from './keystone.ts';
import { Listener } from './listener.ts';
import { LoadBalancers } from './load-balancers.ts';
import { minorOf } from './microversion.ts';
import { Nodes } from './nodes.ts';
import { Nova } from './nova.ts';
import { Octavia } from './octavia.ts';
import type { RequestLog } from './request-log.ts';
import { type CloudServer, type NewServer, newServer, type ServerChanges } from './server.ts';
import { type RebuildOptions, type TaskOptions, Tasks } from './tasks.ts';
import { VersionServices } from './version-services.ts';
import { Wire } from './wire.ts';

export interface SandboxCloudOptions {
  /** 0, a free port, unless given. */
  readonly port?: number;
  /** The cloud's own clock: tokens, times of servers, the Date header. The system's unless given. */
  readonly clock?: Clock;
  /** An hour unless given. */
  readonly tokenLifetimeMs?: number;
  /** Servers on a page, at most: 1000 unless given. */
  readonly maxLimit?: number;
  /** Delay of every answer. */
  readonly latencyMs?: number;
  /** Newest compute microversion: 2.93 unless given. */
  readonly microversionMax?: string;
  /** RegionOne unless given. */
  readonly catalogRegion?: string;
  /** Whether the catalog's compute URL ends with the project's id, as that of many clouds does. */
  readonly projectInComputeUrl?: boolean;
  /** Whether the catalog has a load-balancer service: true unless given. */
  readonly loadBalancers?: boolean;
  /** Whether lists show the fault of a server in error; on real clouds it depends on the set-up of their databases. */
  readonly faultsInLists?: boolean;
  /** How long a gradual task (powering-off, spawning, …) takes on the cloud's clock: 3 s unless given. */
  readonly taskMs?: number;
  /** PEM; plain HTTP unless given. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Told of every server that is created or changes, by whom or what ever. */
  readonly onChange?: (server: CloudServer) => void;
}

export type { CloudIdentity } from './identities.ts';

export class SandboxCloud {
  /** Keystone's root, without /v3 and without a trailing slash. Nova is below it and in the catalog. */
  readonly endpoint: string;
  readonly requests: RequestLog;
  readonly faults: FaultPlan;
  /** Its bare-metal nodes. */
  readonly nodes = new Nodes();
  readonly loadBalancers: LoadBalancers;

  readonly #clock: Clock;
  readonly #accounts: Accounts;
  readonly #fleet: Fleet;
  readonly #tasks: Tasks;
  readonly #flavors = new Map<string, CloudFlavor>();
  readonly #nova: Nova;
  readonly #listener: Listener;
  readonly #closing: AbortController;
  #created = 0;

  static async start(options: SandboxCloudOptions = {}): Promise<SandboxCloud> {
    minorOf(options.microversionMax ?? '2.93');
    const wire = new Wire({ clock: options.clock ?? systemClock, latencyMs: options.latencyMs ?? 0 });
    const listener = new Listener(wire.handler, { port: options.port ?? 0, tls: options.tls ?? null });
    await listener.open();
    return new SandboxCloud(options, wire, listener);
  }

  private constructor(options: SandboxCloudOptions, wire: Wire, listener: Listener) {
    this.endpoint = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${listener.port}`;
    this.requests = wire.requests;
    this.faults = wire.faults;
    this.#clock = options.clock ?? systemClock;
    this.loadBalancers = new LoadBalancers(() => this.#clock.now());
    this.#fleet = new Fleet(options.onChange);
    this.#listener = listener;
    this.#closing = wire.closing;
    this.#tasks = new Tasks({
      fleet: this.#fleet,
      clock: this.#clock,
      taskMs: options.taskMs ?? 3000,
      closing: wire.closing.signal,
    });
    this.#accounts = new Accounts(this.#clock, options.tokenLifetimeMs ?? 3_600_000);
    this.addFlavor({ id: '11111111-1111-4111-8111-111111111111', name: 'm1.large' });
    this.addFlavor({
      id: '22222222-2222-4222-8222-222222222222',
      name: 'g1.gpu',
      vcpus: 16,
      ramMib: 131_072,
      diskGib: 200,
      extraSpecs: { 'pci_passthrough:alias': 'gpu:1' },
    });
    this.#nova = new Nova({
      accounts: this.#accounts,
      fleet: this.#fleet,
      flavors: this.#flavors,
      endpoint: this.endpoint,
      maxLimit: options.maxLimit ?? 1000,
      microversionMax: options.microversionMax ?? '2.93',
      faultsInLists: options.faultsInLists ?? false,
      perform: ({ id }, action) => this.#tasks.act(id, action, { gradual: true }),
      rebuild: ({ id }, imageId) => this.#tasks.rebuild(id, imageId, { gradual: true }),
      reset: ({ id }, changes) => this.#tasks.update(id, changes),
      delete: ({ id }) => this.#tasks.delete(id, { gradual: true }),
    });
    wire.serve({
      endpoint: this.endpoint,
      accounts: this.#accounts,
      keystone: new Keystone({
        accounts: this.#accounts,
        endpoint: this.endpoint,
        catalog: {
          region: options.catalogRegion ?? 'RegionOne',
          urls: catalogUrls(this.endpoint, {
            projectInComputeUrl: options.projectInComputeUrl ?? false,
            loadBalancers: options.loadBalancers ?? true,
          }),
        },
      }),
      nova: this.#nova,
      ironic: new Ironic({
        accounts: this.#accounts,
        nodes: this.nodes,
        endpoint: this.endpoint,
        maxLimit: options.maxLimit ?? 1000,
      }),
      others: new VersionServices(this.endpoint),
      octavia: new Octavia({
        accounts: this.#accounts,
        loadBalancers: this.loadBalancers,
        endpoint: this.endpoint,
        maxLimit: options.maxLimit ?? 1000,
      }),
    });
  }

  addDomain(options?: Parameters<Accounts['addDomain']>[0]): Domain {
    return this.#accounts.addDomain(options);
  }

  addProject(options?: Parameters<Accounts['addProject']>[0]): Project {
    return this.#accounts.addProject(options);
  }

  addUser(options: Parameters<Accounts['addUser']>[0]): User {
    return this.#accounts.addUser(options);
  }

  /** A project with a user of its own, as the region service makes for an identity. */
  addIdentity(options: Parameters<typeof addIdentity>[1] = {}): CloudIdentity {
    return addIdentity(this.#accounts, options);
  }

  /** A region's service account: administrator of a domain of its own and of a project in it. */
  serviceAccount(): CloudIdentity {
    return addServiceAccount(this.#accounts);
  }

  /** Makes the service account an administrator of a project, too: only so does it see the nodes of its servers. */
  grantAdmin({ userId }: CloudIdentity, projectId: string): void {
    this.#accounts.grant(userId, projectId, ['admin', 'member', 'reader']);
  }

  rotatePassword(userId: string, password: string): void {
    this.#accounts.setPassword(userId, password);
  }

  /** Of a project, or all. `wavering`: they are good and bad by turns, as for minutes on a real cloud. */
  revokeTokens(projectId?: string, options: { wavering?: boolean } = {}): void {
    this.#accounts.revoke(
      ({ scope }) => projectId === undefined || (scope.kind === 'project' && scope.projectId === projectId),
      options,
    );
  }

  addFlavor(flavor: NewFlavor): CloudFlavor {
    const added = flavorOf(flavor);
    this.#flavors.set(added.id, added);
    return added;
  }

  get flavors(): CloudFlavor[] {
    return [...this.#flavors.values()];
  }

  /** Servers that are not deleted. */
  get size(): number {
    return this.#fleet.size;
  }

  /** As it is now; undefined where there never was one. */
  server(id: string): CloudServer | undefined {
    return this.#fleet.get(id);
  }

  /** Of a project, or all, newest first, without the deleted ones. */
  servers(projectId?: string): CloudServer[] {
    return this.#fleet.servers(projectId);
  }

  createServer(projectId: string, options: NewServer = {}): CloudServer {
    const flavorId = options.flavorId ?? this.#flavors.keys().next().value ?? '';
    if (!this.#flavors.has(flavorId)) throw new Error(`the sandbox's cloud has no flavor ${flavorId}`);
    this.#created++;
    const server = newServer(
      projectId,
      { ...options, flavorId },
      { ordinal: this.#created, nowMs: this.#clock.now() },
    );
    this.#fleet.add(server);
    return server;
  }

  /** A new server in BUILD that becomes ACTIVE, or ERROR when a fault is given; at once or gradually. */
  build(projectId: string, options: Omit<NewServer, 'status'> & TaskOptions = {}): CloudServer {
    const { gradual = false, fault, ...server } = options;
    const { id } = this.createServer(projectId, { ...server, status: 'BUILD' });
    const after = fault === undefined ? { status: 'ACTIVE' } : { status: 'ERROR', fault };
    this.#tasks.perform(id, {}, after, { gradual });
    return this.#tasks.known(id);
  }

  /** Changes a server and the time of its last change. A new status brings power, vm and task state along. */
  updateServer(id: string, changes: ServerChanges): CloudServer {
    return this.#tasks.update(id, changes);
  }

  rename(id: string, name: string): CloudServer {
    return this.updateServer(id, { name });
  }

  start(id: string, options: TaskOptions = {}): void {
    this.act(id, 'os-start', options);
  }

  stop(id: string, options: TaskOptions = {}): void {
    this.act(id, 'os-stop', options);
  }

  /** Any of Nova's actions, whatever state the server is in. */
  act(id: string, name: ActionName, options: TaskOptions = {}): void {
    this.#tasks.act(id, name, options);
  }

  /** Puts another image on the server. As in Nova, its record names that from the beginning; a fault ends it in ERROR. */
  rebuild(id: string, imageId: string, options: RebuildOptions = {}): void {
    this.#tasks.rebuild(id, imageId, options);
  }

  /** Puts the server in error, with a fault that `GET /servers/{id}` shows. */
  fail(id: string, message: string): CloudServer {
    return this.updateServer(id, { status: 'ERROR', fault: message });
  }

  /** It stays in lists of changes, as DELETED. */
  deleteServer(id: string, options: TaskOptions = {}): void {
    this.#tasks.delete(id, options);
  }

  /** Whether the cell that holds these servers, or all of a project, answers. */
  setCellDown(which: { projectId: string } | { serverIds: readonly string[] }, down: boolean): void {
    const servers =
      'projectId' in which
        ? this.servers(which.projectId)
        : which.serverIds.map((id) => this.#tasks.known(id));
    for (const server of servers) this.#fleet.replace({ ...server, cellDown: down });
  }

  /** Writes the records of all servers, so that the first list is as fast as the later ones. */
  warm(microversion = '2.90'): void {
    this.#nova.warm(minorOf(microversion));
  }

  /** Shows another certificate to connections that are made from now on. For a cloud that was started with one. */
  setCertificate(tls: { readonly key: string; readonly cert: string }): void {
    this.#listener.setCertificate(tls);
  }

  /** Open connections. */
  connections(): number {
    return this.#listener.connections;
  }

  /** Cuts all connections and refuses new ones. */
  async pause(): Promise<void> {
    await this.#listener.close();
  }

  /** Back on the same port. */
  async resume(): Promise<void> {
    await this.#listener.open();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#listener.close();
  }
}
