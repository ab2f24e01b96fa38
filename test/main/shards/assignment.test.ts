import test from 'ava';
import * as fc from 'fast-check';
import { assignRegions } from '../../../src/main/shards/assignment.ts';

const regions = fc.uniqueArray(fc.uuid(), { minLength: 0, maxLength: 60 });
const shards = fc.integer({ min: 1, max: 12 });

function loads(assigned: ReadonlyMap<string, number>, count: number): readonly number[] {
  return Array.from(
    { length: count },
    (_, shard) => [...assigned.values()].filter((of) => of === shard).length,
  );
}

function moved(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number {
  return [...before].filter(([name, shard]) => after.has(name) && after.get(name) !== shard).length;
}

test('every region has one shard, and no shard has more than its part', (t) => {
  fc.assert(
    fc.property(regions, shards, (names, count) => {
      const assigned = assignRegions(names, count);
      t.deepEqual([...assigned.keys()].toSorted(), names.toSorted());
      t.true([...assigned.values()].every((shard) => Number.isInteger(shard) && shard >= 0 && shard < count));
      t.true(loads(assigned, count).every((load) => load <= Math.ceil(names.length / count)));
    }),
  );
});

test('all replicas come to the same answer, whatever the order in which they know the regions', (t) => {
  fc.assert(
    fc.property(regions, shards, (names, count) => {
      const there = assignRegions(names, count);
      for (const [name, shard] of assignRegions([...names.toReversed(), ...names], count))
        t.is(there.get(name), shard);
      t.is(there.size, names.length);
    }),
  );
});

test('a region that comes or goes moves few others', (t) => {
  let most = 0;
  let sum = 0;
  let runs = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.uuid(), { minLength: 12, maxLength: 60 }),
      fc.integer({ min: 2, max: 6 }),
      (names, count) => {
        const after = moved(assignRegions(names.slice(1), count), assignRegions(names, count));
        most = Math.max(most, after / names.length);
        sum += after / names.length;
        runs++;
      },
    ),
    { numRuns: 500 },
  );
  t.true(most <= 0.4, `at most ${most} of them moved`);
  t.true(sum / runs <= 0.08, `on average ${sum / runs} of them moved`);
});

test('a shard more moves about as many regions as it takes', (t) => {
  const names = Array.from({ length: 120 }, (_, index) => `region-${index}`);
  const count = moved(assignRegions(names, 3), assignRegions(names, 4));
  t.true(count >= 30 && count <= 50, String(count));
});
