import test from 'ava';
import { type Finding, type ProjectAnswer, ProjectView } from '../../../src/main/regions/project-view.ts';
import type { Observation } from '../../../src/shared/observation.ts';
import type { MalformedRecord } from '../../../src/shared/server-health.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { listedPages } from '../../fixtures/monitor/listed-pages.ts';
import { observation, serverRecord } from '../../fixtures/monitor/records.ts';

const watermark = '2026-11-22T07:00:00Z';
const unknown = {
  status: 'Unknown',
  reason: 'Unknown',
  message: 'unable to determine server status',
} as const;

function list(...observations: Observation[]): ProjectAnswer {
  return { complete: true, observations, malformed: [], watermark, pages: [] };
}

function changes(...observations: Observation[]): ProjectAnswer {
  return { ...list(...observations), complete: false };
}

function malformed(providerId: string | null, ownerId: string | null = null): MalformedRecord {
  return { providerId, ownerId, error: { code: 'invalid-response', message: 'status is no text' } };
}

function viewOf(...observations: Observation[]): ProjectView {
  const view = new ProjectView();
  drained(view.take(list(...observations)));
  return view;
}

/** What is found of a server; those of `servers` are the objects that there are. */
function find(view: ProjectView, server: ServerRecord, servers: readonly ServerRecord[] = [server]): string {
  const finding: Finding = view.find(server, (name) => servers.some((each) => each.name === name));
  return finding.kind === 'observed' ? finding.observation.providerId : finding.kind;
}

function nova(providerId: string, more: Partial<Observation> = {}): Observation {
  return observation({ providerId, ...more });
}

const foo4 = serverRecord({ name: 'a4', displayName: 'foo-4' });
const foo48 = serverRecord({ name: 'a48', displayName: 'foo-48' });

/** A complete list in pages of two servers, as it is reported to that view. */
function listFor(view: ProjectView, ...observations: Observation[]): ProjectAnswer {
  return { ...list(), ...listedPages(observations, { size: 2, known: view.pages }) };
}

test('a list whose pages are as they were changes nothing but the watermark', (t) => {
  const view = new ProjectView();
  const servers = [nova('4', { name: 'foo-4' }), nova('5'), nova('48', { name: 'foo-48' })];
  drained(view.take(listFor(view, ...servers)));
  const again = listFor(view, ...servers);
  t.deepEqual(again.observations, []);
  t.true(drained(view.take({ ...again, watermark: 'later' })));
  t.is(find(view, foo4), '4');
  t.is(find(view, foo48), '48');
  t.is(view.watermark, 'later');
  t.deepEqual(listFor(view, ...servers).observations, []);
});

test('of a list with one changed page the servers of the others are kept as they are', (t) => {
  const view = new ProjectView();
  const [four, five, six] = [nova('4', { name: 'foo-4' }), nova('5'), nova('6')];
  drained(view.take(listFor(view, four, five, six)));
  const changed = listFor(view, four, five, nova('48', { name: 'foo-48' }));
  t.is(changed.observations.length, 1);
  t.true(drained(view.take(changed)));
  t.is(find(view, foo4), '4');
  t.is(find(view, foo48), '48');
  t.deepEqual(
    [...view.observations()].map(({ providerId }) => providerId),
    ['4', '5', '48'],
  );
});

test('a fault that is known stays known while its page is as it was', (t) => {
  const view = new ProjectView();
  const failed = nova('4', { updated: '2026-01-01T00:00:00Z', fault: 'no valid host' });
  drained(view.take(listFor(view, failed, nova('5'), nova('6'))));
  drained(view.take(listFor(view, failed, nova('5'))));
  t.deepEqual(view.knownFaults(), { 4: { updated: '2026-01-01T00:00:00Z', fault: 'no valid host' } });
});

test('a server is known until it changes', (t) => {
  const view = new ProjectView();
  const servers = [nova('4', { name: 'foo-4' }), nova('5'), nova('6')];
  drained(view.take(listFor(view, ...servers)));
  drained(view.take(changes()));
  t.deepEqual(listFor(view, ...servers).observations, [], 'nothing changed');
  drained(view.take(changes(nova('4', { name: 'foo-48' }))));
  t.deepEqual(
    listFor(view, ...servers).observations.map(({ providerId }) => providerId),
    ['4'],
  );
  drained(view.take(listFor(view, ...servers)));
  t.is(find(view, foo4), '4');
  drained(view.take({ ...changes(), malformed: [malformed('6')] }));
  t.deepEqual(
    listFor(view, ...servers).observations.map(({ providerId }) => providerId),
    ['6'],
  );
  drained(view.take({ ...changes(), malformed: [malformed(null)] }));
  t.is(listFor(view, ...servers).observations.length, 3, 'it may be any of them');
});

test('a server that only a list of changes had is gone when the pages are as they were', (t) => {
  const view = new ProjectView();
  drained(view.take(listFor(view, nova('5'), nova('6'))));
  drained(view.take(changes(nova('4', { name: 'foo-4' }))));
  t.is(find(view, foo4), '4');
  drained(view.take(listFor(view, nova('5'), nova('6'))));
  t.is(find(view, foo4), 'missing');
});

test('of a server that is listed twice, the last record counts, known or not', (t) => {
  const view = new ProjectView();
  const named4 = nova('4', { name: 'foo-4' });
  const named48 = nova('4', { name: 'foo-48' });
  drained(view.take(listFor(view, nova('5'), nova('6'), named4)));
  const twice = listFor(view, named48, nova('5'), named4);
  t.is(twice.observations.length, 1);
  drained(view.take(twice));
  t.is(find(view, foo4), '4');
  drained(view.take(listFor(view, named48, nova('5'))));
  t.is(find(view, foo48), '4');
});

test('servers that moved to other pages are shown as they were', (t) => {
  const view = new ProjectView();
  const servers = ['1', '2', '3', '4', '5'].map((id) =>
    nova(id, { name: `foo-${id}`, updated: 'u', fault: id }),
  );
  drained(view.take(listFor(view, ...servers)));
  const shorter = listFor(view, ...servers.slice(1));
  t.deepEqual(shorter.observations, []);
  t.true(drained(view.take(shorter)));
  t.deepEqual([...view.observations()], servers.slice(1));
  t.deepEqual(Object.keys(view.knownFaults()), ['2', '3', '4', '5']);
  t.is(find(view, foo4), '4');
  drained(view.take(listFor(view, ...servers)));
  t.deepEqual([...view.observations()], servers);
});

test('most servers are there when most pages are as they were', (t) => {
  const view = new ProjectView();
  const servers = ['1', '2', '3', '4', '5'].map((id) => nova(id));
  drained(view.take(listFor(view, ...servers)));
  t.true(drained(view.take(listFor(view, ...servers.slice(0, 4)))));
  t.false(drained(view.take(listFor(view, nova('1')))));
});

test('the pages of a list that is not believed are not kept', (t) => {
  const view = new ProjectView();
  drained(view.take(listFor(view, nova('1'), nova('2'), nova('3'))));
  t.false(drained(view.take(listFor(view, nova('1')))));
  t.deepEqual(view.pages, [], 'it must be read to be confirmed');
  t.true(drained(view.take(listFor(view, nova('1')))));
  t.deepEqual(listFor(view, nova('1')).observations, []);
});

test('names match exactly: foo-48 is not foo-4', (t) => {
  const view = viewOf(nova('48', { name: 'foo-48' }), nova('x', { name: 'xfoo-4' }));
  t.is(find(view, foo4), 'missing');
  t.is(find(view, foo48), '48');
  drained(view.take(changes(nova('4', { name: 'foo-4' }))));
  t.is(find(view, foo4), '4');
});

test('of several servers with the name the first is taken, as the cloud lists them', (t) => {
  t.is(find(viewOf(nova('1', { name: 'foo-4' }), nova('2', { name: 'foo-4' })), foo4), '1');
});

test('the cloud metadata counts more than the name', (t) => {
  const view = viewOf(nova('stranger', { name: 'foo-4' }), nova('own', { name: 'other', ownerId: 'a4' }));
  t.is(find(view, foo4), 'own');
});

test('a server whose metadata names another object is not taken by its name', (t) => {
  const view = viewOf(nova('1', { name: 'foo-4', ownerId: 'a48' }));
  t.is(find(view, foo4, [foo4, foo48]), 'missing');
  t.is(find(view, foo48, [foo4, foo48]), '1');
});

test('a server whose metadata names an object that is gone is taken by its name, after one without metadata', (t) => {
  const left = nova('left', { name: 'foo-4', ownerId: 'vanished' });
  t.is(find(viewOf(left), foo4), 'left');
  t.is(find(viewOf(left, nova('plain', { name: 'foo-4' })), foo4), 'plain');
});

test('an object without a display name has no name to be found by', (t) => {
  t.is(find(viewOf(nova('1', { name: '' })), serverRecord({ displayName: '' })), 'missing');
});

test('a server that was found stays found when either side is renamed', (t) => {
  const view = viewOf(nova('1', { name: 'foo-4' }));
  t.is(find(view, foo4), '1');
  drained(view.take(changes(nova('1', { name: 'renamed in the cloud' }))));
  t.is(find(view, foo4), '1');
  t.is(find(view, { ...foo4, displayName: 'renamed in Kubernetes' }), '1');
});

test('what was remembered gives way to the metadata of another object', (t) => {
  const view = viewOf(nova('1', { name: 'foo-4' }));
  t.is(find(view, foo4, [foo4, foo48]), '1');
  drained(view.take(changes(nova('1', { name: 'foo-4', ownerId: 'a48' }))));
  t.is(find(view, foo48, [foo4, foo48]), '1');
  t.is(find(view, foo4, [foo4, foo48]), 'missing');
});

test('a new object of the same name does not inherit what was remembered of the old one', (t) => {
  const view = viewOf(nova('1', { name: 'foo-4' }));
  t.is(find(view, foo4), '1');
  drained(view.take(changes(nova('1', { name: 'renamed' }))));
  t.is(find(view, { ...foo4, uid: 'another' }), 'missing');
});

test('what is remembered of objects that are gone is let go', (t) => {
  const view = viewOf(nova('1', { name: 'foo-4' }));
  t.is(find(view, foo4), '1');
  drained(view.take(changes(nova('1', { name: 'renamed' }))));
  view.retain([foo4]);
  t.is(find(view, foo4), '1');
  view.retain([]);
  t.is(find(view, foo4), 'missing');
});

test('lists of changes add, replace and delete; the rest stays', (t) => {
  const view = viewOf(nova('4', { name: 'foo-4' }), nova('48', { name: 'foo-48' }));
  t.true(
    drained(view.take(changes(nova('48', { name: 'foo-48', deleted: true }), nova('5', { name: 'foo-5' })))),
  );
  t.is(find(view, foo4), '4');
  t.is(find(view, foo48), 'missing');
  t.is(find(view, serverRecord({ name: 'a5', displayName: 'foo-5' })), '5');
  t.deepEqual(
    [...view.observations()].map(({ providerId }) => providerId),
    ['4', '5'],
  );
});

test('a server made anew under its name is found after the old one was deleted', (t) => {
  const view = viewOf(nova('old', { name: 'foo-4' }));
  t.is(find(view, foo4), 'old');
  drained(view.take(changes(nova('old', { name: 'foo-4', deleted: true }), nova('new', { name: 'foo-4' }))));
  t.is(find(view, foo4), 'new');
});

test('what a complete list lacks is not there', (t) => {
  const view = viewOf(nova('4', { name: 'foo-4' }), nova('48', { name: 'foo-48' }));
  drained(view.take(list(nova('4', { name: 'foo-4' }))));
  t.is(find(view, foo48), 'missing');
});

test('servers of an unreachable cell keep the name and owner that they had', (t) => {
  const view = viewOf(nova('4', { name: 'foo-4' }), nova('48', { name: 'x', ownerId: 'a48' }));
  const partial = { partial: true, name: null, ownerId: null, phase: null, health: unknown };
  drained(view.take(list(nova('4', partial), nova('48', partial))));
  for (const server of [foo4, foo48]) {
    const finding = view.find(server, () => true);
    t.like(finding, { kind: 'observed', observation: { partial: true, health: unknown, phase: null } });
  }
});

test('while a cell hides servers that nobody knows, one that is not found is unreachable, not missing', (t) => {
  const view = viewOf(nova('4', { name: 'foo-4' }), nova('hidden', { partial: true }));
  t.is(find(view, foo4), '4');
  t.is(find(view, foo48), 'unreachable');
  drained(view.take(list(nova('4', { name: 'foo-4' }), nova('hidden', { name: 'foo-48' }))));
  t.is(find(view, foo48), 'hidden');
});

test('a server whose record cannot be read is unreadable, by id, by owner, by remembered id', (t) => {
  const view = viewOf(nova('4', { name: 'foo-4' }), nova('8', { ownerId: 'a8' }), nova('9', { name: 'n' }));
  const a8 = serverRecord({ name: 'a8' });
  t.is(find(view, foo4), '4');
  drained(
    view.take({
      ...list(nova('9')),
      malformed: [malformed('4'), malformed('8', 'a8'), malformed('48', 'a48')],
    }),
  );
  t.is(find(view, foo4), 'unreadable');
  t.is(find(view, a8), 'unreadable');
  t.is(find(view, foo48), 'unreadable');
  t.is(find(view, serverRecord({ name: 'gone' })), 'missing', 'each of them has an owner');
});

test('a record that cannot be read is not passed over for a stranger of the same name', (t) => {
  const view = viewOf(nova('stranger', { name: 'foo-4' }));
  drained(view.take({ ...list(nova('stranger', { name: 'foo-4' })), malformed: [malformed('own', 'a4')] }));
  t.is(find(view, foo4), 'unreadable');
});

test('while a record is nobody knows whose, a server that is not found is not missing', (t) => {
  for (const record of [malformed(null), malformed('never seen')]) {
    const view = new ProjectView();
    drained(view.take({ ...list(nova('4', { name: 'foo-4' })), malformed: [record] }));
    t.is(find(view, foo4), '4');
    t.is(find(view, foo48), 'unreadable');
  }
});

test('a record stays unreadable in lists of changes, until it comes whole', (t) => {
  const view = new ProjectView();
  drained(view.take({ ...list(), malformed: [malformed('4', 'a4'), malformed(null, 'a48')] }));
  drained(view.take(changes()));
  t.is(find(view, foo4), 'unreadable');
  t.is(find(view, foo48), 'unreadable');
  drained(view.take(changes(nova('4', { ownerId: 'a4' }), nova('48', { ownerId: 'a48' }))));
  t.is(find(view, foo4), '4');
  t.is(find(view, foo48), '48');
});

test('a record that becomes unreadable in a list of changes is no longer believed', (t) => {
  const view = viewOf(nova('4', { name: 'foo-4' }));
  drained(view.take({ ...changes(), malformed: [malformed('4')] }));
  t.is(find(view, foo4), 'unreadable');
  drained(view.take(changes(nova('4', { name: 'foo-4', deleted: true }))));
  t.is(find(view, foo4), 'missing');
});

test('a complete list forgets what could not be read before', (t) => {
  const view = new ProjectView();
  drained(view.take({ ...list(), malformed: [malformed(null)] }));
  drained(view.take(list(nova('4', { name: 'foo-4' }))));
  t.is(find(view, foo48), 'missing');
});

function fleet(count: number): Observation[] {
  return Array.from({ length: count }, (_, index) => nova(`${index}`, { name: `foo-${index}` }));
}

test('when most servers vanish at once, the answer is believed only the second time', (t) => {
  const view = viewOf(...fleet(10));
  t.false(drained(view.take(list(...fleet(4)))));
  t.true(view.confirming);
  t.is(view.watermark, null, 'the confirmation must be a complete list');
  t.is([...view.observations()].length, 10, 'what was known stands');
  t.true(drained(view.take(list(...fleet(4)))));
  t.false(view.confirming);
  t.is(view.watermark, watermark);
  t.is([...view.observations()].length, 4);
});

test('a confirmation that shows the servers again is as good as any list', (t) => {
  const view = viewOf(...fleet(10));
  t.false(drained(view.take(list())));
  t.true(drained(view.take(list(...fleet(9)))));
  t.false(view.confirming);
  t.false(drained(view.take(list())), 'the next time it must be confirmed again');
});

test('when half of the servers stay, the rest is believed to be gone', (t) => {
  const view = viewOf(...fleet(10));
  t.true(drained(view.take(list(...fleet(5)))));
  t.is([...view.observations()].length, 5);
});

test('deletions that the cloud tells of need no confirmation', (t) => {
  const view = viewOf(...fleet(10));
  t.true(drained(view.take(changes(...fleet(10).map((each) => ({ ...each, deleted: true }))))));
  t.is([...view.observations()].length, 0);
});

test('records that cannot be read have not vanished', (t) => {
  const view = viewOf(...fleet(10));
  t.true(
    drained(view.take({ ...list(), malformed: fleet(10).map(({ providerId }) => malformed(providerId)) })),
  );
  t.is(find(view, foo4), 'unreadable');
});

test('an empty project that stays empty needs no confirmation', (t) => {
  const view = new ProjectView();
  t.is(view.watermark, null);
  t.true(drained(view.take(list())));
  t.true(drained(view.take(list())));
});

test('changes are asked for from the newest answer on, if it named a time', (t) => {
  const view = viewOf();
  t.is(view.watermark, watermark);
  drained(view.take({ ...changes(), watermark: '2026-11-22T07:01:00Z' }));
  t.is(view.watermark, '2026-11-22T07:01:00Z');
  drained(view.take({ ...changes(), watermark: null }));
  t.is(view.watermark, null);
});

test('of two servers with one owner, or one name, the one that was made last counts, in whatever order they come', (t) => {
  const old = nova('old', { name: 'foo-4', ownerId: 'a4', createdAtSeconds: 100 });
  const young = nova('young', { name: 'foo-4', ownerId: 'a4', createdAtSeconds: 200 });
  for (const answers of [
    [list(old, young)],
    [list(young, old)],
    [list(old), changes(young)],
    [list(young), changes(old)],
  ]) {
    const owned = new ProjectView();
    for (const answer of answers) drained(owned.take(answer));
    t.like(
      owned.find(foo4, () => true),
      { observation: { providerId: 'young' } },
    );
    drained(owned.take(changes({ ...young, deleted: true })));
    t.like(
      owned.find(foo4, () => true),
      { observation: { providerId: 'old' } },
    );
    const named = new ProjectView();
    for (const answer of answers)
      drained(
        named.take({
          ...answer,
          observations: answer.observations.map((each) => ({ ...each, ownerId: null })),
        }),
      );
    t.like(
      named.find(foo4, () => true),
      { observation: { providerId: 'young' } },
    );
  }
});

test('records without an id are told apart by their owners', (t) => {
  const view = new ProjectView();
  drained(view.take({ ...list(), malformed: [malformed(null, 'a4'), malformed(null, 'a48')] }));
  t.is(find(view, foo4), 'unreadable');
  t.is(find(view, foo48), 'unreadable');
  drained(view.take(list()));
  t.is(find(view, foo4), 'missing', 'it is forgotten with the list');
});

test('a list of changes without any is as good as one with some', (t) => {
  t.true(drained(viewOf(nova('4')).take(changes())));
});

test('known faults are those of the last records', (t) => {
  const failed = nova('4', { updated: 'then', fault: 'no valid host' });
  const view = viewOf(failed, nova('5', { updated: 'then', fault: null }), nova('6', { updated: 'then' }));
  t.deepEqual(view.knownFaults(), {
    '4': { updated: 'then', fault: 'no valid host' },
    '5': { updated: 'then', fault: null },
  });
  drained(view.take(changes(nova('4', { updated: 'later' }), { ...failed, providerId: '5', deleted: true })));
  t.deepEqual(view.knownFaults(), {});
});

test('faults of servers that are gone, or well again, are not known any more', (t) => {
  const fault = (id: string) => nova(id, { updated: '2026-01-01T00:00:00Z', fault: 'no valid host' });
  const view = viewOf(fault('1'), fault('2'), fault('3'), nova('4'), nova('5'));
  t.deepEqual(Object.keys(view.knownFaults()), ['1', '2', '3']);
  drained(view.take(changes({ ...fault('1'), deleted: true })));
  t.deepEqual(Object.keys(view.knownFaults()), ['2', '3']);
  drained(view.take(list(fault('2'), nova('4'), nova('5'))));
  t.deepEqual(Object.keys(view.knownFaults()), ['2']);
});

test('a record that could not be read for want of its id is known again when its owner comes whole', (t) => {
  const view = viewOf(nova('1'));
  drained(view.take({ ...changes(), malformed: [malformed(null, 'a4')] }));
  t.is(find(view, foo4), 'unreadable');
  t.is([...view.malformed()].length, 1);
  drained(view.take(changes(nova('4', { ownerId: 'a4' }))));
  t.is(find(view, foo4), '4');
  t.is([...view.malformed()].length, 0);
});

test('a cell that is back: what was not found is missing again, and changes will do', (t) => {
  const partial = nova('9', { name: null, ownerId: null, partial: true });
  const view = viewOf(nova('1'), partial);
  t.is(find(view, foo4), 'unreachable');
  t.is(view.watermark, null, 'its servers come back without having changed');
  drained(view.take(list(nova('1'), nova('9', { name: 'other' }))));
  t.is(find(view, foo4), 'missing');
  t.is(view.watermark, watermark);
});

test('a large answer is taken in slices, and so is the look at all servers after a small one', (t) => {
  const view = new ProjectView();
  const servers = Array.from({ length: 2_500 }, (_, index) => nova(`${index}`));
  const slices = (answer: ProjectAnswer): number => [...view.take(answer)].length;
  t.true(slices(list(...servers)) >= 5);
  t.true(slices(changes(nova('1', { name: 'foo-4' }))) >= 3);
  t.is(slices(changes()), 0);
  t.is(find(view, foo4), '1');
  t.true(slices(listFor(view, ...servers)) >= 5);
  t.is(slices(listFor(view, ...servers)), 0, 'the same again');
});

test('a list of changes with as many records that cannot be read as others is taken whole', (t) => {
  const view = viewOf(nova('4'), nova('5'), nova('6'));
  drained(view.take({ ...changes(nova('4', { name: 'foo-4' })), malformed: [malformed('5', 'a48')] }));
  t.is(find(view, foo4), '4');
  t.is(find(view, foo48), 'unreadable');
});

test('a server that changed costs the others nothing: their pages and records stay known', (t) => {
  const view = new ProjectView();
  drained(view.take(listFor(view, nova('4'), nova('5'), nova('6'), nova('7'))));
  const [first, second] = view.pages;
  drained(view.take(changes(nova('5', { name: 'renamed' }))));
  const digests = [first?.serverDigests[0], 0];
  t.deepEqual(view.pages, [{ ...first, digest: null, serverDigests: digests }, second]);
});
