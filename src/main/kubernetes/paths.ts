// Paths of the API server, and what they mean in RBAC's words.

import { apiGroup, apiVersion } from '../../shared/labels.ts';
import type { WatchedResource } from '../../shared/watched-object.ts';
import { ApiError } from './errors.ts';

export type ResourceKind = WatchedResource | 'identities' | 'openstackidentities' | 'leases';

/**
 * The path of a resource of the region group, or of Leases. Without a name it is the collection's; an empty namespace means all
 * namespaces, which only a collection has. A name that cannot be one throws the ApiError that the server would send.
 */
export function resourcePath(
  kind: ResourceKind,
  namespace: string,
  name?: string,
  subresource?: string,
): string {
  const group = kind === 'leases' ? '/apis/coordination.k8s.io/v1' : `/apis/${apiGroup}/${apiVersion}`;
  if (name === undefined && namespace === '') return `${group}/${kind}`;
  const collection = `${group}/namespaces/${segment(kind, namespace)}/${kind}`;
  if (name === undefined) return collection;
  const object = `${collection}/${segment(kind, name)}`;
  return subresource === undefined ? object : `${object}/${subresource}`;
}

export function secretPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${segment('secrets', namespace)}/secrets/${segment('secrets', name)}`;
}

/**
 * Names come from labels and specs that people write. "..", and a slash even when it is escaped, would lead to
 * another resource, so they are refused here by the API server's own rule for path segments.
 */
function segment(resource: string, name: string): string {
  if (name === '' || name === '.' || name === '..' || /[/%]/.test(name) || !name.isWellFormed()) {
    throw new ApiError(`get ${resource}: ${JSON.stringify(name)} is not a name of an object or namespace`, {
      status: 400,
      verb: 'get',
      resource,
      reason: 'InvalidName',
      retryAfterMs: null,
    });
  }
  return encodeURIComponent(name);
}

export interface PathMeaning {
  readonly resource: string;
  /** "" for all namespaces and for what has none. */
  readonly namespace: string;
  /** "" for a collection. */
  readonly name: string;
}

/** What a path asks for, in RBAC's words. A path that does not name a resource stands for itself. */
export function meaningOf(path: string): PathMeaning {
  const match =
    /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?$/.exec(
      path,
    );
  if (match === null) return { resource: path, namespace: '', name: '' };
  const [, namespace = '', collection = '', name = '', subresource] = match;
  return {
    resource: subresource === undefined ? collection : `${collection}/${subresource}`,
    namespace: decodeURIComponent(namespace),
    name: decodeURIComponent(name),
  };
}
