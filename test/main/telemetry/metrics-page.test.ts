import { readFileSync } from 'node:fs';
import test from 'ava';
import { metricsPage } from '../../../build/metrics-page.ts';

test('docs/metrics.md is what `npm run docs` writes', (t) => {
  t.is(readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8'), metricsPage());
});
