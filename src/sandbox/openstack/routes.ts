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
  'GET /load-balancer',
  'GET /lbaas/loadbalancers',
  'GET /lbaas/loadbalancers/{id}/status',
  'GET /networking',
  'GET /image',
  'GET /volume',
  'other',
] as const;

export type Route = (typeof routes)[number];

export interface Match {
  readonly route: Route;
  /** Id of a server or load balancer, where the route has one. */
  readonly id: string | null;
  /** Which service answers what is not a route. */
  readonly service: 'keystone' | 'nova' | 'ironic' | 'octavia' | 'others';
}

/** Path below the endpoint at which Nova is. */
export const computePath = '/compute';
/** And at which Ironic is. */
export const baremetalPath = '/baremetal';
/** And at which Octavia is. */
export const loadBalancerPath = '/load-balancer';

/** Paths of services of which there is nothing but a version document. */
export const versionPaths = { network: '/networking', image: '/image', volume: '/volume' } as const;

/** Routes that are below a path of another service only. */
const foreign: ReadonlySet<Route> = new Set<Route>([
  'GET /compute',
  'GET /baremetal',
  'GET /v1/nodes',
  'GET /load-balancer',
  'GET /lbaas/loadbalancers',
  'GET /networking',
  'GET /image',
  'GET /volume',
]);

const novaRoutes: readonly (readonly [Route, RegExp])[] = [
  ['GET /compute', /^GET \/?$/],
  ['GET /compute', /^GET \/v2\.1\/?$/],
  ['GET /servers/detail', /^GET \/v2\.1(?:\/[^/]+)?\/servers\/detail$/],
  ['GET /servers/{id}', /^GET \/v2\.1(?:\/[^/]+)?\/servers\/([^/]+)$/],
  ['DELETE /servers/{id}', /^DELETE \/v2\.1(?:\/[^/]+)?\/servers\/([^/]+)$/],
  ['POST /servers/{id}/action', /^POST \/v2\.1(?:\/[^/]+)?\/servers\/([^/]+)\/action$/],
  ['GET /flavors/detail', /^GET \/v2\.1(?:\/[^/]+)?\/flavors\/detail$/],
];

const octaviaRoutes: readonly (readonly [Route, RegExp])[] = [
  ['GET /load-balancer', /^GET \/?$/],
  ['GET /lbaas/loadbalancers', /^GET \/v2(?:\.0)?\/lbaas\/loadbalancers$/],
  [
    'GET /lbaas/loadbalancers/{id}/status',
    /^GET \/v2(?:\.0)?\/lbaas\/loadbalancers\/([^/]+)\/status(?:es)?$/,
  ],
];

const versionRoutes: readonly (readonly [Route, RegExp])[] = [
  ['GET /networking', /^GET \/networking(?:\/v2\.0)?\/?$/],
  ['GET /image', /^GET \/image\/?$/],
  ['GET /volume', /^GET \/volume(?:\/v3)?\/?$/],
];

export function match(method: string, path: string): Match {
  if (Object.values(versionPaths).some((base) => path === base || path.startsWith(`${base}/`)))
    return below(versionRoutes, `${method} ${path}`, 'others');
  if (path === baremetalPath || path.startsWith(`${baremetalPath}/`)) {
    const below = `${method} ${path.slice(baremetalPath.length)}`;
    const nodes = /^GET \/v1\/nodes(?:\/detail)?\/?$/.test(below);
    const route = nodes ? 'GET /v1/nodes' : /^GET \/?$/.test(below) ? 'GET /baremetal' : 'other';
    return { route, id: null, service: 'ironic' };
  }
  if (path === loadBalancerPath || path.startsWith(`${loadBalancerPath}/`))
    return below(octaviaRoutes, `${method} ${path.slice(loadBalancerPath.length)}`, 'octavia');
  if (path !== computePath && !path.startsWith(`${computePath}/`)) {
    const route = routes.find((route) => route === `${method} ${path.replace(/(?<=.)\/$/, '')}`);
    return {
      route: route === undefined || foreign.has(route) ? 'other' : route,
      id: null,
      service: 'keystone',
    };
  }
  return below(novaRoutes, `${method} ${path.slice(computePath.length)}`, 'nova');
}

function below(
  table: readonly (readonly [Route, RegExp])[],
  request: string,
  service: Match['service'],
): Match {
  for (const [route, pattern] of table) {
    const found = pattern.exec(request);
    if (found !== null) return { route, id: found[1] ?? null, service };
  }
  return { route: 'other', id: null, service };
}
