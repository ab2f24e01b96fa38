import test from 'ava';
import { namesRegion, unknownRegions } from '../../../src/main/regions/selection.ts';

const west = { name: 'c7568e2d', displayName: 'west' };
const nameless = { name: 'e7d6a1b0', displayName: '' };

test('without names every region is meant', (t) => {
  t.true(namesRegion([], west));
  t.true(namesRegion([], nameless));
});

test('a region is named by its id or by its display name, and by nothing else', (t) => {
  t.true(namesRegion(['c7568e2d'], west));
  t.true(namesRegion(['other', 'west'], west));
  t.false(namesRegion(['other'], west));
  t.false(namesRegion(['wes'], west));
  t.false(namesRegion(['West'], west));
});

test('an empty name names no region, not even one without a display name', (t) => {
  t.false(namesRegion([''], nameless));
  t.true(namesRegion(['e7d6a1b0'], nameless));
});

test('names that no region has are reported, in the order in which they were given', (t) => {
  const regions = [west, nameless];
  t.deepEqual(unknownRegions(['south', 'west', 'e7d6a1b0', 'north'], regions), ['south', 'north']);
  t.deepEqual(unknownRegions(['west'], regions), []);
  t.deepEqual(unknownRegions([], regions), []);
  t.deepEqual(unknownRegions(['west'], []), ['west']);
});
