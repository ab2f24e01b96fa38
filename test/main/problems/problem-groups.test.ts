import test from 'ava';
import type { Problem } from '../../../src/main/problems/problem.ts';
import { groupProblems } from '../../../src/main/problems/problem-groups.ts';
import { refTo } from '../../../src/shared/watched-object.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';

function problem(key: string, changes: Partial<Problem> = {}): Problem {
  return { key, message: 'failed', fields: {}, ...changes };
}

const at = (sinceMs: number, name: string) => ({
  sinceMs,
  problem: problem(name, {
    object: refTo('servers', serverRecord({ name })),
    error: `by ${name}`,
    fields: { code: 'timeout' },
  }),
});

test('problems with the same message and code are one group, the latest of them first', (t) => {
  t.deepEqual(groupProblems([at(2, 'b'), at(5, 'd'), at(1, 'a'), at(5, 'e'), at(3, 'c')]), [
    {
      message: 'failed',
      code: 'timeout',
      error: 'by d',
      count: 5,
      objects: ['d', 'e', 'c'].map((name) => ({ kind: 'server', name, displayName: `display-${name}` })),
      firstMs: 1,
      latestMs: 5,
    },
  ]);
});

test('another message or another code is another group', (t) => {
  const groups = groupProblems(
    [
      problem('a'),
      problem('b', { message: 'failed otherwise' }),
      problem('c', { fields: { code: 'timeout' } }),
      problem('d', { fields: { code: 7 } }),
    ].map((each) => ({ problem: each, sinceMs: 1 })),
  );
  t.deepEqual(
    groups.map(({ message, code, error, count }) => [message, code, error, count]),
    [
      ['failed', '', '', 2],
      ['failed otherwise', '', '', 1],
      ['failed', 'timeout', '', 1],
    ],
  );
});

const about = (fields: Problem['fields']) =>
  groupProblems([{ problem: problem('a', { fields }), sinceMs: 1 }])[0]?.objects;

test('what a problem is about: a server, a record of the cloud, an identity, or the whole', (t) => {
  t.deepEqual(about({ identity: 'p1', provider_id: 'nova-1' }), [
    { kind: 'record', name: 'nova-1', displayName: '' },
  ]);
  t.deepEqual(about({ identity: 'p1', provider_id: '' }), [
    { kind: 'identity', name: 'p1', displayName: '' },
  ]);
  t.deepEqual(about({ region: 'r1' }), []);
});
