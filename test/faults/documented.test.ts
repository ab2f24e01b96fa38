import test from 'ava';
import { documentedTests, namesTest } from '../fixtures/documented.ts';

test('every row of docs/reliability.md has its test', (t) => {
  const tests = documentedTests();
  t.true(tests.size > 0);
  for (const [file, titles] of tests)
    for (const title of titles) t.true(namesTest(file, title), `${file} has no test "${title}"`);
});
