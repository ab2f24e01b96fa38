import test from 'ava';
import { WriteProblems } from '../../../src/main/projection/write-problems.ts';
import { writeProblem } from '../../../src/main/server-health/problems.ts';
import type { ServerRecord } from '../../../src/shared/server-record.ts';
import { serverRecord } from '../../fixtures/monitor/records.ts';

const region = { namespace: 'default', name: 'region-1' };
const other = { namespace: 'default', name: 'region-2' };
const [a, b] = [serverRecord({ name: 'a' }), serverRecord({ name: 'b' })];
const failed = { kind: 'failed', error: new Error('refused') } as const;

function namesOf(problems: WriteProblems<ServerRecord>, of = region): unknown[] {
  return problems.of(of).map(({ object }) => object?.name);
}

test('a write that failed is a problem until a later write of the object ends otherwise', (t) => {
  for (const later of [{ kind: 'stands', object: a }, { kind: 'gone' }] as const) {
    const problems = new WriteProblems(writeProblem);
    problems.take(region, a, later);
    problems.take(region, a, failed);
    problems.take(region, b, failed);
    problems.take(region, b, failed);
    t.true(problems.has(region, a));
    t.false(problems.has(other, a));
    t.deepEqual(namesOf(problems), ['a', 'b']);
    t.deepEqual(namesOf(problems, other), []);
    problems.take(region, a, later);
    t.false(problems.has(region, a));
    t.deepEqual(namesOf(problems), ['b']);
    problems.take(region, b, later);
    t.deepEqual(problems.of(region), []);
  }
});

test('a status that stands without its annotation is a problem of another kind', (t) => {
  const problems = new WriteProblems(writeProblem);
  problems.take(region, a, { kind: 'stands', object: a, annotationError: new Error('refused') });
  t.like(problems.of(region), [{ message: 'failed to patch pending-entry annotation' }]);
  problems.take(region, a, failed);
  t.like(problems.of(region), [{ error: 'cannot write status: refused', fields: { code: 'internal' } }]);
});

test('problems of a region that is gone are dropped', (t) => {
  const problems = new WriteProblems(writeProblem);
  for (const server of [a, b]) for (const where of [region, other]) problems.take(where, server, failed);
  problems.forget(other);
  t.deepEqual(namesOf(problems, other), []);
  t.deepEqual(namesOf(problems), ['a', 'b']);
});
