// Holds src to the rules of rooms.ts.

import { posix } from 'node:path';
import { maxFiles, maxLines, type Room, rooms } from './rooms.ts';

/** What a file imports, in any way: values, types, import() and new URL(). */
const relativeFile = /'(\.{1,2}\/[^']+\.ts)'/g;

/** What is wrong with these files, given by their paths in src; a line for each. */
export function brokenWalls(files: ReadonlyMap<string, string>): readonly string[] {
  const arrows = [...files].flatMap(([from, text]) =>
    [...text.matchAll(relativeFile)].map(([, path = '']) => arrow(from, path)),
  );
  const circle = circleIn(Map.groupBy(arrows, ({ from }) => from));
  return [
    ...arrows.flatMap(({ from, to }) => {
      const why = whyForbidden(posix.dirname(from), posix.dirname(to));
      return why === null ? [] : [`${from} → ${to}: ${why}`];
    }),
    ...(circle === null ? [] : [`${circle.join(' → ')}: a circle; move what both need to a file of its own`]),
    ...[...files].flatMap(([file, text]) => tooLong(file, text)),
    ...Object.entries(maxFiles).flatMap(([room, most]) => tooFull(room, most, files)),
  ];
}

interface Arrow {
  readonly from: string;
  readonly to: string;
}

function arrow(from: string, path: string): Arrow {
  return { from, to: posix.join(posix.dirname(from), path) };
}

/** The files of a circle, the first one again at the end. */
function circleIn(arrows: ReadonlyMap<string, readonly Arrow[]>): readonly string[] | null {
  const done = new Set<string>();
  const follow = (file: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const { to } of arrows.get(file) ?? []) {
      const circle = follow(to, [...way, file]);
      if (circle !== null) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of arrows.keys()) {
    const circle = follow(file, []);
    if (circle !== null) return circle;
  }
  return null;
}

function whyForbidden(from: string, to: string): string | null {
  const [above, below] = [place(from), place(to)];
  if (above === null || below === null)
    return `${above === null ? from : to} is not a room in the table of build/rooms.ts`;
  if (from === to) return null;
  if (above.floor > below.floor) return `${to} is above ${from}`;
  if (!above.uses.some((allowed) => to === allowed || to.startsWith(`${allowed}/`)))
    return `${from} may import ${above.uses.join(', ') || 'no other room'}`;
  return null;
}

function place(folder: string): (Room & { readonly floor: number }) | null {
  const floor = rooms.findIndex(({ room }) => room === folder);
  const found = rooms[floor];
  return found === undefined ? null : { ...found, floor };
}

function tooLong(file: string, text: string): readonly string[] {
  const lines = text.split('\n').length - 1;
  return lines > maxLines
    ? [`${file}: has ${lines} lines, at most ${maxLines} are allowed; split it by subject`]
    : [];
}

function tooFull(room: string, most: number, files: ReadonlyMap<string, string>): readonly string[] {
  const count = [...files.keys()].filter((file) => posix.dirname(file) === room).length;
  return count > most
    ? [`${room}: has ${count} files, at most ${most} are allowed; give a subject a room`]
    : [];
}
