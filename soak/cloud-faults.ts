// What goes wrong with clouds.

import type { CatalogFlaw } from '../src/sandbox/openstack-catalog.ts';
import type { FaultTarget, Fault as WireFault } from '../src/sandbox/openstack-faults.ts';
import type { CloudServer } from '../src/sandbox/openstack-server.ts';
import { startBlackHole } from '../test/fixtures/black-hole.ts';
import { SharedCleanup } from '../test/fixtures/cleanup.ts';
import { namespace } from '../test/fixtures/sandbox.ts';
import { type Fault, overAlready, type Scene } from './fault.ts';
import { presentCertificate } from './fleet.ts';

const mebibyte = 1 << 20;
const tenMinutesMs = 600_000;
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

/** Something that happens to a cloud and is over at once. */
function happens(name: string, what: (scene: Scene) => void | Promise<void>): Fault {
  return {
    name,
    group: 'cloud',
    inject: async (scene) => {
      await what(scene);
      return overAlready;
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

function certificate(name: string): Fault {
  return {
    name: `the certificate: ${name}`,
    group: 'cloud',
    takes: 'certificate',
    inject: async ({ stage }) => {
      const [region] = stage.regions.filter(({ secret }) => 'ca.crt' in secret);
      if (region === undefined) return overAlready;
      await presentCertificate(region, name);
      return async () => presentCertificate(region, 'loopback');
    },
  };
}

function endpoint(name: string, away: (endpoint: string, cleanup: SharedCleanup) => Promise<string>): Fault {
  return {
    name,
    group: 'cloud',
    takes: 'Region',
    inject: async ({ stage, target }) => {
      const cleanup = new SharedCleanup();
      const point = (url: string) =>
        stage.sandbox.cluster.patch('regions', namespace, target.id, {
          spec: { openstack: { endpoint: url } },
        });
      const { endpoint: usual } = target.region.cloud;
      point(await away(usual, cleanup));
      return async () => {
        point(usual);
        await cleanup.release();
      };
    },
  };
}

function clock(name: string, skewMs: number): Fault {
  return {
    name,
    group: 'cloud',
    takes: 'clock',
    inject: ({ target }) => {
      target.clock.skewMs = skewMs;
      return () => {
        target.clock.skewMs = 0;
      };
    },
  };
}

export const cloudFaults: readonly Fault[] = [
  {
    name: 'connections are refused',
    group: 'cloud',
    takes: 'port',
    inject: async ({ target: { region } }) => {
      await region.cloud.pause();
      return async () => region.cloud.resume();
    },
  },
  endpoint('SYN packets are dropped', async (_, cleanup) => startBlackHole(cleanup)),
  endpoint('the host name does not resolve', async (usual) => {
    const url = new URL(usual);
    url.hostname = 'keystone.invalid';
    return url.href;
  }),
  certificate('expired'),
  certificate('other-host'),
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
    'flavours are refused',
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
  happens('tokens are revoked', ({ target: { region } }) => region.cloud.revokeTokens()),
  happens('a revoked token is good and bad by turns', ({ target: { region } }) =>
    region.cloud.revokeTokens(undefined, { wavering: true }),
  ),
  happens('the cloud closes all connections', async ({ target: { region } }) => {
    await region.cloud.pause();
    await region.cloud.resume();
  }),
  clock('the cloud’s clock is set ten minutes ahead', tenMinutesMs),
  clock('the cloud’s clock is set back by ten minutes', -tenMinutesMs),
  answers(
    'an empty list with 200, once',
    () => ({ kind: 'empty-list' }),
    (scene) => ({
      ...someLists(scene),
      times: 1,
    }),
  ),
  ...defects,
  {
    name: 'a null status',
    group: 'cloud',
    takes: 'veil',
    inject: (scene) => {
      const { id, metadata, name } = oneServer(scene);
      const { truth } = scene.stage;
      const owner = metadata['region:server_id'] ?? name;
      const defect = { kind: 'malformed-record', defect: 'null-status', serverId: id } as const;
      truth.veil(owner);
      const planned = scene.target.region.cloud.faults.add(defect);
      return () => {
        planned.remove();
        truth.unveil(owner);
      };
    },
  },
  {
    name: 'the power state 99, and a name of 10,000 characters',
    group: 'cloud',
    inject: (scene) => {
      const { cloud } = scene.target.region;
      const { id, metadata } = oneServer(scene);
      const named = metadata['region:server_id'] === undefined ? {} : { name: 'x'.repeat(10_000) };
      cloud.updateServer(id, { powerState: 99, ...named });
      return () => {
        const server = cloud.server(id);
        if (server?.powerState === 99) cloud.updateServer(id, { status: 'ACTIVE' });
      };
    },
  },
  {
    name: 'a cell is down',
    group: 'cloud',
    takes: 'cell',
    inject: ({ target: { region, projects }, random }) => {
      const { projectId } = random.pick(projects).credentials;
      const share = random.between(0.2, 1);
      const serverIds = region.cloud
        .servers(projectId)
        .filter(() => random.chance(share))
        .map(({ id }) => id);
      region.cloud.setCellDown({ serverIds }, true);
      return () => region.cloud.setCellDown({ serverIds }, false);
    },
  },
  {
    name: 'all servers of a project are deleted, and built anew',
    group: 'cloud',
    takes: 'cell',
    inject: ({ target: { region, projects }, random }) => {
      const { projectId } = random.pick(projects).credentials;
      // Those that are on their way out have a successor already.
      const servers = region.cloud.servers(projectId).filter(({ taskState }) => taskState !== 'deleting');
      for (const { id } of servers) region.cloud.deleteServer(id);
      return () => {
        for (const { name, metadata, flavorId } of servers)
          region.cloud.createServer(projectId, { name, metadata, flavorId });
      };
    },
  },
  {
    name: 'passwords are rotated',
    group: 'cloud',
    takes: 'Secret',
    inject: ({ stage: { sandbox }, target: { region, projects, secret }, random }) => {
      const project = random.pick(projects);
      const [ofProject, ofService] = [sandbox.newPassword(), sandbox.newPassword()];
      region.cloud.rotatePassword(project.credentials.userId, ofProject);
      region.cloud.rotatePassword(region.serviceAccount.userId, ofService);
      secret['password'] = ofService;
      const spec = { password: ofProject };
      if (sandbox.cluster.get('openstackidentities', namespace, project.identityId) !== undefined)
        sandbox.cluster.patch('openstackidentities', namespace, project.identityId, { spec });
      region.putSecret(secret);
      return overAlready;
    },
  },
];

function oneServer({ target: { region }, random }: Scene): CloudServer {
  return random.pick(region.cloud.servers().filter(({ cellDown }) => !cellDown));
}
