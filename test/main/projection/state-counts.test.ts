import test from 'ava';
import { ProjectCounts, StateCounts, type StateKey } from '../../../src/main/projection/state-counts.ts';

const key: StateKey = {
  state: 'running',
  region_id: 'region-1',
  region_name: 'north',
  flavor_id: 'flavor-1',
  flavor_name: 'small',
};

test('servers count together when state and flavour are the same', (t) => {
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

test('new counts of a project replace its old ones, and only its own', (t) => {
  const counts = new StateCounts();
  const running = { ...key, count: 1 };
  const pending = { ...key, state: 'pending', count: 5 };
  const elsewhere = { ...key, region_id: 'region-2', count: 3 };
  counts.replace('region-1', 'p1', [running, pending]);
  counts.replace('region-2', 'p1', [elsewhere]);
  t.deepEqual([...counts.values()], [running, pending, elsewhere]);
  counts.replace('region-1', 'p1', [{ ...running, count: 7 }]);
  t.deepEqual([...counts.values()], [{ ...running, count: 7 }, elsewhere]);
  counts.replace('region-1', 'p1', []);
  t.deepEqual([...counts.values()], [elsewhere]);
  counts.remove('region-2');
  t.deepEqual([...counts.values()], []);
});

test('projects of a region add up to one series, and go when they are not retained', (t) => {
  const counts = new StateCounts();
  counts.replace('region-1', 'p1', [{ ...key, count: 2 }]);
  counts.replace('region-1', 'p2', [{ ...key, count: 3 }]);
  t.deepEqual([...counts.values()], [{ ...key, count: 5 }]);
  counts.retain('region-1', new Set(['p2']));
  t.deepEqual([...counts.values()], [{ ...key, count: 3 }]);
  counts.retain('region-1', new Set());
  t.deepEqual([...counts.values()], []);
});
