// That build/walls.ts finds what breaks the rules of build/rooms.ts. That src keeps them is part of `npm run check`.

import test from 'ava';
import { maxLines } from '../../build/rooms.ts';
import { brokenWalls } from '../../build/walls.ts';

function broken(files: Record<string, string>): readonly string[] {
  return brokenWalls(new Map(Object.entries(files)));
}

const allowed: Readonly<Record<string, string>> = {
  'cli/a.ts': "import('../sandbox/b.ts')",
  'sandbox/a.ts': "import { b } from './kubernetes/b.ts';",
  'doctor/a.ts': "import { b } from '../workers/openstack/b.ts';",
  'main/run.ts': "import { b } from './kubernetes/access/b.ts';",
  'main/web/a.ts': "import type { B } from '../../shared/b.ts';",
  'workers/entry.ts': "import { b } from '../shared/b.ts';",
  'index.ts': "export { b } from './main/b.ts';",
  'page/a.js': "/** @import { B } from '../shared/b.ts' */",
};

for (const [file, text] of Object.entries(allowed))
  test(`${file} may have ${text}`, (t) => {
    t.deepEqual(broken({ [file]: text }), []);
  });

const forbidden: Readonly<Record<string, readonly [text: string, complaint: RegExp]>> = {
  'main/a.ts': [
    "import type { B } from '../workers/b.ts';",
    /^main\/a\.ts → workers\/b\.ts: main may import main, shared$/,
  ],
  'main/log/a.ts': ["import type { B } from '../telemetry/b.ts';", /main\/telemetry is above main\/log/],
  'main/web/a.ts': ["import { b } from '../b.ts';", /main is above main\/web/],
  'main/polls/a.ts': ["new URL('../../workers/b.ts', import.meta.url)", /main\/polls may import/],
  'workers/a.ts': ["import { type B } from '../main/b.ts';", /main is above workers/],
  'workers/openstack/a.ts': ["import('../server-health/b.ts')", /workers\/server-health is above/],
  'shared/a.ts': ["import { b } from '../main/log/b.ts';", /main\/log is above shared/],
  'shared/b.ts': ["import { b } from '../workers/b.ts';", /workers is above shared/],
  'check/a.ts': ["import { b } from '../sandbox/b.ts';", /sandbox is above check/],
  'doctor/a.ts': [
    "import { b } from '../workers/server-health/b.ts';",
    /doctor may import .*workers\/openstack/,
  ],
  'doctor/b.ts': ["import { b } from '../check/b.ts';", /check is above doctor/],
  'sandbox/kubernetes/a.ts': [
    "import { b } from '../openstack/b.ts';",
    /may import sandbox\/loopback, shared$/,
  ],
  'sandbox/a.ts': ["import type { B } from '../cli/b.ts';", /cli is above sandbox/],
  'shared/c.ts': ["import { b } from '../../test/fixtures/b.ts';", /not a room in the table/],
  'main/cellar/a.ts': ["import { b } from '../log/b.ts';", /main\/cellar is not a room in the table/],
};

for (const [file, [text, complaint]] of Object.entries(forbidden))
  test(`${file} may not have ${text}`, (t) => {
    const lines = broken({ [file]: text });
    t.is(lines.length, 1);
    t.regex(lines[0] ?? '', complaint);
  });

test('a circle of files is found, though each has no more than a type of the next', (t) => {
  const lines = broken({
    'shared/a.ts': "import type { B } from './b.ts';",
    'shared/b.ts': "import type { C } from './c.ts';",
    'shared/c.ts': "const a = import('./a.ts');",
  });
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /^shared\/a\.ts → shared\/b\.ts → shared\/c\.ts → shared\/a\.ts: a circle/);
});

test('a file that is too long is found', (t) => {
  t.deepEqual(broken({ 'shared/a.ts': '\n'.repeat(maxLines) }), []);
  t.regex(broken({ 'shared/a.ts': '\n'.repeat(maxLines + 1) })[0] ?? '', /^shared\/a\.ts: has 321 lines/);
});

test('a main with too many files of its own is found', (t) => {
  t.deepEqual(broken({ ...filesOfMain(10), 'main/log/a.ts': '' }), []);
  t.regex(broken(filesOfMain(11))[0] ?? '', /^main: has 11 files, at most 10/);
});

function filesOfMain(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`main/${index}.ts`, '']));
}
