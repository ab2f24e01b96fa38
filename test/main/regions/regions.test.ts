import test from 'ava';
import type { RegionRecord } from '../../../src/main/kubernetes/objects/resource-records.ts';
import { Regions } from '../../../src/main/regions/regions.ts';
import type { Transition } from '../../../src/main/regions/transitions.ts';
import { regionRecord } from '../../fixtures/monitor/region-records.ts';

const down = { code: 'unreachable', message: 'connection refused' } as const;

function setUp(namespace = 'default') {
  const records: RegionRecord[] = [];
  const gone: string[] = [];
  const time = { nowMs: 1_000 };
  const regions = new Regions({
    namespace,
    records: { values: () => records },
    pollPeriodMs: 60_000,
    clock: { now: () => time.nowMs, monotonicMs: () => time.nowMs },
    onGone: (region) => gone.push(region.name),
  });
  const add = (name: string, changes: Partial<RegionRecord> = {}) => {
    const record = { ...regionRecord(), name, displayName: `display-${name}`, ...changes };
    records.push(record);
    return record;
  };
  const region = (name: string) => {
    const found = regions.get({ namespace: 'default', name });
    if (found === undefined) throw new Error(`there is no region ${name}`);
    return found;
  };
  const names = () => [...regions.values()].map(({ name }) => name);
  return { regions, records, gone, time, add, region, names };
}

const ref = (name: string, namespace = 'default') => ({ namespace, name });

test('there are the regions that are defined, and those that servers name', (t) => {
  const { regions, add, region, names } = setUp();
  add('defined');
  regions.update([ref('named'), ref('defined')], 'server-health');
  t.deepEqual(names(), ['defined', 'named']);
  t.is(region('defined').displayName, 'display-defined');
  t.is(region('named').record, null);
  t.is(region('named').displayName, '');
});

test('a region that is neither defined nor named any more is forgotten, once, with all that was known of it', (t) => {
  const { regions, records, gone, add, region, names } = setUp();
  add('a');
  regions.update([ref('a')], 'server-health');
  const known = region('a');
  known.project('p1');
  known.health.failed(down, 0);
  records.length = 0;
  regions.update([ref('a')], 'server-health');
  t.is(region('a'), known, 'servers still name it');
  t.is(known.record, null);
  t.deepEqual(gone, []);
  regions.update([], 'server-health');
  regions.update([], 'server-health');
  t.deepEqual(gone, ['a']);
  t.deepEqual(names(), []);
  t.is(regions.failures.size, 0);
  regions.update([ref('a')], 'server-health');
  t.not(region('a'), known);
  t.is(region('a').projects.size, 0);
  t.false(region('a').health.tried);
});

test('a region of another namespace is another region', (t) => {
  const { regions, add } = setUp('');
  add('a');
  add('a', { namespace: 'other', displayName: 'the other' });
  regions.update([], 'server-health');
  t.is(regions.get(ref('a'))?.displayName, 'display-a');
  t.is(regions.get(ref('a', 'other'))?.displayName, 'the other');
  t.deepEqual(
    [...regions.snapshots()].map(({ namespace, regionName }) => [namespace, regionName]),
    [
      ['default', 'display-a'],
      ['other', 'the other'],
    ],
  );
});

test('a region that is defined between two polls is shown with its name, and waited for', (t) => {
  const { regions, add, region } = setUp();
  t.true(regions.triedAll);
  add('new');
  t.false(regions.triedAll);
  t.like(
    [...regions.snapshots()],
    [{ regionId: 'new', regionName: 'display-new', namespace: null, up: false }],
  );
  region('new').health.succeeded(1_000);
  t.true(regions.triedAll);
});

test('all regions are tried when those that are defined were, whatever came of it', (t) => {
  const { regions, add, region } = setUp();
  add('a');
  add('b');
  regions.update([ref('named')], 'server-health');
  region('a').health.succeeded(1_000);
  t.false(regions.triedAll);
  region('b').health.failed(down, 1_000);
  t.true(regions.triedAll);
  t.deepEqual([...regions.failures.values()], [down]);
});

test('a snapshot says how a region is, and for how long it has been silent', (t) => {
  const { regions, time, add, region } = setUp();
  add('a');
  regions.update([], 'server-health');
  region('a').servers = 7;
  t.like([...regions.snapshots()][0], {
    up: false,
    lastGoodAgeSeconds: null,
    servers: 7,
    breakerOpen: false,
  });
  region('a').health.succeeded(2_000);
  for (let failure = 0; failure < 3; failure++) region('a').health.failed(down, 3_000);
  time.nowMs = 12_000;
  t.like([...regions.snapshots()][0], { up: false, lastGoodAgeSeconds: 10, breakerOpen: true });
});

test('a region that has no servers to ask for is neither up nor down', (t) => {
  const { regions, add, region } = setUp();
  add('a');
  add('kubernetes', { provider: 'kubernetes', openstack: null });
  regions.update([], 'server-health');
  region('kubernetes').health.failed({ code: 'unsupported', message: 'region is of the wrong kind' }, 0);
  t.deepEqual(
    [...regions.snapshots()].map(({ regionId }) => regionId),
    ['a'],
  );
});

test('regions that this process works on no longer are forgotten, the others are not', (t) => {
  const { regions, gone, add, names } = setUp();
  for (const name of ['a', 'b', 'c']) add(name);
  regions.update([], 'server-health');
  regions.retain(({ name }) => name === 'b');
  t.deepEqual(names(), ['b']);
  t.deepEqual(gone, ['a', 'c']);
});

function builds(...since: number[]): ReadonlyMap<string, Transition> {
  return new Map(
    since.map((sinceMs, index) => [
      `uid-${index}`,
      { kind: 'build', stage: 'Pending', sinceMs, progressMs: sinceMs },
    ]),
  );
}

test('a snapshot says for how long servers have been in transition, the longest of each kind', (t) => {
  const { regions, time, add, region } = setUp();
  add('a');
  regions.update([], 'server-health');
  region('a').project('p1').transitions.take(builds(30_000, 10_000), 30_000);
  region('a').project('p2').transitions.take(builds(20_000), 30_000);
  time.nowMs = 130_000;
  const ages = () => [...regions.snapshots()].flatMap(({ transitionAges }) => transitionAges);
  t.deepEqual(ages(), [{ kind: 'build', seconds: 120 }]);
  // A clock that was set back.
  time.nowMs = 5_000;
  t.deepEqual(ages(), [{ kind: 'build', seconds: 0 }]);
});

test('the regions are unsettled while one of them is', (t) => {
  const { regions, add, region } = setUp();
  for (const name of ['a', 'b']) add(name);
  regions.update([], 'server-health');
  t.false(regions.unsettled);
  const { transitions } = region('b').project('p1');
  transitions.take(new Map([['uid', { kind: 'task', stage: '', sinceMs: 5, progressMs: 5 }]]), 10);
  t.true(regions.unsettled);
  transitions.take(new Map(), 20);
  t.false(regions.unsettled);
});
