// `node build/check-walls.ts`: ends with exit code 1 where src breaks the rules of rooms.ts, and says where.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokenWalls } from './walls.ts';

const source = fileURLToPath(new URL('../src', import.meta.url));
const paths = readdirSync(source, { recursive: true, encoding: 'utf8' });
const files = paths.filter((path) => /\.(ts|js|css)$/.test(path)).toSorted();
const broken = brokenWalls(new Map(files.map((path) => [path, readFileSync(join(source, path), 'utf8')])));
for (const line of broken) process.stderr.write(`${line}\n`);
if (broken.length > 0) process.exitCode = 1;
