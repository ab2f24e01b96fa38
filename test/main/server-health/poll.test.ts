import test from 'ava';
import { RegionPoll } from '../../../src/main/server-health/poll.ts';
import { regionUnresolved, serverSubject } from '../../../src/main/server-health/problems.ts';
import type { CheckError, ErrorCode } from '../../../src/shared/errors.ts';
import { refTo } from '../../../src/shared/watched-object.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';

function error(code: ErrorCode): CheckError {
  return { code, message: `it was ${code}` };
}

const servers = ['a', 'b', 'c'].map((name) => serverRecord({ name }));

/** A poll in which each project failed with its code. */
function pollOf(...failures: { identityId: string; code: ErrorCode }[]): RegionPoll {
  const poll = new RegionPoll('region-1', 1_000);
  for (const { identityId, code } of failures) poll.failed({ identityId, error: error(code), servers });
  return poll;
}

test('a poll in which everything answered is ok', (t) => {
  const poll = new RegionPoll('region-1', 1_000);
  poll.answered();
  t.is(poll.outcome, 'ok');
  t.is(poll.failure, null);
  t.deepEqual(poll.problems(), []);
});

test('a region that was asked for nothing is not down', (t) => {
  const poll = new RegionPoll('region-1', 1_000);
  t.is(poll.outcome, 'ok');
  t.is(poll.failure, null);
});

test('a poll is partial when some projects failed, or some servers', (t) => {
  const some = pollOf({ identityId: 'p1', code: 'timeout' });
  some.answered();
  t.is(some.outcome, 'partial');
  t.is(some.failure, null);
  const server = new RegionPoll('region-1', 1_000);
  server.answered();
  server.serverFailed(serverRecord(), error('invalid-config'));
  t.is(server.outcome, 'partial');
  t.is(server.failure, null);
});

test('a poll in which nothing answered is down, for the reason of the first project', (t) => {
  const poll = pollOf({ identityId: 'p1', code: 'unreachable' }, { identityId: 'p2', code: 'timeout' });
  t.is(poll.outcome, 'unreachable');
  t.deepEqual(poll.failure, error('unreachable'));
});

test('the region’s own trouble is the reason, not that of a project before it; of several, the longest wait', (t) => {
  const poll = pollOf({ identityId: 'p1', code: 'unauthorized' }, { identityId: 'p2', code: 'timeout' });
  t.deepEqual(poll.failure, error('timeout'));
  t.is(poll.outcome, 'timeout');
  for (const [identityId, retryAfterMs] of [
    ['p3', 20_000],
    ['p4', 60_000],
    ['p5', 40_000],
  ] as const)
    poll.failed({ identityId, error: { ...error('rate-limited'), retryAfterMs }, servers });
  t.is(poll.failure?.retryAfterMs, 60_000);
  t.like(poll.problems()[0], { key: 'region/rate-limited', fields: { servers: 12 } });
});

test('when every project failed for a reason of the region’s, that is one problem', (t) => {
  const poll = pollOf({ identityId: 'p1', code: 'timeout' }, { identityId: 'p2', code: 'timeout' });
  t.deepEqual(poll.problems(), [
    {
      key: 'region/timeout',
      subject: 'region',
      hidesOthers: true,
      message: 'failed to resolve region, skipping',
      error: 'it was timeout',
      fields: { region: 'region-1', code: 'timeout', servers: 6 },
      ended: 'region resolved again',
    },
  ]);
});

test('what concerns one project’s credentials or rights is told of each of its servers', (t) => {
  for (const [code, key] of [
    ['unauthorized', 'unauthorized'],
    ['forbidden', 'forbidden'],
    ['wrong-scope', 'wrong-scope'],
    // Each flaw of an object is a problem of its own.
    ['invalid-config', 'invalid-config/it was invalid-config'],
  ] as const) {
    const problems = pollOf({ identityId: 'p1', code }).problems();
    t.is(problems.length, 3);
    t.deepEqual(problems[0], {
      key: `check/default/a/${key}`,
      subject: 'server/default/a',
      hides: 'power/default/a',
      object: servers[0] && refTo('servers', servers[0]),
      message: 'failed to check server, skipping',
      error: `it was ${code}`,
      fields: { server: 'a', region: 'region-1', code, identity: 'p1' },
      ended: 'server checked again',
    });
  }
});

test('a project’s own trouble is told beside the region’s, whichever came first', (t) => {
  const region = { identityId: 'p1', code: 'timeout' as const };
  const project = { identityId: 'p2', code: 'unauthorized' as const };
  for (const failures of [
    [region, project],
    [project, region],
  ]) {
    const keys = pollOf(...failures)
      .problems()
      .map(({ key }) => key);
    t.deepEqual(keys, [
      'region/timeout',
      'check/default/a/unauthorized',
      'check/default/b/unauthorized',
      'check/default/c/unauthorized',
    ]);
  }
});

test('when anything answered, a failed project is its servers’ problem', (t) => {
  const poll = pollOf({ identityId: 'p1', code: 'timeout' });
  poll.answered();
  t.deepEqual(
    poll.problems().map(({ key }) => key),
    ['check/default/a/timeout', 'check/default/b/timeout', 'check/default/c/timeout'],
  );
});

test('problems of single servers and notes come along', (t) => {
  const poll = pollOf({ identityId: 'p1', code: 'timeout' });
  const [server] = servers;
  if (server === undefined) throw new Error('there are servers');
  poll.serverFailed(server, error('invalid-config'), { identity: 'p9' });
  const note = { key: 'note', message: 'noted', fields: {} };
  poll.note(note);
  const [first, second, third] = poll.problems();
  t.like(first, { key: 'check/default/a/invalid-config/it was invalid-config', fields: { identity: 'p9' } });
  t.is(first?.subject, serverSubject(server));
  t.is(second, note);
  t.is(third?.key, 'region/timeout');
});

test('another reason is another problem of the same region', (t) => {
  const timeout = regionUnresolved('region-1', error('timeout'));
  const refused = regionUnresolved('region-1', error('unreachable'));
  t.not(timeout.key, refused.key);
  t.is(timeout.subject, refused.subject);
});

test('failures of projects and of servers add up, whatever there is of each', (t) => {
  for (const count of [1, 2]) {
    const poll = pollOf(
      ...Array.from({ length: count }, () => ({ identityId: 'p1', code: 'forbidden' as const })),
    );
    poll.answered();
    for (let server = 0; server < count; server++) poll.serverFailed(serverRecord(), error('invalid-config'));
    t.is(poll.outcome, 'partial');
  }
});

test('writes that failed are problems of the poll, and make it partial', (t) => {
  const poll = new RegionPoll('region-1', 1_000);
  t.is(poll.startedMs, 1_000);
  poll.answered();
  poll.writesFailed([]);
  t.is(poll.outcome, 'ok');
  const problem = { key: 'write', message: 'not written', fields: {} };
  poll.writesFailed([problem]);
  t.is(poll.outcome, 'partial');
  t.deepEqual(poll.problems(), [problem]);
  poll.serverFailed(serverRecord(), error('invalid-config'));
  t.is(poll.outcome, 'partial');
});

test('it is known how a region is when it answered, failed, or could not be asked', (t) => {
  const answered = pollOf();
  t.false(answered.conclusive);
  answered.answered();
  t.true(answered.conclusive);
  t.true(pollOf({ identityId: 'p1', code: 'timeout' }).conclusive);
  const unresolved = pollOf();
  unresolved.unresolved(error('invalid-config'));
  t.true(unresolved.conclusive);
});

test('that a region could not be asked is its only problem, whatever else is wrong', (t) => {
  const poll = pollOf({ identityId: 'p1', code: 'timeout' });
  poll.answered();
  poll.serverFailed(serverRecord(), error('invalid-config'));
  poll.unresolved(error('unsupported'));
  t.deepEqual(poll.failure, error('unsupported'));
  t.is(poll.outcome, 'unsupported');
  t.deepEqual(poll.problems(), [regionUnresolved('region-1', error('unsupported'))]);
});
