// ARCHITECTURE.md names files and rooms that are there.

import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import { rooms } from '../../build/rooms.ts';

const root = new URL('../../', import.meta.url);
const text = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8');

/** Paths of files and folders, as they stand in backticks. */
function paths(markdown: string): readonly string[] {
  return [...markdown.matchAll(/`([\w.-]+(?:\/[\w.-]+)*\/?)`/g)]
    .map(([, path = '']) => path)
    .filter((path) => /\.(?:ts|js|css|html|json|md|yaml)$|\/$/.test(path));
}

function section(title: string): string {
  return text.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
}

test('every file and folder that ARCHITECTURE.md names exists', (t) => {
  const named = paths(text);
  t.true(named.length > 30);
  const missing = named.filter(
    (path) => !existsSync(new URL(path, root)) && !existsSync(new URL(`src/${path}`, root)),
  );
  t.deepEqual(missing, []);
});

test('a poll goes forward through the files: no step returns to the file of another', (t) => {
  const steps = section('One poll, through the files')
    .split(/^\d+\. /m)
    .slice(1);
  t.true(steps.length > 10);
  for (const [index, step] of steps.entries())
    t.true(paths(step).length > 0, `step ${index + 1} names no file`);
  const named = steps.flatMap((step) => [...new Set(paths(step))]);
  t.deepEqual(
    named.filter((path, index) => named.indexOf(path) !== index),
    [],
  );
});

test('the table of ARCHITECTURE.md has the rooms of build/rooms.ts, from top to bottom', (t) => {
  const table = [...section('Wings and rooms').matchAll(/^\| `([^`]+)` \|/gm)].map(([, room]) => room);
  t.deepEqual(
    table,
    rooms.map(({ room }) => room).filter((room) => room !== '.'),
  );
});
