// The regions that can be polled, and how. Each poll resolves its regions anew from the caches and from the Secrets that
// they name, so that every change takes effect at the next poll; what fails is an error of that region alone.

import { X509Certificate } from 'node:crypto';
import type { Outcome } from '../../shared/checker.ts';
import type { CheckError } from '../../shared/errors.ts';
import type { Credentials } from '../../shared/server-health.ts';
import type { ServerRecord } from '../../shared/server-record.ts';
import type { ResourceCache } from '../kubernetes/objects/resource-cache.ts';
import type {
  IdentityRecord,
  OpenstackIdentityRecord,
  RegionRecord,
} from '../kubernetes/objects/resource-records.ts';
import { type SecretData, type SecretReader, secretName } from '../kubernetes/objects/secret-reader.ts';
import { type RegionAccess, RegionState } from './region-state.ts';

export interface ProviderRegistryOptions {
  readonly secrets: SecretReader;
  /** Where Regions and identities are looked up; "" takes them from any namespace. */
  readonly namespace: string;
  readonly regions: Pick<ResourceCache<RegionRecord>, 'get' | 'values'>;
  readonly identities: Pick<ResourceCache<IdentityRecord>, 'get'>;
  readonly openstackIdentities: Pick<ResourceCache<OpenstackIdentityRecord>, 'get'>;
}

/** A Region's provider that has no servers to ask for. */
export const wrongKind = 'region is of the wrong kind';

export class ProviderRegistry {
  readonly #options: ProviderRegistryOptions;
  readonly #states = new Map<string, RegionState>();

  constructor(options: ProviderRegistryOptions) {
    this.#options = options;
  }

  /** What is remembered of a region; undefined when it was never resolved. */
  state(regionId: string): RegionState | undefined {
    return this.#states.get(regionId);
  }

  states(): Iterable<[string, RegionState]> {
    return this.#states.entries();
  }

  /** Lets go of regions that are neither defined nor named by a server; returns their ids. */
  retain(regionIds: ReadonlySet<string>): readonly string[] {
    const gone = [...this.#states.keys()].filter((id) => !regionIds.has(id));
    for (const id of gone) this.#states.delete(id);
    const { secrets, regions } = this.#options;
    const named = [...regions.values()].flatMap(({ openstack }) =>
      openstack === null ? [] : [secretName(openstack.serviceAccountSecret)],
    );
    secrets.retain(new Set(named));
    return gone;
  }

  async resolve(regionId: string, signal: AbortSignal): Promise<Outcome<RegionState>> {
    const record = this.#findRegion(regionId);
    if (record === undefined) return this.#fail(regionId, 'not-found', "region doesn't exist");
    const access = await this.#access(record, signal);
    if (!access.ok) return access;
    let state = this.#states.get(regionId);
    if (state === undefined) {
      state = new RegionState(record, access.result);
      this.#states.set(regionId, state);
    } else {
      state.update(record, access.result);
    }
    return { ok: true, result: state };
  }

  /** The credentials of a project; none for a provider without logins. */
  credentials(
    state: RegionState,
    identityId: string,
    server: ServerRecord,
  ): Outcome<Credentials | undefined> {
    const namespace = this.#options.namespace === '' ? server.namespace : this.#options.namespace;
    // A Region of one namespace must not be sent the passwords of another.
    if (this.#options.namespace === '' && state.record.namespace !== namespace) {
      return failure(
        'invalid-config',
        `consistency error: server ${server.name} is in namespace ${namespace}, its region in ${state.record.namespace}`,
      );
    }
    if (this.#options.identities.get(namespace, identityId) === undefined) {
      return failure(
        'not-found',
        `identities.region.unikorn-cloud.org ${JSON.stringify(identityId)} not found`,
      );
    }
    if (state.access.target.provider === 'simulated') return { ok: true, result: undefined };
    const identity = this.#options.openstackIdentities.get(namespace, identityId);
    if (identity === undefined) {
      const name = JSON.stringify(identityId);
      return failure('not-found', `openstackidentities.region.unikorn-cloud.org ${name} not found`);
    }
    const { userId, password, projectId } = identity;
    if (!userId) return failure('invalid-config', 'consistency error: service principal user ID not set');
    if (!password) return failure('invalid-config', 'consistency error: service principal password not set');
    if (!projectId) return failure('invalid-config', 'consistency error: service principal project not set');
    return { ok: true, result: { userId, password, projectId } };
  }

  #findRegion(regionId: string): RegionRecord | undefined {
    const { namespace, regions } = this.#options;
    if (namespace !== '') return regions.get(namespace, regionId);
    for (const region of regions.values()) if (region.name === regionId) return region;
    return undefined;
  }

  /** A region that is gone or of another kind must not come back with what was known of it. */
  #fail(regionId: string, code: CheckError['code'], message: string): Outcome<never> {
    this.#states.delete(regionId);
    return failure(code, message);
  }

  async #access(region: RegionRecord, signal: AbortSignal): Promise<Outcome<RegionAccess>> {
    if (region.provider === 'simulated') {
      return { ok: true, result: { target: { provider: 'simulated' }, service: null } };
    }
    if (region.provider === 'kubernetes') return this.#fail(region.name, 'unsupported', wrongKind);
    if (region.provider !== 'openstack') {
      return this.#fail(region.name, 'unsupported', `region provider unimplemented: ${region.provider}`);
    }
    if (region.openstack === null) {
      return this.#fail(region.name, 'invalid-config', `Region ${region.name}: spec.openstack is missing`);
    }
    const { endpoint, serviceAccountSecret } = region.openstack;
    const flaw = endpointFlaw(endpoint);
    if (flaw !== null) {
      return failure('invalid-config', `Region ${region.name}: spec.openstack.endpoint ${flaw}`);
    }
    if (this.#options.namespace === '' && serviceAccountSecret.namespace !== region.namespace) {
      return failure(
        'invalid-config',
        `Region ${region.name}: spec.openstack.serviceAccountSecret must be in the Region's namespace, ${region.namespace}, when all namespaces are watched; give --namespace to allow another`,
      );
    }
    const secret = await this.#options.secrets.read(serviceAccountSecret, signal);
    if (!secret.ok) return secret;
    return openstackAccess(endpoint, `Secret ${secretName(serviceAccountSecret)}`, secret.result);
  }
}

function openstackAccess(endpoint: string, secretTitle: string, data: SecretData): Outcome<RegionAccess> {
  // The original's keys, in its order of checking; it needs domain-id too, for more than we ask.
  for (const key of ['domain-id', 'user-id', 'password', 'project-id']) {
    if (!data.get(key)) return failure('invalid-config', `${secretTitle}: key error: ${key}`);
  }
  const caCertificate = data.get('ca.crt') ?? null;
  if (caCertificate !== null && !isCertificate(caCertificate)) {
    return failure('invalid-config', `${secretTitle}: ca.crt is no PEM certificate`);
  }
  return {
    ok: true,
    result: {
      target: {
        provider: 'openstack',
        endpoint,
        catalogRegion: data.get('region-name') ?? null,
        caCertificate,
      },
      service: {
        userId: data.get('user-id') ?? '',
        password: data.get('password') ?? '',
        projectId: data.get('project-id') ?? '',
      },
    },
  };
}

/** What is wrong with an endpoint; null when nothing is. What may hold a password is not quoted. */
function endpointFlaw(endpoint: string): string | null {
  if (endpoint.includes('@')) return 'must not hold credentials (or any "@")';
  const url = URL.parse(endpoint);
  if (url !== null && /^https?:$/.test(url.protocol)) return null;
  return `${JSON.stringify(endpoint)} is no http or https URL`;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).fingerprint256 !== '';
  } catch {
    return false;
  }
}

function failure(code: CheckError['code'], message: string): Outcome<never> {
  return { ok: false, error: { code, message } };
}
