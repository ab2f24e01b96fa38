import test from 'ava';
import type { ResourceOutage } from '../../../src/main/kubernetes/objects/resource-caches.ts';
import type { Problem } from '../../../src/main/problems/problem.ts';
import { ProblemLog } from '../../../src/main/problems/problem-log.ts';
import { noRegion } from '../../../src/main/problems/problem-scope.ts';
import { RecentTransitions } from '../../../src/main/projection/recent-transitions.ts';
import { ProjectCounts, StateCounts } from '../../../src/main/projection/state-counts.ts';
import { Region } from '../../../src/main/regions/region.ts';
import { missingRegionLabel } from '../../../src/main/server-health/problems.ts';
import { monitorStatus } from '../../../src/main/web/collect-status.ts';
import type { CheckError } from '../../../src/shared/errors.ts';
import type { MonitorStatus } from '../../../src/shared/monitor-status.ts';
import { RecordedLog } from '../../fixtures/monitor/recorded-log.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';
import { regionRecord } from '../../fixtures/monitor/region-records.ts';

const now = Date.UTC(2026, 10, 22, 8);
const clock = { now: () => now };

/** A region with the polls that it has had: null for one that got an answer. */
function regionOf(name: string, ...failures: readonly (CheckError | null)[]): Region {
  const record = { ...regionRecord(), name, displayName: name };
  const region = new Region(record, 60_000);
  region.define(record);
  const { health } = region;
  for (const [index, failure] of failures.entries()) {
    if (failure === null) health.succeeded(index);
    else health.failed(failure, index);
    health.ended({
      outcome: failure?.code ?? 'ok',
      seconds: 0.12345,
      endedAt: now - 1000 * (failures.length - index),
    });
  }
  return region;
}

function statusOf(
  regions: readonly Region[],
  given: {
    counts?: StateCounts;
    transitions?: RecentTransitions;
    problems?: ProblemLog;
    outages?: readonly ResourceOutage[];
  } = {},
) {
  const { counts = new StateCounts(), transitions = new RecentTransitions(clock), outages = [] } = given;
  const { problems = new ProblemLog(new RecordedLog(), clock) } = given;
  return monitorStatus({
    about: { version: '1', revision: 'abc', startedAt: '', pollPeriodMs: 60_000, shadow: false },
    clock,
    health: { live: () => ({ ok: true, detail: '' }), ready: () => ({ ok: false, detail: 'waiting' }) },
    regions: { defined: () => regions },
    counts,
    pool: {
      queueLength: 3,
      workers: () => [{ worker: 0, busyShare: 0.123456, heapUsedBytes: 5, jobsInFlight: 1, restarts: 2 }],
    },
    transitions,
    problems,
    caches: { snapshots: () => [], outages: () => outages },
    shards: null,
  });
}

const timeout: CheckError = { code: 'timeout', message: 'no answer' };

test('a region is waiting, up, down or not to be asked', (t) => {
  const unsupported: CheckError = { code: 'unsupported', message: 'region is of the wrong kind' };
  const { regions } = statusOf([
    regionOf('new'),
    regionOf('good', timeout, null),
    regionOf('failing', null, timeout, timeout, timeout),
    regionOf('other', unsupported),
  ]);
  t.deepEqual(
    regions.map(({ regionId, state, up, breakerOpen, failures }) => [
      regionId,
      state,
      up,
      breakerOpen,
      failures,
    ]),
    [
      ['failing', 'down', false, true, 3],
      ['good', 'up', true, false, 0],
      ['new', 'waiting', false, false, 0],
      ['other', 'unsupported', false, false, 0],
    ],
  );
  t.like(regions[0], { lastGoodAt: '2026-11-22T07:59:56.000Z', error: timeout });
  t.like(regions[1], { lastGoodAt: '2026-11-22T07:59:59.000Z', error: null });
  t.deepEqual(regions[1]?.polls, [
    { outcome: 'timeout', seconds: 0.123 },
    { outcome: 'ok', seconds: 0.123 },
  ]);
  t.like(regions[2], { lastGoodAt: null, polls: [] });
});

test('servers are counted by phase, whatever their flavors and projects', (t) => {
  const counts = new StateCounts();
  const key = { region_id: 'r', region_name: 'r', flavor_name: '' };
  const countsOf = (...servers: readonly (readonly [state: string, flavor_id: string])[]) => {
    const ofProject = new ProjectCounts();
    for (const [state, flavor_id] of servers) ofProject.add({ ...key, state, flavor_id });
    return ofProject;
  };
  const region = regionOf('r');
  counts.replace(region, 'p1', countsOf(['running', 'a'], ['running', 'b'], ['stopped', 'a']));
  counts.replace(region, 'p2', countsOf(['running', 'a'], ['running', 'a']));
  counts.replace({ namespace: 'other', name: 'r' }, 'p1', countsOf(['running', 'a']));
  t.deepEqual(statusOf([region], { counts }).regions[0]?.phases, { running: 4, stopped: 1 });
});

test('services of a region are shown as they answered', (t) => {
  const region = regionOf('r');
  t.deepEqual(statusOf([region]).regions[0]?.services, {});
  region.services = new Map([
    ['identity', true],
    ['network', false],
  ]);
  t.deepEqual(statusOf([region]).regions[0]?.services, { identity: true, network: false });
});

test('the state is JSON that says what the types promise', (t) => {
  const status = statusOf([]);
  const parsed: unknown = JSON.parse(JSON.stringify(status));
  t.deepEqual(parsed, {
    time: '2026-11-22T08:00:00.000Z',
    monitor: {
      version: '1',
      revision: 'abc',
      startedAt: '',
      pollPeriodMs: 60_000,
      shadow: false,
      live: true,
      ready: false,
      detail: 'waiting',
    },
    regions: [],
    problems: { open: 0, groups: [] },
    shards: [],
    pool: {
      queueLength: 3,
      workers: [{ worker: 0, busyShare: 0.123, heapUsedBytes: 5, jobsInFlight: 1, restarts: 2 }],
    },
    transitions: [],
    caches: [],
  } satisfies MonitorStatus);
});

function failing(code: string): Problem {
  return { key: code, message: 'failed', error: 'x'.repeat(5_000), fields: { code } };
}

test('open problems: the latest first, of Kubernetes too, and only so many', (t) => {
  let at = now - 3_600_000;
  const problems = new ProblemLog(new RecordedLog(), { now: () => at });
  for (let index = 0; index < 70; index++) problems.report(`region-${index}`, [failing('timeout')]);
  at += 60_000;
  problems.report(noRegion, [missingRegionLabel(serverRecord({ name: 'lost', displayName: 'Lost' }))]);
  problems.report('of another kind', [failing('unsupported')]);
  const outage = { resource: 'servers', message: 'failed to list', error: '403', since: now - 1_000 };
  const { open, groups } = statusOf([], { problems, outages: [outage] }).problems;
  t.is(open, 72);
  t.is(groups.length, 50);
  t.deepEqual(groups.slice(0, 2), [
    {
      message: 'failed to list',
      code: '',
      error: '403',
      regionId: '',
      namespace: '',
      count: 1,
      objects: [{ kind: 'resource', name: 'servers', displayName: '' }],
      since: '2026-11-22T07:59:59.000Z',
      latest: '2026-11-22T07:59:59.000Z',
    },
    {
      message: 'server missing region label, skipping',
      code: '',
      error: '',
      regionId: '',
      namespace: '',
      count: 1,
      objects: [{ kind: 'server', name: 'lost', displayName: 'Lost' }],
      since: '2026-11-22T07:01:00.000Z',
      latest: '2026-11-22T07:01:00.000Z',
    },
  ]);
  t.like(groups[2], { regionId: 'region-0', code: 'timeout', since: '2026-11-22T07:00:00.000Z' });
  t.true((groups[2]?.error.length ?? 0) < 400);
});

test('only the latest transitions are kept, newest first, with messages cut', (t) => {
  const transitions = new RecentTransitions(clock);
  for (let index = 1; index <= 70; index++)
    transitions.phase('servers', serverRecord({ name: `s${index}`, regionId: 'r' }), {
      from: '',
      to: 'Running',
    });
  transitions.health('servers', serverRecord({ name: 'last' }), {
    from: 'Healthy',
    to: 'Errored',
    status: 'False',
    message: 'x'.repeat(5_000),
    durationMs: 1,
  });
  const kept = transitions.newestFirst();
  t.is(kept.length, 50);
  t.like(kept[0], {
    sequence: 71,
    resource: 'servers',
    name: 'last',
    kind: 'health',
    at: '2026-11-22T08:00:00.000Z',
  });
  t.true((kept[0]?.message.length ?? 0) < 400);
  t.like(kept[1], {
    sequence: 70,
    resource: 'servers',
    name: 's70',
    kind: 'phase',
    from: '',
    to: 'Running',
    message: '',
  });
});

test('only the last polls of a region are kept', (t) => {
  const { health } = regionOf('r', ...Array.from({ length: 40 }, () => null), timeout);
  t.is(health.polls.length, 30);
  t.is(health.polls.at(-1)?.outcome, 'timeout');
});
