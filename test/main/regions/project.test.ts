import test from 'ava';
import { longestPauseMs, longestRefusalMs } from '../../../src/main/regions/pause.ts';
import { type AskedLists, Project } from '../../../src/main/regions/project.ts';
import { listsOf } from '../../../src/main/regions/reconciling.ts';
import type { CheckError } from '../../../src/shared/errors.ts';
import type { ProjectResult } from '../../../src/shared/server-health.ts';
import { drained } from '../../fixtures/monitor/drained.ts';
import { observation } from '../../fixtures/monitor/records.ts';
import { projectCredentials, session } from '../../fixtures/monitor/region-records.ts';

const pollPeriodMs = 60_000;
const rotated = { ...projectCredentials, password: 'rotated' };

function openProject(): Project {
  const project = new Project('p1', pollPeriodMs);
  project.use(projectCredentials);
  return project;
}

function listed(...providerIds: string[]): ProjectResult {
  return {
    identityId: 'p1',
    outcome: {
      ok: true,
      complete: true,
      observations: providerIds.map((providerId) => observation({ providerId })),
      malformed: [],
      watermark: '2026-11-22T07:00:00Z',
      pages: [],
    },
    session: session('of p1'),
  };
}

function failed(error: CheckError): ProjectResult {
  return { identityId: 'p1', outcome: { ok: false, error }, session: null };
}

function busy(retryAfterMs?: number): CheckError {
  return {
    code: 'rate-limited',
    message: 'slow down',
    status: 429,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

function asked(pollNumber: number, nowMs: number, complete = true): AskedLists {
  return { pollNumber, nowMs, complete };
}

const refused: CheckError = { code: 'unauthorized', message: 'wrong password', status: 401 };

test('a session is used again with exactly its credentials', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(1, 0)));
  t.deepEqual(project.login.session({ ...projectCredentials }), session('of p1'));
  t.is(project.login.session(rotated), undefined);
});

test('a failure leaves what is known of the project, and keeps the session that it ended with', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(7, 5_000)));
  const ended = { ...failed({ code: 'timeout', message: 'no answer' }), session: session('renewed') };
  t.true(drained(project.take(ended, asked(8, 6_000))));
  t.true(project.failing);
  t.is(project.view.watermark, '2026-11-22T07:00:00Z');
  t.is(project.listedAt, 7);
  t.is(project.lastGoodMs, 5_000);
  t.deepEqual(project.login.session(projectCredentials), session('renewed'));
});

test('a list that is not believed is confirmed with a new login', (t) => {
  const project = openProject();
  drained(project.take(listed('1', '2', '3'), asked(1, 0)));
  t.false(drained(project.take(listed(), asked(2, 0))));
  t.is(project.login.session(projectCredentials), undefined);
  t.is(project.listedAt, 1);
  t.true(drained(project.take(listed(), asked(3, 0))));
  t.deepEqual(project.login.session(projectCredentials), session('of p1'));
  t.is(project.listedAt, 3);
});

test('another password changes nothing of what is known', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(1, 0)));
  project.use(rotated);
  t.is(project.listedAt, 1);
  t.not(project.view.watermark, null);
});

test('a project that was refused is left alone for as long as the region said', (t) => {
  const project = openProject();
  drained(project.take(failed(busy(10_000)), asked(1, 1_000)));
  t.deepEqual(project.pausedFor(4_000), busy(7_000));
  t.deepEqual(project.pausedFor(10_999), busy(1));
  t.is(project.pausedFor(11_000), null);
});

test('without Retry-After there is no pause', (t) => {
  const project = openProject();
  for (const error of [busy(), busy(0)]) {
    drained(project.take(failed(error), asked(1, 1_000)));
    t.is(project.pausedFor(1_000), null);
  }
});

test('no pause is longer than the bound', (t) => {
  const project = openProject();
  drained(project.take(failed(busy(86_400_000)), asked(1, 0)));
  t.not(project.pausedFor(longestPauseMs - 1), null);
  t.is(project.pausedFor(longestPauseMs), null);
});

test('a password that is refused again and again is tried less and less', (t) => {
  const project = openProject();
  const polls: number[] = [];
  for (let poll = 1; poll <= 40; poll++) {
    const nowMs = poll * pollPeriodMs;
    if (project.pausedFor(nowMs) !== null) continue;
    polls.push(poll);
    drained(project.take(failed(refused), asked(poll, nowMs)));
  }
  t.deepEqual(polls, [1, 2, 4, 8, 16, 26, 36]);
  t.true(longestRefusalMs <= 10 * pollPeriodMs);
});

test('a pause ends with other credentials, and with nothing else', (t) => {
  const project = openProject();
  for (const poll of [1, 2, 3]) drained(project.take(failed(refused), asked(poll, 0)));
  project.use({ ...projectCredentials });
  t.deepEqual(project.pausedFor(1), refused);
  project.use(rotated);
  t.is(project.pausedFor(1), null);
});

const tooSlow: CheckError = { code: 'timeout', message: 'no answer in time' };
const reconcileEvery = 10;

/** The lists of a project in each poll, for a cloud whose complete lists never come in time. */
function listsOfPolls(project: Project, polls: number): readonly string[] {
  return Array.from({ length: polls }, (_, index) => {
    const pollNumber = index + 2;
    const lists = listsOf(project, { pollNumber, every: 1 });
    const complete = lists.changesSince === null;
    if (complete) drained(project.take(failed(tooSlow), asked(pollNumber, 0)));
    else drained(project.take(changed(lists.complete ? tooSlow : undefined), asked(pollNumber, 0, false)));
    return complete ? 'complete' : lists.complete ? `both by ${project.pageSize}` : 'changes';
  });
}

function changed(completeError?: CheckError): ProjectResult {
  const result = listed();
  if (!result.outcome.ok) return result;
  const outcome = {
    ...result.outcome,
    complete: false,
    ...(completeError === undefined ? {} : { completeError }),
  };
  return { ...result, outcome };
}

test('a complete list that does not fit costs one poll; then changes go on, and it is tried less often, in smaller pages', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(1, 0)));
  t.deepEqual(listsOfPolls(project, 12), [
    'complete',
    'changes',
    'both by 500',
    'changes',
    'changes',
    'changes',
    'both by 250',
    'changes',
    'changes',
    'changes',
    'changes',
    'changes',
  ]);
  t.deepEqual(project.listFailure, tooSlow);
  drained(project.take(listed('1'), asked(40, 0, false)));
  t.is(project.listFailure, null);
  t.deepEqual(listsOf(project, { pollNumber: 41, every: 1 }), { changesSince: null, complete: true });
  t.is(project.pageSize, 500, 'larger pages again');
});

test('a region that hangs says nothing about the size of its lists', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(1, 0)));
  for (const poll of [2, 3, 4, 5]) drained(project.take(failed(tooSlow), asked(poll, 0, poll % 2 === 0)));
  t.is(project.pageSize, null);
  t.is(project.listFailure, null);
});

test('a first list that does not fit is asked for in smaller pages', (t) => {
  const project = openProject();
  const sizes = [1, 2, 3, 4, 5, 6, 7].map((poll) => {
    t.deepEqual(listsOf(project, { pollNumber: poll, every: reconcileEvery }), {
      changesSince: null,
      complete: true,
    });
    drained(project.take(failed(tooSlow), asked(poll, 0)));
    return project.pageSize;
  });
  t.deepEqual(sizes, [null, 500, 250, 125, 62, 50, 50]);
});

test('a list of too many pages is not asked for in smaller ones: they would take longer still', (t) => {
  const overtime = { ...tooSlow, overtime: { pagesRead: 1 } };
  const project = openProject();
  for (const poll of [1, 2, 3]) drained(project.take(failed(overtime), asked(poll, 0)));
  t.is(project.pageSize, null);
  drained(project.take(failed({ ...tooSlow, overtime: { pagesRead: 0 } }), asked(4, 0)));
  t.is(project.pageSize, 500, 'not even one page came');
});

test('refusals are counted since the last answer, and for each password by itself', (t) => {
  const between = {
    'an answer': (project: Project) => drained(project.take(listed('1'), asked(3, 0))),
    'another failure': (project: Project) => drained(project.take(failed(tooSlow), asked(3, 0))),
    'another password': (project: Project) => project.use(rotated),
  };
  for (const [what, happens] of Object.entries(between)) {
    const project = openProject();
    for (const poll of [1, 2]) drained(project.take(failed(refused), asked(poll, 0)));
    t.not(project.pausedFor(1), null);
    happens(project);
    drained(project.take(failed(refused), asked(4, 0)));
    t.is(project.pausedFor(1), null, what);
  }
});

test('a project with other credentials is not one that failed', (t) => {
  const project = openProject();
  drained(project.take(failed(tooSlow), asked(1, 0)));
  t.true(project.failing);
  project.use(rotated);
  t.false(project.failing);
});

test('only a list that is too slow or too large is asked for in smaller pages', (t) => {
  for (const [code, size] of [
    ['timeout', 500],
    ['response-too-large', 500],
    ['server-error', null],
  ] as const) {
    const project = openProject();
    drained(project.take(listed('1'), asked(1, 0)));
    drained(project.take(changed({ code, message: 'failed' }), asked(2, 0, false)));
    t.is(project.pageSize, size, code);
    t.is(project.listFailure?.code, size === null ? undefined : code);
  }
});

test('a project that was not asked after all is as it was', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(1, 5_000)));
  const outcome = { ok: false, error: refused, unasked: true } as const;
  const unasked = { identityId: 'p1', outcome, session: session('of p1') };
  for (const poll of [2, 3, 4]) t.true(drained(project.take(unasked, asked(poll, 6_000))));
  t.false(project.failing);
  t.is(project.askedAt, 1);
  t.is(project.pausedFor(6_001), null);
});

test('it is known which poll asked last, and whether it failed', (t) => {
  const project = openProject();
  t.is(project.askedAt, null);
  t.false(project.failing);
  drained(project.take(failed(tooSlow), asked(3, 0)));
  t.is(project.askedAt, 3);
  drained(project.take(listed('1'), asked(4, 0)));
  t.is(project.askedAt, 4);
  t.false(project.failing);
});

test('a complete list that never fits is tried every 32 polls in the end, and each one that fits doubles its pages', (t) => {
  const project = openProject();
  drained(project.take(listed('1'), asked(1, 0)));
  t.is(project.nextListAt, null);
  const waits = [10, 20, 30, 40, 50, 60, 70].map((poll) => {
    drained(project.take(changed(tooSlow), asked(poll, 0, false)));
    return (project.nextListAt ?? 0) - poll;
  });
  t.deepEqual(waits, [2, 4, 8, 16, 32, 32, 32]);
  const sizes = [80, 81, 82, 83, 84, 85].map((poll) => {
    drained(project.take(listed('1'), asked(poll, 0)));
    return project.pageSize;
  });
  t.deepEqual(sizes, [100, 200, 400, 800, null, null]);
  t.is(project.nextListAt, null);
});
