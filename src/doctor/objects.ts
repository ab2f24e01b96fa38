// The objects that an examination needs, read with no more rights than the monitor has: it lists, and asks for one
// object by a list that selects it.

import { type KubernetesClient, type ResourceKind, resourcePath } from '../main/kubernetes/client.ts';
import { objectName, parseListPage } from '../main/kubernetes/objects/list-watch-messages.ts';
import {
  parseIdentity,
  parseOpenstackIdentity,
  parseRegion,
  parseServer,
  type RegionRecord,
} from '../main/kubernetes/objects/resource-records.ts';
import { ResourceStore, type StoredRecord } from '../main/kubernetes/objects/resource-store.ts';
import { regionLabel } from '../shared/labels.ts';
import type { RegionRef } from '../shared/region-ref.ts';
import type { ServerRecord } from '../shared/server-record.ts';

/** Servers of a region that are looked at for one whose project can be tried. */
const sampleSize = 20;
const pageSize = 500;

export interface UnreadableObject {
  /** "namespace/name". */
  readonly object: string;
  readonly error: string;
}

export class DoctorObjects {
  readonly regions = store<RegionRecord>();
  readonly identities = store<ReturnType<typeof parseIdentity>>();
  readonly openstackIdentities = store<ReturnType<typeof parseOpenstackIdentity>>();
  readonly #client: KubernetesClient;
  readonly #namespace: string;

  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** Reads all Regions into `regions`; returns those that cannot be read. Rejects with an ApiError. */
  async readRegions(signal: AbortSignal): Promise<readonly UnreadableObject[]> {
    const unreadable: UnreadableObject[] = [];
    let token = '';
    do {
      const query = { limit: String(pageSize), ...(token === '' ? {} : { continue: token }) };
      const page = await this.#list('regions', this.#namespace, query, signal);
      for (const item of page.items) {
        try {
          this.regions.apply(parseRegion(item));
        } catch (error) {
          unreadable.push({ object: objectName(item), error: error instanceof Error ? error.message : '' });
        }
      }
      token = page.continue;
    } while (token !== '');
    return unreadable;
  }

  /** Some servers of a region that have an identity; those that cannot be read are skipped. */
  async sampleServers({ namespace, name }: RegionRef, signal: AbortSignal): Promise<readonly ServerRecord[]> {
    const query = { limit: String(sampleSize), labelSelector: `${regionLabel}=${name}` };
    const { items } = await this.#list('servers', namespace, query, signal);
    return items.flatMap((item) => {
      try {
        const server = parseServer(item);
        return server.deleting || server.identityId === undefined ? [] : [server];
      } catch {
        return [];
      }
    });
  }

  /** Reads an Identity and its OpenstackIdentity, where they are there, into the stores. Rejects with an ApiError. */
  async readIdentity(namespace: string, name: string, signal: AbortSignal): Promise<void> {
    const query = { fieldSelector: `metadata.name=${name}` };
    const [identities, openstackIdentities] = await Promise.all([
      this.#list('identities', namespace, query, signal),
      this.#list('openstackidentities', namespace, query, signal),
    ]);
    for (const item of identities.items) this.identities.apply(parseIdentity(item));
    for (const item of openstackIdentities.items)
      this.openstackIdentities.apply(parseOpenstackIdentity(item));
  }

  async #list(
    resource: ResourceKind,
    namespace: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<ReturnType<typeof parseListPage>> {
    return parseListPage(
      await this.#client.get(resourcePath(resource, namespace), { signal, query }),
      resource,
    );
  }
}

function store<R extends StoredRecord>(): ResourceStore<R> {
  return new ResourceStore<R>({ onListenerError: () => {} });
}

/** A region as people call it. */
export function regionTitle({ name, displayName }: RegionRecord): string {
  return displayName === '' || displayName === name ? name : `${displayName} (${name})`;
}
