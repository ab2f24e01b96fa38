import test from 'ava';
import { inTurn } from '../../../src/main/regions/in-turn.ts';

function project(name: string, askedAt: number | null, failing = false) {
  return { name, askedAt, failing };
}

test('projects that failed wait for the others; of the others, those that were asked longest ago go first', (t) => {
  const projects = [
    project('failed long ago', 1, true),
    project('in the second poll', 2),
    project('in the first poll', 1),
    project('never', null),
    project('failed and never asked', null, true),
    project('in the second poll, too', 2),
    project('never, too', null),
  ];
  t.deepEqual(
    inTurn(projects).map(({ name }) => name),
    [
      'never',
      'never, too',
      'in the first poll',
      'in the second poll',
      'in the second poll, too',
      'failed and never asked',
      'failed long ago',
    ],
  );
});
