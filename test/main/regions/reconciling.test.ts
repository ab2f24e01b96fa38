import test from 'ava';
import { Project } from '../../../src/main/regions/project.ts';
import { isReconcileDue, listsOf } from '../../../src/main/regions/reconciling.ts';
import { drained } from '../../fixtures/monitor/drained.ts';

const ids = Array.from({ length: 200 }, (_, index) => `identity-${index}`);

test('projects take turns to be listed completely, about as many at each poll', (t) => {
  for (let pollNumber = 1; pollNumber <= 10; pollNumber++) {
    const due = ids.filter((identityId) =>
      isReconcileDue({ identityId, listedAt: pollNumber - 1, pollNumber, every: 10 }),
    );
    t.true(due.length > 5 && due.length < 40, `${due.length} in poll ${pollNumber}`);
  }
});

test('no project waits longer than it should for its complete list', (t) => {
  for (const identityId of ids) {
    t.true(isReconcileDue({ identityId, listedAt: 3, pollNumber: 13, every: 10 }));
    const polls = Array.from({ length: 10 }, (_, index) => index + 1);
    const turns = polls.filter((pollNumber) =>
      isReconcileDue({ identityId, listedAt: pollNumber, pollNumber, every: 10 }),
    );
    t.is(turns.length, 1, 'one turn of its own in ten polls');
  }
});

test('a project that was never listed is asked for everything; then for changes, and for everything when it is due', (t) => {
  const project = new Project('p1', 60_000);
  t.deepEqual(listsOf(project, { pollNumber: 1, every: 10 }), { changesSince: null, complete: true });
  const outcome = {
    ok: true,
    complete: true,
    observations: [],
    malformed: [],
    watermark: '2026-11-22T07:00:00Z',
    pages: [],
  } as const;
  drained(
    project.take({ identityId: 'p1', outcome, session: null }, { pollNumber: 1, nowMs: 0, complete: true }),
  );
  const never = Number.POSITIVE_INFINITY;
  t.deepEqual(listsOf(project, { pollNumber: 2, every: never }), {
    changesSince: '2026-11-22T07:00:00Z',
    complete: false,
  });
  t.deepEqual(listsOf(project, { pollNumber: 2, every: 1 }), { changesSince: null, complete: true });
});
