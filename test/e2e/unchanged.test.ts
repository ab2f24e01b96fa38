// What a poll costs while nothing changes, by the definitions that are installed: the fields of v1.19 are not to cost more.

import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startSandbox } from '../fixtures/clouds/sandbox.ts';
import { calmPeriodMs, pace } from '../fixtures/monitor/monitor.ts';

const metal = randomUUID();
const image = '33333333-3333-4333-8333-333333333333';
const list = 'GET /servers/detail';
const nodes = 'GET /v1/nodes';

// Without polls in between, for these are made of a project whose servers are building.
const flags = [...pace(calmPeriodMs(1_500)), '--transition-poll-period=0'];

for (const profile of ['v1.16', 'v1.19'] as const) {
  test.serial(
    `${profile}: an unchanged poll takes one request a project, no login and no write`,
    async (t) => {
      t.timeout(180_000);
      const sandbox = await startSandbox(t, { profile });
      const region = await sandbox.addRegion('quiet', {}, { baremetalFlavorIds: [metal] });
      region.cloud.addFlavor({ id: metal, name: 'metal' });
      const projects = [region.addProject(), region.addProject()];
      for (const [index, project] of projects.entries()) {
        const { networkId } = project;
        const cloud = {
          networks: [`network-${networkId}`, 'network-other'],
          createdMs: Date.now() - 3_600_000,
        };
        const rebuild = { targetImageID: image, state: 'Rebuilding' };
        sandbox.addServer(project, { id: `virtual-${index}`, networkId, cloud });
        sandbox.addServer(project, {
          id: `stopped-${index}`,
          networkId,
          cloud: { ...cloud, status: 'SHUTOFF' },
        });
        sandbox.addServer(project, { id: `metal-${index}`, networkId, flavorId: metal, cloud });
        sandbox.addServer(project, { id: `rebuilt-${index}`, networkId, cloud, status: { rebuild } });
        if (index > 0) continue;
        const built = { ...cloud, status: 'BUILD', flavorId: metal };
        for (const id of ['waiting', 'deployed'])
          sandbox.addServer(project, { id, flavorId: metal, cloud: built });
      }
      const monitor = await sandbox.startMonitor(...flags);
      const building = profile === 'v1.16' ? { pending: 2 } : { queued: 2 };
      await monitor.untilStates('quiet', { ...building, running: 6, stopped: 2 });
      // Annotations are written after the status.
      await monitor.untilRegionPolled('quiet', 2);
      const { requests } = region.cloud;
      const patches = () => sandbox.cluster.requests.count({ method: 'PATCH' });
      const [writes, polls] = [patches(), await monitor.regionPolls('quiet')];
      requests.clear();
      await monitor.untilRegionPolled('quiet', 4);
      const polled = (await monitor.regionPolls('quiet')) - polls;
      t.is(requests.logins, 0);
      t.is(patches(), writes);
      const asked = (route: typeof list | typeof nodes, project: number) =>
        requests.count({ route, projectId: projects[project]?.credentials.projectId ?? '' });
      for (const index of projects.keys()) {
        // One poll may have been under way at each end.
        const lists = asked(list, index);
        t.true(lists >= polled - 1 && lists <= polled + 2, `${lists} lists in ${polled} polls`);
      }
      // Only where a bare-metal server is building is there more to ask.
      const ironic = asked(nodes, 0);
      if (profile === 'v1.16') t.is(ironic, 0);
      else
        t.true(ironic >= polled - 1 && ironic <= polled + 2, `${ironic} lists of nodes in ${polled} polls`);
      t.is(asked(nodes, 1), 0);
      t.is(requests.count(), asked(list, 0) + asked(list, 1) + ironic);
    },
  );
}
