// How a region is reached, and with which credentials: read from the Region object, its Secret and the identities at each
// poll, so that every change takes effect at the next one. What fails is an error of that region alone. A credential goes
// only to the Region of its own namespace.

import { isDeepStrictEqual } from 'node:util';
import type { Outcome } from '../../shared/checker.ts';
import type { CheckError } from '../../shared/errors.ts';
import { anchorsIn } from '../../shared/network/anchors.ts';
import type { RegionRef } from '../../shared/region-ref.ts';
import type { Credentials } from '../../shared/session.ts';
import type { ObjectView } from '../kubernetes/objects/object-view.ts';
import type {
  IdentityRecord,
  OpenstackIdentityRecord,
  RegionRecord,
} from '../kubernetes/objects/resource-records.ts';
import { type SecretData, type SecretReader, secretName } from '../kubernetes/objects/secret-reader.ts';
import type { RegionAccess } from './region.ts';

export interface AccessReaderOptions {
  readonly secrets: Pick<SecretReader, 'read' | 'retain'>;
  /** The namespace that is watched; "" for all. */
  readonly namespace: string;
  readonly regions: ObjectView<RegionRecord>;
  readonly identities: Pick<ObjectView<IdentityRecord>, 'get'>;
  readonly openstackIdentities: Pick<ObjectView<OpenstackIdentityRecord>, 'get'>;
}

/** Why a region has no access. `lasting`: the object says so, so nothing that was learnt of the region holds any more. */
export type AccessOutcome =
  | { readonly ok: true; readonly result: RegionAccess }
  | { readonly ok: false; readonly error: CheckError; readonly lasting: boolean };

/** A Region's provider that has no servers to ask for. */
export const wrongKind = 'region is of the wrong kind';

export class AccessReader {
  readonly #options: AccessReaderOptions;

  constructor(options: AccessReaderOptions) {
    this.#options = options;
  }

  /** Drops Secrets that no Region names. */
  retainSecrets(): void {
    const { secrets, regions } = this.#options;
    const named = [...regions.values()].flatMap(({ openstack }) =>
      openstack === null ? [] : [secretName(openstack.serviceAccountSecret)],
    );
    secrets.retain(new Set(named));
  }

  /** `record` is null for a region that servers name but that is not defined. */
  async read(record: RegionRecord | null, signal: AbortSignal): Promise<AccessOutcome> {
    if (record === null) return lasting('not-found', "region doesn't exist");
    const { name, provider, openstack } = record;
    if (provider === 'simulated') {
      return { ok: true, result: { target: { provider: 'simulated' }, service: null } };
    }
    if (provider === 'kubernetes') return lasting('unsupported', wrongKind);
    if (provider !== 'openstack') return lasting('unsupported', `region provider unimplemented: ${provider}`);
    if (openstack === null) return lasting('invalid-config', `Region ${name}: spec.openstack is missing`);
    const { endpoint, serviceAccountSecret } = openstack;
    const flaw = endpointFlaw(endpoint);
    if (flaw !== null) return passing('invalid-config', `Region ${name}: spec.openstack.endpoint ${flaw}`);
    if (this.#options.namespace === '' && serviceAccountSecret.namespace !== record.namespace) {
      return lasting(
        'invalid-config',
        `Region ${name}: spec.openstack.serviceAccountSecret must be in the Region's namespace, ${record.namespace}, when all namespaces are watched; give --namespace to allow another`,
      );
    }
    const secret = await this.#options.secrets.read(serviceAccountSecret, signal);
    if (!secret.ok) return { ...secret, lasting: false };
    return openstackAccess(endpoint, `Secret ${secretName(serviceAccountSecret)}`, secret.result);
  }

  /** Whether a region is still asked in the same way as its object said: otherwise an answer is of another region. */
  isCurrent({ namespace, name, uid, provider, openstack }: RegionRecord): boolean {
    const now = this.#options.regions.get(namespace, name);
    return (
      now?.uid === uid &&
      now.provider === provider &&
      now.openstack?.endpoint === openstack?.endpoint &&
      isDeepStrictEqual(now.openstack?.serviceAccountSecret, openstack?.serviceAccountSecret)
    );
  }

  /** The credentials of a project; none for a provider without logins. */
  credentials(
    { namespace }: RegionRef,
    { target }: RegionAccess,
    identityId: string,
  ): Outcome<Credentials | undefined> {
    const { identities, openstackIdentities } = this.#options;
    const name = JSON.stringify(identityId);
    if (identities.get(namespace, identityId) === undefined)
      return failure('not-found', `identities.region.unikorn-cloud.org ${name} not found`);
    if (target.provider === 'simulated') return { ok: true, result: undefined };
    const identity = openstackIdentities.get(namespace, identityId);
    if (identity === undefined)
      return failure('not-found', `openstackidentities.region.unikorn-cloud.org ${name} not found`);
    const { userId, password, projectId } = identity;
    if (!userId) return failure('invalid-config', 'consistency error: service principal user ID not set');
    if (!password) return failure('invalid-config', 'consistency error: service principal password not set');
    if (!projectId) return failure('invalid-config', 'consistency error: service principal project not set');
    return { ok: true, result: { userId, password, projectId } };
  }
}

function openstackAccess(endpoint: string, secretTitle: string, data: SecretData): AccessOutcome {
  // The original's keys, in its order of checking; it needs domain-id too, for more than we ask.
  for (const key of ['domain-id', 'user-id', 'password', 'project-id']) {
    if (!data.get(key)) return passing('invalid-config', `${secretTitle}: key error: ${key}`);
  }
  const caCertificate = data.get('ca.crt') ?? null;
  if (caCertificate !== null && anchorsIn(caCertificate).length === 0) {
    return passing('invalid-config', `${secretTitle}: ca.crt is not a PEM certificate`);
  }
  return {
    ok: true,
    result: {
      target: {
        provider: 'openstack',
        endpoint,
        // Our own key, which the original does not have: a newline at its end was not meant.
        catalogRegion: data.get('region-name')?.trim() || null,
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
  return `${JSON.stringify(endpoint)} is not an http or https URL`;
}

function lasting(code: CheckError['code'], message: string): AccessOutcome {
  return { ok: false, error: { code, message }, lasting: true };
}

function passing(code: CheckError['code'], message: string): AccessOutcome {
  return { ok: false, error: { code, message }, lasting: false };
}

function failure(code: CheckError['code'], message: string): Outcome<never> {
  return { ok: false, error: { code, message } };
}
