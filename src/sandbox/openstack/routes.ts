// The routes that the sandbox's cloud serves: their names in the request log and in fault plans.

export const routes = [
  'GET /',
  'GET /v3',
  'POST /v3/auth/tokens',
  'GET /compute',
  'GET /servers/detail',
  'GET /servers/{id}',
  'DELETE /servers/{id}',
  'POST /servers/{id}/action',
  'GET /flavors/detail',
  'GET /baremetal',
  'GET /v1/nodes',
  'other',
] as const;

export type Route = (typeof routes)[number];

export interface Match {
  readonly route: Route;
  /** Server id, where the route has one. */
  readonly id: string | null;
  /** Which service answers what is not a route. */
  readonly service: 'keystone' | 'nova' | 'ironic';
}

/** Path below the endpoint at which Nova is. */
export const computePath = '/compute';
/** And at which Ironic is. */
export const baremetalPath = '/baremetal';

/** Routes that are below a path of another service only. */
const foreign: ReadonlySet<Route> = new Set<Route>(['GET /compute', 'GET /baremetal', 'GET /v1/nodes']);

const novaRoutes: readonly (readonly [Route, RegExp])[] = [
  ['GET /compute', /^GET \/?$/],
  ['GET /compute', /^GET \/v2\.1\/?$/],
  ['GET /servers/detail', /^GET \/v2\.1(?:\/[^/]+)?\/servers\/detail$/],
  ['GET /servers/{id}', /^GET \/v2\.1(?:\/[^/]+)?\/servers\/([^/]+)$/],
  ['DELETE /servers/{id}', /^DELETE \/v2\.1(?:\/[^/]+)?\/servers\/([^/]+)$/],
  ['POST /servers/{id}/action', /^POST \/v2\.1(?:\/[^/]+)?\/servers\/([^/]+)\/action$/],
  ['GET /flavors/detail', /^GET \/v2\.1(?:\/[^/]+)?\/flavors\/detail$/],
];

export function match(method: string, path: string): Match {
  if (path === baremetalPath || path.startsWith(`${baremetalPath}/`)) {
    const below = `${method} ${path.slice(baremetalPath.length)}`;
    const nodes = /^GET \/v1\/nodes(?:\/detail)?\/?$/.test(below);
    const route = nodes ? 'GET /v1/nodes' : /^GET \/?$/.test(below) ? 'GET /baremetal' : 'other';
    return { route, id: null, service: 'ironic' };
  }
  if (path !== computePath && !path.startsWith(`${computePath}/`)) {
    const route = routes.find((route) => route === `${method} ${path.replace(/(?<=.)\/$/, '')}`);
    return {
      route: route === undefined || foreign.has(route) ? 'other' : route,
      id: null,
      service: 'keystone',
    };
  }
  const request = `${method} ${path.slice(computePath.length)}`;
  for (const [route, pattern] of novaRoutes) {
    const found = pattern.exec(request);
    if (found !== null) return { route, id: found[1] ?? null, service: 'nova' };
  }
  return { route: 'other', id: null, service: 'nova' };
}
