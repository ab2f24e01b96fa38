// Writes what is derived from the code: pages, the dashboard, and the chart's copies. A test compares it with what is there.

import { readFileSync, writeFileSync } from 'node:fs';
import { derivedFiles } from './derived-files.ts';

const root = new URL('..', import.meta.url);
for (const [path, text] of derivedFiles((path) => readFileSync(new URL(path, root), 'utf8')))
  writeFileSync(new URL(path, root), text);
