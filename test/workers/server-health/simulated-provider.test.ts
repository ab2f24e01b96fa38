import test from 'ava';
import { monotonicMs } from '../../../src/shared/clock.ts';
import type { ServerHealthJob } from '../../../src/shared/server-health.ts';
import type { Phase } from '../../../src/shared/server-record.ts';
import { observeSimulated } from '../../../src/workers/server-health/simulated-provider.ts';
import { runJob } from '../../fixtures/clouds/health-job.ts';

const table: [phase: string, ageMs: number, next: Phase | null, reason: string, message: string][] = [
  ['', 0, null, 'Degraded', 'server is in state BUILD'],
  ['Pending', 19_999, null, 'Degraded', 'server is in state BUILD'],
  ['Pending', 20_000, 'Running', 'Healthy', 'server is healthy'],
  ['Pending', -5_000, null, 'Degraded', 'server is in state BUILD'],
  ['Running', 0, 'Running', 'Healthy', 'server is healthy'],
  ['Stopping', 0, 'Stopped', 'Degraded', 'server is in state SHUTOFF'],
  ['Stopped', 90_000, 'Stopped', 'Degraded', 'server is in state SHUTOFF'],
  ['Building', 90_000, 'Running', 'Healthy', 'server is healthy'],
];

const createdAt = Date.UTC(2026, 10, 22, 7);

for (const [phase, ageMs, next, reason, message] of table) {
  test(`a server in phase "${phase}" of age ${ageMs} ms`, (t) => {
    const observed = observeSimulated({ name: 'server-1', displayName: 'web', phase, createdAt, ageMs });
    t.is(observed.phase, next);
    t.like(observed.health, { reason, message });
  });
}

test('it was created with its object, and launched when its build time was over', (t) => {
  const server = { name: 'server-1', displayName: 'web', phase: 'Building', createdAt };
  const createdAtSeconds = createdAt / 1000;
  t.like(observeSimulated({ ...server, ageMs: 19_999 }), { createdAtSeconds, launchedAtSeconds: null });
  for (const ageMs of [20_000, 9_000_000])
    t.like(observeSimulated({ ...server, ageMs }), {
      createdAtSeconds,
      launchedAtSeconds: createdAtSeconds + 20,
    });
});

test('a job for a simulated region needs no network', async (t) => {
  const job: ServerHealthJob = {
    region: { namespace: 'default', name: 'region-1' },
    deadlineMs: monotonicMs() + 30_000,
    target: { provider: 'simulated' },
    projects: [
      {
        identityId: 'identity-1',
        simulatedServers: [{ name: 'server-1', displayName: 'web', phase: 'Running', createdAt, ageMs: 0 }],
      },
      { identityId: 'identity-2' },
    ],
    flavors: {},
    requestTimeoutMs: 1000,
    concurrency: 1,
    loginsPerSecond: 100,
    probe: false,
    traced: true,
  };
  const result = await runJob(job);
  t.deepEqual(
    result.projects.map(({ identityId, outcome }) => [identityId, outcome.ok && outcome.observations.length]),
    [
      ['identity-1', 1],
      ['identity-2', 0],
    ],
  );
  t.like(result.projects[0], {
    outcome: { complete: true, watermark: null, observations: [{ ownerId: 'server-1', name: 'web' }] },
    session: null,
  });
  t.deepEqual(result.flavors?.outcome, {
    ok: true,
    flavors: [
      { id: '11111111-1111-1111-1111-111111111111', name: 'sim-standard-4' },
      { id: '22222222-2222-2222-2222-222222222222', name: 'sim-gpu-8' },
    ],
  });
  t.deepEqual(result.requests, []);
});
