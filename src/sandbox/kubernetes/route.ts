// From a request's method and URL to what it asks for.

import { type Resource, resources } from './resources.ts';

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceRoute {
  readonly type: 'resource';
  readonly resource: Resource;
  readonly verb: Verb;
  /** "" for all namespaces. */
  readonly namespace: string;
  /** "" for the collection. */
  readonly name: string;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly query: URLSearchParams;
  readonly path: string;
}

interface PathRoute {
  readonly type: 'path';
  readonly path: string;
  readonly query: URLSearchParams;
}

export type Route = ResourceRoute | PathRoute;

function verbOf(method: string, name: string, query: URLSearchParams): Verb {
  if (method === 'POST') return 'create';
  if (method === 'PUT') return 'update';
  if (method === 'PATCH') return 'patch';
  if (method === 'DELETE') return name === '' ? 'deletecollection' : 'delete';
  if (['1', 'true'].includes(query.get('watch') ?? '')) return 'watch';
  return name === '' ? 'list' : 'get';
}

interface Place {
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

/** `parts` is what follows the group and version. */
function placeOf(parts: readonly string[]): Place | undefined {
  const inNamespace = parts[0] === 'namespaces' && parts.length >= 3 && parts[2] !== 'status';
  const [plural = '', name = '', subresource = ''] = inNamespace ? parts.slice(2) : parts;
  if (plural === '' || parts.length > (inNamespace ? 5 : 3)) return undefined;
  return { namespace: inNamespace ? (parts[1] ?? '') : '', plural, name, subresource };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function parseRoute(method: string, url: string): Route {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const [, root, ...parts] = path.split('/').map(decoded);
  const grouped = root === 'apis';
  if (!grouped && root !== 'api') return { type: 'path', path, query };
  const [group, version, rest] = grouped
    ? [parts[0], parts[1], parts.slice(2)]
    : ['', parts[0], parts.slice(1)];
  const place = placeOf(rest);
  if (place === undefined) return { type: 'path', path, query };
  const resource = resources.find(
    (entry) => entry.plural === place.plural && entry.group === group && entry.version === version,
  );
  // Only lists and watches go over all namespaces.
  const misplaced =
    resource?.namespaced === true && place.namespace === '' && (place.name !== '' || method !== 'GET');
  if (resource === undefined || misplaced || (!resource.namespaced && place.namespace !== ''))
    return { type: 'path', path, query };
  const { namespace, name, subresource } = place;
  return {
    type: 'resource',
    resource,
    verb: verbOf(method, name, query),
    namespace,
    name,
    subresource,
    query,
    path,
  };
}

/** What a request does to what, in few words: see RequestRecord.action. */
export function actionOf(method: string, route: Route): string {
  if (route.type === 'path') {
    const known = /^\/(version|api|apis|readyz|healthz|livez|openapi\/v3)(?=\/|$)/.exec(route.path);
    const review = route.path.endsWith('/selfsubjectaccessreviews');
    if (review) return 'create selfsubjectaccessreviews';
    return known === null ? `${method.toLowerCase()} other` : `${method.toLowerCase()} ${known[0]}`;
  }
  const { resource, verb, subresource } = route;
  return `${verb} ${resource.plural}${subresource === '' ? '' : `/${subresource}`}`;
}
