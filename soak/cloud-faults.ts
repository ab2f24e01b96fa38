// What goes wrong with clouds, beside their answers: connections, clocks, credentials, the servers themselves.

import { SharedCleanup } from '../test/fixtures/cleanup.ts';
import { startBlackHole } from '../test/fixtures/clouds/black-hole.ts';
import { namespace } from '../test/fixtures/clouds/sandbox.ts';
import { type Fault, oneServer, overAlready, type Scene } from './fault.ts';
import { lively, presentCertificate, type SoakRegion, steady } from './fleet.ts';

const tenMinutesMs = 600_000;

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
    inject: ({ stage: { regions }, target, random }) => {
      // Nova tells of a cell that is down on a list of one page only: a limit that is documented.
      const { region, projects } = target.paged ? random.pick(regions.filter(isWhole)) : target;
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

/** A region that suffers, and whose lists come on one page. */
function isWhole({ id, paged }: SoakRegion): boolean {
  return !paged && id !== steady && id !== lively;
}
