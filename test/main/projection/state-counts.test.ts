import test from 'ava';
import { ProjectCounts, StateCounts, type StateKey } from '../../../src/main/projection/state-counts.ts';

const key: StateKey = {
  state: 'running',
  region_id: 'region-1',
  region_name: 'north',
  flavor_id: 'flavor-1',
  flavor_name: 'small',
};

test('servers count together when state and flavor are the same', (t) => {
  const counts = new ProjectCounts();
  for (const state of ['pending', 'running', 'pending']) counts.add({ ...key, state });
  counts.add({ ...key, flavor_id: 'flavor-2' });
  counts.add({ ...key, flavor_name: '' });
  t.deepEqual(counts.values(), [
    { ...key, state: 'pending', count: 2 },
    { ...key, state: 'running', count: 1 },
    { ...key, flavor_id: 'flavor-2', count: 1 },
    { ...key, flavor_name: '', count: 1 },
  ]);
});

const region1 = { namespace: 'default', name: 'region-1' };
const region2 = { namespace: 'default', name: 'region-2' };

function countsOf(...counts: readonly (StateKey & { readonly count: number })[]): ProjectCounts {
  const made = new ProjectCounts();
  for (const { count, ...key } of counts) for (let added = 0; added < count; added++) made.add(key);
  return made;
}

test('new counts of a project replace its old ones, and only its own', (t) => {
  const counts = new StateCounts();
  const running = { ...key, count: 1 };
  const pending = { ...key, state: 'pending', count: 5 };
  const elsewhere = { ...key, region_id: 'region-2', count: 3 };
  counts.replace(region1, 'p1', countsOf(running, pending));
  counts.replace(region2, 'p1', countsOf(elsewhere));
  t.deepEqual([...counts.values()], [running, pending, elsewhere]);
  counts.replace(region1, 'p1', countsOf({ ...running, count: 7 }));
  t.deepEqual([...counts.values()], [{ ...running, count: 7 }, elsewhere]);
  counts.replace(region1, 'p1', countsOf());
  t.deepEqual([...counts.values()], [elsewhere]);
  counts.remove(region2);
  t.deepEqual([...counts.values()], []);
});

test('projects of a region add up to one series, and go when they are not retained', (t) => {
  const counts = new StateCounts();
  counts.replace(region1, 'p1', countsOf({ ...key, count: 2 }));
  counts.replace(region1, 'p2', countsOf({ ...key, count: 3 }));
  t.deepEqual([...counts.values()], [{ ...key, count: 5 }]);
  counts.retain(region1, new Set(['p2']));
  t.deepEqual([...counts.values()], [{ ...key, count: 3 }]);
  counts.retain(region1, new Set());
  t.deepEqual([...counts.values()], []);
});

test('regions of one name in two namespaces add up to one series, and are forgotten one by one', (t) => {
  const counts = new StateCounts();
  const other = { namespace: 'other', name: 'region-1' };
  counts.replace(region1, 'p1', countsOf({ ...key, count: 2 }));
  counts.replace(other, 'p1', countsOf({ ...key, count: 3 }));
  t.deepEqual([...counts.values()], [{ ...key, count: 5 }]);
  t.deepEqual(counts.states(other), { [key.state]: 3 });
  counts.remove(region1);
  t.deepEqual([...counts.values()], [{ ...key, count: 3 }]);
});

test('a server is counted elsewhere when its write has ended', (t) => {
  const counts = new StateCounts();
  const ofProject = countsOf({ ...key, count: 2 });
  counts.replace(region1, 'p1', ofProject);
  ofProject.remove(key);
  ofProject.add({ ...key, state: 'stopped' });
  t.deepEqual(counts.states(region1), { [key.state]: 1, stopped: 1 });
  ofProject.remove(key);
  t.deepEqual(counts.states(region1), { stopped: 1 });
});
