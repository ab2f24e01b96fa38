// A stand-in for the Kubernetes API, for newcomers, tests and benchmarks: one process, no etcd, real HTTP.
//
// It keeps to what the real API server does where the monitor and kubectl can tell the difference; a conformance
// test asks both the same. It does not know: JSON patches, server-side apply, protobuf, tables, several users.

import { type Clock, systemClock } from '../../shared/clock.ts';
import { KubernetesAccess } from './access.ts';
import { definitions, type Profile } from './definitions.ts';
import { FaultPlan } from './faults.ts';
import { KubernetesHandler } from './handler.ts';
import { KubernetesHttp } from './http.ts';
import { isKubernetesObject, type JsonObject, type KubernetesObject, parseJson } from './object.ts';
import { openApi } from './openapi.ts';
import { RequestLog } from './requests.ts';
import { type Resource, type ResourceName, resources } from './resources.ts';
import { parseRoute } from './route.ts';
import { type Change, KubernetesStore, readStored } from './store.ts';
import { KubernetesWatches } from './watch.ts';
import { KubernetesWriter, keyOf, type Written } from './writes.ts';

export interface SandboxKubernetesOptions {
  /** 0, the default, takes a free port of the loopback interface. */
  readonly port?: number;
  readonly profile?: Profile;
  readonly clock?: Clock;
  /** Between bookmarks of a watch; one minute by default, as in the real one. */
  readonly bookmarkIntervalMs?: number;
  /** When given, requests need it as a bearer token. */
  readonly token?: string;
  /** How many past changes are kept: older versions are answered 410. */
  readonly watchWindow?: number;
}

function resourceOf(name: ResourceName): Resource {
  const resource = resources.find((entry) => entry.plural === name);
  if (resource === undefined) throw new TypeError(`there is no resource ${name}`);
  return resource;
}

function objectOf(written: Written): KubernetesObject {
  const value = parseJson(written.json);
  if (!isKubernetesObject(value)) throw new TypeError('what was written is no object');
  return value;
}

export class SandboxKubernetes {
  /** Every request that was received. */
  readonly requests = new RequestLog();
  /** What shall go wrong. */
  readonly faults: FaultPlan;
  /** What clients may do: everything, unless it is restricted. */
  readonly access = new KubernetesAccess();
  readonly #token: string | undefined;
  readonly #store: KubernetesStore;
  readonly #writer: KubernetesWriter;
  readonly #watches: KubernetesWatches;
  readonly #http: KubernetesHttp;
  #profile: Profile;
  #definitions: ReturnType<typeof definitions>;
  #openApi: ReturnType<typeof openApi>;

  private constructor(options: SandboxKubernetesOptions) {
    const { clock = systemClock, bookmarkIntervalMs = 60_000, watchWindow = 20_000 } = options;
    this.#token = options.token;
    this.#profile = options.profile ?? 'v1.16';
    this.#definitions = definitions(this.#profile);
    this.#openApi = openApi(this.#definitions);
    const store = new KubernetesStore(watchWindow);
    const writer = new KubernetesWriter({ store, clock, definitions: () => this.#definitions });
    const watches = new KubernetesWatches({ store, clock, bookmarkIntervalMs });
    this.faults = new FaultPlan({
      closeWatches: (how) => watches.closeAll(how),
      expireWatches: () => watches.expireAll(),
      change: (path, change) => this.#changeAt(path, change),
    });
    const handler = new KubernetesHandler({
      store,
      writer,
      access: this.access,
      openApi: () => this.#openApi,
    });
    const { requests, faults } = this;
    this.#store = store;
    this.#writer = writer;
    this.#watches = watches;
    this.#http = new KubernetesHttp({ handler, watches, faults, requests, clock, token: this.#token });
    this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  }

  /** Starts to listen on the loopback interface. */
  static async start(options: SandboxKubernetesOptions = {}): Promise<SandboxKubernetes> {
    const started = new SandboxKubernetes(options);
    try {
      await started.#http.listen(options.port ?? 0);
    } catch (error) {
      started.#watches.close();
      throw error;
    }
    return started;
  }

  /** "http://127.0.0.1:<port>" */
  get url(): string {
    return this.#http.url;
  }

  get profile(): Profile {
    return this.#profile;
  }

  /** The version of the latest change. */
  get resourceVersion(): string {
    return String(this.#store.revision);
  }

  /** Installs the definitions of another release. What is stored stays as it is. */
  setProfile(profile: Profile): void {
    this.#profile = profile;
    this.#definitions = definitions(profile);
    this.#openApi = openApi(this.#definitions);
  }

  /** A kubeconfig (JSON, which is YAML too) for this server. */
  kubeconfig(namespace = 'default'): string {
    const name = 'sandbox';
    const user = this.#token === undefined ? {} : { token: this.#token };
    return JSON.stringify(
      {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': name,
        // There is no TLS to verify; @kubernetes/client-node wants it said before it speaks plain HTTP.
        clusters: [{ name, cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
        users: [{ name, user }],
        contexts: [{ name, context: { cluster: name, user: name, namespace } }],
      },
      null,
      2,
    );
  }

  /**
   * Creates or replaces an object, status included, as an administrator. A status that is not given stays; uid and
   * creationTimestamp may be given. The namespace ("default" where none is given) is made when it is missing.
   * Throws a KubernetesFailure for what the definitions do not allow.
   */
  apply(object: KubernetesObject): KubernetesObject {
    return this.#writer.apply(object);
  }

  /** A merge patch of everything but status. */
  patch(resource: ResourceName, namespace: string, name: string, patch: JsonObject): KubernetesObject {
    return objectOf(this.#writer.patch({ resource: resourceOf(resource), namespace, name }, patch));
  }

  /** A merge patch of status, and of nothing else: `{ status: { … } }`. */
  patchStatus(resource: ResourceName, namespace: string, name: string, patch: JsonObject): KubernetesObject {
    const target = { resource: resourceOf(resource), namespace, name, subresource: 'status' } as const;
    return objectOf(this.#writer.patch(target, patch));
  }

  /** The stored object; undefined when there is none. */
  get(resource: ResourceName, namespace: string, name: string): KubernetesObject | undefined {
    const stored = this.#store.get(resourceOf(resource), keyOf({ namespace, name }));
    return stored === undefined ? undefined : readStored(stored);
  }

  /** All objects of a resource, or those of one namespace. */
  list(resource: ResourceName, namespace = ''): readonly KubernetesObject[] {
    const found = this.#store.snapshot(resourceOf(resource), {
      prefix: namespace === '' ? '' : `${namespace}/`,
      after: '',
      revision: this.#store.revision,
    });
    const stored = found?.keys.slice(found.start, found.end).map((key) => found.at(key)) ?? [];
    return stored.filter((entry) => entry !== undefined).map(readStored);
  }

  /** Deletes an object, or marks it as being deleted while it has finalizers. Throws 404 when there is none. */
  delete(resource: ResourceName, namespace: string, name: string): void {
    this.#writer.remove({ resource: resourceOf(resource), namespace, name });
  }

  /** How many objects of a resource there are. */
  count(resource: ResourceName): number {
    return this.#store.count(resourceOf(resource));
  }

  /** Tells of every change of a resource, in order, whatever becomes of connections; until what it returns is called. */
  onChange(
    resource: ResourceName,
    listener: (type: Change['type'], object: KubernetesObject) => void,
  ): () => void {
    const watched = resourceOf(resource);
    return this.#store.subscribe((change) => {
      if (change.resource === watched) listener(change.type, readStored(change.object));
    });
  }

  /** How many watches are open. */
  watches(): number {
    return this.#watches.count;
  }

  /** Forgets all past changes: watches and lists from an older version are answered 410. */
  compact(): void {
    this.#store.compact();
  }

  /** How many connections are open now. */
  connections(): number {
    return this.#http.connections;
  }

  /** How many connections were opened since the start. */
  connectionsOpened(): number {
    return this.#http.connectionsOpened;
  }

  /** The server goes away: it stops listening and all connections are cut. What is stored stays. */
  async pause(): Promise<void> {
    await this.#http.pause();
  }

  /** It comes back on the same port. */
  async resume(): Promise<void> {
    await this.#http.resume();
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.faults.clear();
    await this.#http.close();
  }

  #changeAt(path: string, change: (object: KubernetesObject) => KubernetesObject): void {
    const route = parseRoute('GET', path);
    if (route.type !== 'resource' || route.name === '') return;
    const stored = this.#store.get(route.resource, keyOf(route));
    if (stored !== undefined) this.apply(change(readStored(stored)));
  }
}

export type { AccessRule } from './access.ts';
export type { Profile } from './definitions.ts';
export type { JsonObject, KubernetesObject } from './object.ts';
