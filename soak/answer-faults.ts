// What goes wrong with the answers of clouds.

import type { CatalogFlaw } from '../src/sandbox/openstack/catalog.ts';
import type { FaultTarget, Fault as WireFault } from '../src/sandbox/openstack/faults.ts';
import { type Fault, oneServer, type Scene } from './fault.ts';

const mebibyte = 1 << 20;
const list = 'GET /servers/detail';
const login = 'POST /v3/auth/tokens';

const anywhere = (): FaultTarget => ({});
const lists = (): FaultTarget => ({ route: list });
/** All lists of the region, or those of one project. */
const someLists = ({ random, target }: Scene): FaultTarget => ({
  route: list,
  ...(random.chance(0.5) ? {} : { projectId: random.pick(target.projects).credentials.projectId }),
});

/** A fault of answers. */
function answers(
  name: string,
  make: (scene: Scene) => WireFault,
  aim: (scene: Scene) => FaultTarget = someLists,
): Fault {
  return {
    name,
    group: 'cloud',
    inject: (scene) => {
      const planned = scene.target.region.cloud.faults.add(make(scene), aim(scene));
      return () => planned.remove();
    },
  };
}

/** A fault of logins, which somebody must need. */
function logins(name: string, fault: WireFault): Fault {
  return {
    name,
    group: 'cloud',
    inject: ({ target: { region } }) => {
      const planned = region.cloud.faults.add(fault, { route: login });
      region.cloud.revokeTokens();
      return () => planned.remove();
    },
  };
}

const statuses = [400, 401, 403, 404, 406, 429, 500, 503].map((status) =>
  answers(`every list is answered ${status}`, () => ({ kind: 'status', status })),
);

const flaws: readonly CatalogFlaw[] = [
  'absent',
  'empty',
  'no-compute',
  'other-region',
  'no-public',
  'bad-url',
];
const catalogs = flaws.map((catalog) =>
  logins(`the catalog is wrong: ${catalog}`, { kind: 'catalog', catalog }),
);

const defects = (['missing-id', 'wrong-types', 'odd-dates', 'not-an-object'] as const).map((defect) =>
  answers(
    `a record is malformed: ${defect}`,
    (scene) => ({ kind: 'malformed-record', defect, serverId: oneServer(scene).id }),
    lists,
  ),
);

export const answerFaults: readonly Fault[] = [
  answers('the cloud accepts and never answers', () => ({ kind: 'hang' }), anywhere),
  answers('answers take long', ({ random }) => ({ kind: 'latency', ms: random.whole(50, 1_500) }), anywhere),
  answers('the answer comes one byte a second', () => ({ kind: 'drip' })),
  answers('the connection is cut in mid-body', () => ({ kind: 'cut' })),
  answers('the connection is reset before the answer', () => ({ kind: 'reset' })),
  answers(
    'every third connection is reset',
    () => ({ kind: 'reset' }),
    () => ({ every: 3 }),
  ),
  answers('the JSON is truncated', () => ({ kind: 'truncated' })),
  answers('the answer is no JSON', () => ({ kind: 'not-json' })),
  answers('a web page comes with status 200', () => ({ kind: 'html' }), anywhere),
  answers(
    'the body has 200 MiB',
    () => ({ kind: 'huge', bytes: 200 * mebibyte }),
    (scene) => ({
      ...someLists(scene),
      times: 3,
    }),
  ),
  answers('the next page is always the same one', () => ({ kind: 'endless-next', to: 'itself' })),
  answers('there is always another next page', () => ({ kind: 'endless-next' })),
  ...statuses,
  answers(
    'half of all requests are answered 401',
    () => ({ kind: 'status', status: 401 }),
    () => ({ every: 2 }),
  ),
  answers('429 with Retry-After', ({ random }) => ({
    kind: 'status',
    status: 429,
    retryAfter: random.chance(0.5) ? String(random.whole(1, 4)) : new Date(Date.now() + 3_000).toUTCString(),
  })),
  answers('503 with Retry-After', ({ random }) => ({
    kind: 'status',
    status: 503,
    retryAfter: String(random.whole(1, 4)),
  })),
  answers(
    'flavors are refused',
    () => ({ kind: 'status', status: 403 }),
    () => ({ route: 'GET /flavors/detail' }),
  ),
  answers(
    'faults of servers are not told',
    () => ({ kind: 'status', status: 500 }),
    () => ({
      route: 'GET /servers/{id}',
    }),
  ),
  logins('the password is refused', { kind: 'status', status: 401 }),
  logins('Keystone fails', { kind: 'status', status: 503 }),
  logins('tokens are unscoped', { kind: 'scope', scope: 'unscoped' }),
  logins('tokens are of the domain', { kind: 'scope', scope: 'domain' }),
  ...catalogs,
  answers(
    'an empty list with 200, once',
    () => ({ kind: 'empty-list' }),
    // Of changes, it would say nothing.
    (scene) => ({ ...someLists(scene), query: false, times: 1 }),
  ),
  ...defects,
];
