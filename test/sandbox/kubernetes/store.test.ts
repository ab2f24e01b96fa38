// Properties of what the store remembers, against a model that remembers everything.

import test from 'ava';
import { type Arbitrary, array, assert, boolean, constantFrom, integer, property, record } from 'fast-check';
import { secrets as resource } from '../../../src/sandbox/kubernetes/resources.ts';
import { KubernetesStore } from '../../../src/sandbox/kubernetes/store.ts';

interface Write {
  readonly key: string;
  readonly remove: boolean;
}

const write: Arbitrary<Write> = record({
  key: constantFrom('a/1', 'a/2', 'a/3', 'a-b/1', 'a.c/2', 'b/1', 'b/2'),
  remove: boolean(),
});

/** Applies a write to the store and to a plain map of texts. */
function apply(store: KubernetesStore, model: Map<string, string>, { key, remove }: Write): void {
  if (remove) {
    store.remove(resource, key, (revision) => `gone ${revision}`);
    model.delete(key);
  } else model.set(key, store.put(resource, key, (revision) => `${key} ${revision}`).json);
}

function read(store: KubernetesStore, prefix: string, after: string, revision: number) {
  const found = store.snapshot(resource, { prefix, after, revision });
  if (found === undefined) return undefined;
  const entries = found.keys
    .slice(found.start, found.end)
    .flatMap((key): readonly (readonly [string, string])[] => {
      const stored = found.at(key);
      return stored === undefined ? [] : [[key, stored.json]];
    });
  return { entries, count: found.countFrom(found.start) };
}

test('a snapshot shows its moment, whatever came after, from any key on', (t) => {
  const holds = property(
    array(write, { maxLength: 12 }),
    array(write, { maxLength: 12 }),
    constantFrom('', 'a/', 'b/', 'c/'),
    constantFrom('', 'a/2', 'b/1'),
    (before, later, prefix, cursor) => {
      const store = new KubernetesStore(1_000);
      const model = new Map<string, string>();
      for (const entry of before) apply(store, model, entry);
      const { revision } = store;
      const after = cursor.startsWith(prefix) ? cursor : '';
      const expected = [...model]
        .filter(([key]) => key.startsWith(prefix) && (after === '' || key > after))
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
      for (const entry of later) apply(store, model, entry);
      t.deepEqual(read(store, prefix, after, revision), { entries: expected, count: expected.length });
    },
  );
  assert(holds, { numRuns: 500 });
});

test('changes replayed from any remembered version lead to what is there now', (t) => {
  const holds = property(
    array(write, { maxLength: 12 }),
    array(write, { maxLength: 12 }),
    integer({ min: 1, max: 12 }),
    (before, later, window) => {
      const store = new KubernetesStore(window);
      const model = new Map<string, string>();
      for (const entry of before) apply(store, model, entry);
      const since = store.revision;
      const replayed = new Map(model);
      for (const entry of later) apply(store, model, entry);
      const changes = store.changesSince(resource, since);
      if (changes === undefined) {
        t.true(store.revision - since > window, 'only what is beyond the window is forgotten');
        return;
      }
      t.true(store.revision - since <= window);
      for (const { type, object, previous } of changes) {
        t.is(type === 'ADDED', !replayed.has(object.key));
        t.is(previous?.json, replayed.get(object.key));
        if (type === 'DELETED') replayed.delete(object.key);
        else replayed.set(object.key, object.json);
      }
      t.deepEqual(replayed, model);
    },
  );
  assert(holds, { numRuns: 500 });
});
