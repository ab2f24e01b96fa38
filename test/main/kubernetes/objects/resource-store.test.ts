import test from 'ava';
import * as fc from 'fast-check';
import { compareVersions, ResourceStore } from '../../../../src/main/kubernetes/objects/resource-store.ts';

interface Version {
  readonly name: string;
  readonly namespace: string;
  readonly resourceVersion: string;
}

function record(name: string, version: number): Version {
  return { name, namespace: name === 'b' ? 'other' : 'shop', resourceVersion: String(version) };
}

test('versions compare as numbers, of any size', (t) => {
  t.true(compareVersions('9', '10') < 0);
  t.true(compareVersions('123456789012345678901', '123456789012345678902') < 0);
  t.is(compareVersions('7', '7'), 0);
  t.true(compareVersions('8', '') > 0);
});

test('a deletion that is older than a record was that of its predecessor', (t) => {
  const store = new ResourceStore<Version>({ onListenerError: () => {} });
  store.apply(record('a', 10));
  store.put(record('a', 12));
  store.remove('shop', 'a', '11');
  t.is(store.get('shop', 'a')?.resourceVersion, '12');
  store.remove('shop', 'a', '13');
  t.is(store.size, 0);
});

test('after a backup was restored the list stands, though its versions are older', (t) => {
  for (const rewound of [false, true]) {
    const store = new ResourceStore<Version>({ onListenerError: () => {} });
    store.apply(record('a', 20));
    store.apply(record('b', 21));
    const told: string[] = [];
    store.onChange(({ type, record: { name, resourceVersion }, previous }) =>
      told.push(`${type} ${name} ${previous?.resourceVersion} > ${resourceVersion}`),
    );
    const list = store.replace({ rewound });
    list.add(record('a', 10));
    list.commit();
    t.is(store.get('shop', 'a')?.resourceVersion, rewound ? '10' : '20');
    t.is(store.size, 1);
    t.deepEqual(told, [...(rewound ? ['put a 20 > 10'] : []), 'delete b 21 > 21']);
  }
});

test('what a list no longer has is gone, also where the list has another object twice, or had it for a moment', (t) => {
  for (const again of ['twice', 'for a moment']) {
    const store = new ResourceStore<Version>({ onListenerError: () => {} });
    for (const name of ['a', 'b']) store.apply(record(name, 1));
    const gone: string[] = [];
    store.onChange(({ type, record: { name } }) => type === 'delete' && gone.push(name));
    const list = store.replace({ rewound: false });
    list.add(record('a', 2));
    if (again === 'twice') list.add(record('a', 3));
    else {
      list.add(record('b', 2));
      list.remove('other', 'b');
    }
    list.commit();
    t.deepEqual(gone, ['b'], again);
    t.is(store.size, 1);
  }
});

test('what was listed and is gone before the list ends is gone, whether it was known before or not', (t) => {
  const store = new ResourceStore<Version>({ onListenerError: () => {} });
  for (const [name, version] of [
    ['a', 1],
    ['b', 2],
    ['e', 3],
  ] as const)
    store.apply(record(name, version));
  const gone: string[] = [];
  store.onChange(({ type, record: { name } }) => type === 'delete' && gone.push(name));
  const list = store.replace({ rewound: false });
  for (const name of ['a', 'b', 'c', 'd']) list.add(record(name, 5));
  for (const name of ['b', 'c', 'never']) list.remove(record(name, 5).namespace, name);
  t.is(store.size, 3, 'until then the old content stands');
  list.commit();
  t.deepEqual(
    [...store.values()].map(({ name }) => name),
    ['a', 'd'],
  );
  t.is(store.size, 2);
  t.deepEqual(gone.toSorted(), ['b', 'e']);
});

test('a list that another one overtook is not put in place', (t) => {
  const store = new ResourceStore<Version>({ onListenerError: () => {} });
  const slow = store.replace({ rewound: false });
  const quick = store.replace({ rewound: false });
  slow.add(record('a', 1));
  quick.add(record('c', 2));
  quick.commit();
  slow.commit();
  t.deepEqual(
    [...store.values()].map(({ name }) => name),
    ['c'],
  );
});

test('a listener that fails is reported, and the others hear all the same, until they ask no more', (t) => {
  const errors: string[] = [];
  const heard: string[] = [];
  const store = new ResourceStore<Version>({ onListenerError: ({ message }) => errors.push(message) });
  store.onChange(() => {
    throw new Error('defect');
  });
  const stop = store.onChange(({ record: { name } }) => heard.push(name));
  store.apply(record('a', 1));
  stop();
  store.apply(record('c', 2));
  t.deepEqual([errors, heard], [['defect', 'defect'], ['a']]);
});

// A history of changes, as the API server makes it. The store learns of it through the watch, in order; through the
// responses to our own writes, at any later time; and through lists, which show one moment, are read for a while, and
// after which the watch goes on from that moment.
interface Step {
  readonly name: string;
  readonly deleted: boolean;
  /** How many steps later the response to this write arrives; null when it was not ours. */
  readonly response: number | null;
  /** How many steps a list takes that shows this moment; null for none. */
  readonly list: number | null;
}

const steps = fc.array(
  fc.record<Step>({
    name: fc.constantFrom('a', 'b', 'c'),
    deleted: fc.boolean(),
    response: fc.option(fc.nat(5), { nil: null }),
    list: fc.option(fc.nat(4), { nil: null, freq: 3 }),
  }),
  { maxLength: 40 },
);

class World {
  readonly store = new ResourceStore<Version>({
    onListenerError: (error) => {
      throw error;
    },
  });
  /** What the changes add up to. */
  readonly told = new Map<string, string>();
  readonly truth = new Map<string, Version>();
  #events: (() => void)[] = [];
  #list: { readonly endsAt: number; readonly commit: () => void } | null = null;

  constructor() {
    this.store.onChange(({ type, record, previous }) => {
      if (this.told.get(record.name) !== previous?.resourceVersion) throw new Error('a change was not told');
      if (type === 'put') this.told.set(record.name, record.resourceVersion);
      else this.told.delete(record.name);
    });
  }

  happen(step: Step, version: number): Version {
    const made = record(step.name, version);
    if (step.deleted) this.truth.delete(step.name);
    else this.truth.set(step.name, made);
    this.#events.push(() =>
      step.deleted
        ? this.store.remove(made.namespace, made.name, made.resourceVersion)
        : this.store.apply(made),
    );
    return made;
  }

  beginList(endsAt: number): void {
    if (this.#list !== null) return;
    const list = this.store.replace({ rewound: false });
    for (const listed of this.truth.values()) list.add(listed);
    this.#list = { endsAt, commit: () => list.commit() };
    this.#events = [];
  }

  /** The watch stands still while a list is read. */
  advance(now: number, lag: number): void {
    if (this.#list !== null && now >= this.#list.endsAt) {
      this.#list.commit();
      this.#list = null;
    }
    if (this.#list === null) while (this.#events.length > lag) this.#events.shift()?.();
  }
}

const byName = (a: Version, b: Version): number => (a.name < b.name ? -1 : 1);

test('in whatever order responses and lists arrive, the store ends where the API server does, and tells each change', (t) => {
  fc.assert(
    fc.property(steps, fc.nat(4), (history, lag) => {
      const world = new World();
      const responses: { at: number; record: Version }[] = [];
      for (const [now, step] of history.entries()) {
        const made = world.happen(step, 98 + now);
        if (step.response !== null && !step.deleted)
          responses.push({ at: now + step.response, record: made });
        if (step.list !== null) world.beginList(now + step.list);
        for (const due of responses) if (due.at === now) world.store.put(due.record);
        world.advance(now, lag);
      }
      world.advance(Number.POSITIVE_INFINITY, 0);
      for (const { record } of responses) world.store.put(record);
      const expected = [...world.truth.values()].toSorted(byName);
      t.deepEqual([...world.store.values()].toSorted(byName), expected);
      t.is(world.store.size, expected.length);
      for (const { name, resourceVersion } of expected) t.is(world.told.get(name), resourceVersion);
      t.is(world.told.size, expected.length);
    }),
    { numRuns: 1_000 },
  );
});
