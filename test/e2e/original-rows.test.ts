// The tables of the original's own tests, played by a whole monitor: all of them at once, by the definitions of each release.
// Those of v1.16 know none of the fields, so they must not cost more there than the phase and the condition.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { JsonObject } from '../../src/sandbox/kubernetes/api.ts';
import { kubernetesTime } from '../../src/shared/conditions.ts';
import { ago, healthy, startSandbox } from '../fixtures/clouds/sandbox.ts';
import { eventually } from '../fixtures/eventually.ts';
import { calmPeriodMs, pace } from '../fixtures/monitor/monitor.ts';
import { building, images, queued, rebuildRows, states, target } from '../fixtures/monitor/original-rows.ts';

const metal = randomUUID();
const bootedAt = ago(3_600_000);
const launchedMs = Date.parse(bootedAt);
const phaseLine = 'instance phase transition';
const newFields = ['scheduledAt', 'launchedAt', 'provisionedAt', 'macAddress', 'rebuild'] as const;
const marker = (state: string) => ({ targetImageID: target, state });

for (const profile of ['v1.16', 'v1.19'] as const) {
  const newer = profile === 'v1.19';

  test.serial(
    `${profile}: nodes, rebuilds, MAC addresses and times of a boot, as the original has them`,
    async (t) => {
      t.timeout(180_000);
      const sandbox = await startSandbox(t, { profile });
      const region = await sandbox.addRegion('rows', {}, { baremetalFlavorIds: [metal] });
      region.cloud.addFlavor({ id: metal, name: 'metal' });
      const project = region.addProject();
      const { networkId } = project;
      const own = `network-${networkId}`;
      const status = (id: string): JsonObject => sandbox.object(id).status ?? {};
      /** What the status of each object must come to show. */
      const wanted = new Map<string, Readonly<Record<string, unknown>>>();

      for (const [index, state] of [...queued, ...building].entries()) {
        const id = `node-${index}`;
        const cloud = { status: 'BUILD', flavorId: metal };
        const { providerId } = sandbox.addServer(project, { id, flavorId: metal, cloud });
        if (state !== null) region.cloud.nodes.add({ serverId: providerId, provisionState: state });
        const phase = index < queued.length ? 'Queued' : 'Building';
        wanted.set(id, { phase: newer ? phase : 'Pending', provisionedAt: undefined });
      }

      for (const [index, [state, cloudStatus, image, task, end]] of rebuildRows.entries()) {
        const id = `rebuild-${index}`;
        const before = { phase: 'Running', conditions: [healthy('True', 'Healthy')] };
        sandbox.addServer(project, {
          id,
          status: newer ? { ...before, rebuild: marker(states[state]) } : before,
          cloud: {
            status: cloudStatus,
            imageId: images[image] ?? '',
            launchedMs,
            ...(task === '' ? {} : { taskState: task }),
          },
        });
        const health = cloudStatus === 'ACTIVE' ? 'True' : 'False';
        wanted.set(id, { rebuild: newer ? marker(states[end]) : undefined, health });
      }

      const mac = newer ? /^fa:16:3e:/ : undefined;
      const known = newer ? { macAddress: 'fa:00' } : {};
      const macRows = {
        active: { cloud: { networks: [own] }, mac },
        building: { cloud: { networks: [own], status: 'BUILD' }, mac: undefined },
        without: { cloud: { networks: ['elsewhere'] }, status: known, mac: newer ? /^fa:00$/ : undefined },
        drifted: { cloud: { networks: [own] }, status: known, mac },
        second: { cloud: { networks: [own, 'network-other'] }, mac },
      };
      for (const [name, { mac: address, ...planted }] of Object.entries(macRows)) {
        sandbox.addServer(project, { id: `mac-${name}`, networkId, ...planted });
        wanted.set(`mac-${name}`, { macAddress: address });
      }

      const boots = {
        running: { cloud: { status: 'ACTIVE' }, phase: 'Running', latched: true },
        stateless: { cloud: { status: 'ACTIVE', powerState: 0 }, phase: 'Pending', latched: true },
        stopped: { cloud: { status: 'SHUTOFF' }, phase: 'Stopped', latched: true },
        building: { cloud: { status: 'BUILD' }, phase: newer ? 'Building' : 'Pending', latched: false },
      };
      for (const [name, { cloud, phase, latched }] of Object.entries(boots)) {
        const id = `boot-${name}`;
        sandbox.addServer(project, { id, cloud: { ...cloud, ...(latched ? { launchedMs } : {}) } });
        const at = newer && latched ? bootedAt : undefined;
        wanted.set(id, { phase, launchedAt: at, provisionedAt: at });
      }
      const latch = newer ? { provisionedAt: '2026-01-01T00:00:00Z' } : {};
      const latchedBefore = { phase: 'Running', conditions: [healthy('True', 'Healthy')], ...latch };
      sandbox.addServer(project, { id: 'boot-again', cloud: { launchedMs }, status: latchedBefore });
      wanted.set('boot-again', { launchedAt: newer ? bootedAt : undefined, ...latch });

      const monitor = await sandbox.startMonitor(...pace(calmPeriodMs(2_000)), '--transition-poll-period=0');
      const shows = (id: string): boolean =>
        Object.entries(wanted.get(id) ?? {}).every(([field, value]) => {
          if (field === 'health') return sandbox.health(id).startsWith(`${String(value)}/`);
          const shown = status(id)[field];
          if (value instanceof RegExp) return typeof shown === 'string' && value.test(shown);
          return isDeepStrictEqual(shown, value);
        });
      const ids = [...wanted.keys()];
      await eventually('all rows are shown', () => ids.every(shows), { timeoutMs: 90_000 }).catch(
        (error: unknown) => {
          for (const id of ids) if (!shows(id)) t.log(id, status(id), wanted.get(id));
          throw error;
        },
      );
      await monitor.untilRegionPolled('rows', 2);
      for (const id of ids) {
        t.true(shows(id), `${id} stays as it is`);
        if (newer) continue;
        const odd = newFields.filter((field) => status(id)[field] !== undefined);
        t.deepEqual(odd, [], `${id}: v1.16 has no such fields`);
      }
      // One write each, and on v1.16 an annotation for those that are pending.
      for (const id of ids)
        t.true(sandbox.patches(id) <= (newer ? 1 : 2), `${id}: ${sandbox.patches(id)} writes`);
      t.deepEqual(monitor.logged('failed to check server, skipping'), []);
      t.is(monitor.logged(phaseLine, { instance_id: 'boot-running', to_phase: 'Running' }).length, 1);
    },
  );
}

const provision = 'unikorn_region_server_provision_duration_seconds';
const scheduling = 'unikorn_region_server_scheduling_duration_seconds';
const ageMs = 600_000;
const skewLine = 'skipping duration metric: negative duration (clock skew?)';

for (const profile of ['v1.16', 'v1.19'] as const) {
  test.serial(
    `${profile}: the histograms of a boot, as the original has them but for its defects`,
    async (t) => {
      t.timeout(180_000);
      const sandbox = await startSandbox(t, { profile });
      const region = await sandbox.addRegion('boots');
      const project = region.addProject();
      const now = Date.now();
      const after = (seconds: number) => now - ageMs + seconds * 1000;
      const at = (seconds: number) => kubernetesTime(after(seconds));
      const booted = { createdMs: after(10), launchedMs: after(120) };
      const both = { provision: 120, scheduling: 10 };
      const none = {};
      const scheduled = { scheduledAt: at(10) };
      const rows: Readonly<
        Record<string, { cloud: object; status: JsonObject; wanted: object; phase?: string }>
      > = {
        'Pending to Running': { cloud: booted, status: { phase: 'Pending' }, wanted: both },
        'Building to Running': { cloud: booted, status: { phase: 'Building', ...scheduled }, wanted: both },
        'Queued to Running': { cloud: booted, status: { phase: 'Queued', ...scheduled }, wanted: both },
        'launched before it was asked for': {
          cloud: { ...booted, launchedMs: after(-30) },
          status: { phase: 'Pending' },
          wanted: { scheduling: 10 },
        },
        'booted before': {
          cloud: booted,
          status: { phase: 'Pending', ...scheduled, launchedAt: at(120), provisionedAt: at(120) },
          wanted: none,
        },
        'not launched': {
          cloud: { ...booted, launchedMs: null },
          status: { phase: 'Pending' },
          wanted: { scheduling: 10 },
        },
        'a phase in between': {
          cloud: { createdMs: after(10), status: 'BUILD' },
          status: { phase: 'Pending' },
          wanted: none,
          phase: 'Building',
        },
      };
      const planted = Object.entries(rows).map(
        ([name, { cloud, status, wanted, phase = 'Running' }], index) => {
          const id = `boot-${index}`;
          const { id: flavorId } = region.cloud.addFlavor({ id: randomUUID(), name: id });
          const { phase: before = 'Pending' } = status;
          const older = { phase: before === 'Pending' ? 'Pending' : 'Running' };
          const shown = profile === 'v1.19' ? status : older;
          sandbox.addServer(project, { id, ageMs, flavorId, cloud: { ...cloud, flavorId }, status: shown });
          return { id, name, flavorId, wanted, phase };
        },
      );
      const monitor = await sandbox.startMonitor();
      for (const { id, phase } of planted)
        await sandbox.untilPhase(id, profile === 'v1.16' && phase === 'Building' ? 'Pending' : phase);
      await monitor.untilRegionPolled('boots', 2);
      for (const { name, flavorId, wanted } of planted)
        for (const [metric, kind] of [
          [provision, 'provision'],
          [scheduling, 'scheduling'],
        ] as const) {
          // Without an annotation v1.16 has nothing to measure from.
          const seconds: unknown = profile === 'v1.16' ? undefined : Reflect.get(wanted, kind);
          const of = `flavor_id="${flavorId}"`;
          t.is(await monitor.total(`${metric}_count`, of), seconds === undefined ? 0 : 1, `${kind}: ${name}`);
          const sum = await monitor.total(`${metric}_sum`, of);
          // The object's time of creation has whole seconds.
          if (typeof seconds === 'number') t.true(Math.abs(sum - seconds) <= 1, `${kind}: ${name}: ${sum}`);
        }
      const skewed = monitor.logged(skewLine);
      t.is(skewed.length, profile === 'v1.16' ? 0 : 1);
      if (profile === 'v1.19') t.like(skewed[0]?.fields, { instance_id: 'boot-3', launched_at: at(-30) });
    },
  );
}
