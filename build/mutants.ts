// `npm run mutants -- src/main/polls …`: which small faults the tests nearest to the code notice, and which survive. By
// hand, not in CI: each mutation runs tests until one fails, each file in a process of its own, so that nothing of one
// mutation gets to the next. The working tree stays as it is.
//
// Nearest to `src/a/b.ts` is `test/a/b.test.ts`, then the other tests of `test/a`, then those of the rooms beside it. On a
// busy machine tests may fail for want of time: count a share only from a quiet one.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Mutation, mutationsOf } from './mutations.ts';
import { TrialTree } from './trial-tree.ts';

const usage = `npm run mutants -- [--share=1] [--seed=1] [--jobs=2] [--near] PATH…
  PATH     files or folders of src; "src/a/b.ts:10-20" takes some lines only
  --share  the share of the mutations that is tried, 0 to 1
  --seed   another one chooses another sample
  --jobs   how many files are tried at once, each in a copy of the tree
  --near   only with tests of the file's name, and those that import it, if there are any: quick, and notices less
`;

interface Target {
  readonly path: string;
  readonly source: string;
  readonly mutations: readonly Mutation[];
}

/** Some lines of a file, or all of them. */
interface Lines {
  readonly path: string;
  readonly first: number;
  readonly last: number;
}

interface Sample {
  readonly share: number;
  readonly seed: string;
}

interface Counts {
  mutations: number;
  survived: number;
  hung: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    near: { type: 'boolean', default: false },
  },
});
if (positionals.length === 0) {
  process.stderr.write(usage);
  process.exit(2);
}
const root = fileURLToPath(new URL('..', import.meta.url));
const trees = Array.from({ length: Number(values.jobs) }, () => new TrialTree(root));
process.on('exit', () => {
  for (const tree of trees) tree.close();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

const sample: Sample = { share: Number(values.share), seed: values.seed };
// The longest first, so that no copy waits long for another at the end.
const asked = Map.groupBy(positionals.flatMap(linesOf), ({ path }) => path);
const targets = [...asked]
  .map(([path, lines]) => targetOf(path, lines, sample))
  .filter(({ mutations }) => mutations.length > 0)
  .toSorted((one, other) => other.mutations.length - one.mutations.length);
const rows: Record<string, object> = {};
const total: Counts = { mutations: 0, survived: 0, hung: 0 };
await Promise.all(
  trees.map(async (tree) => {
    for (let target = targets.shift(); target !== undefined; target = targets.shift()) {
      const counts = await tryAll(tree, target);
      rows[target.path] = shownCounts(counts);
      total.mutations += counts.mutations;
      total.survived += counts.survived;
      total.hung += counts.hung;
    }
  }),
);
console.table({ ...rows, total: shownCounts(total) });

function linesOf(given: string): readonly Lines[] {
  const [, path = '', first = '1', last = 'Infinity'] = /^(.*?)(?::(\d+)-(\d+))?$/.exec(given) ?? [];
  return sourcesOf(path).map((path) => ({ path, first: Number(first), last: Number(last) }));
}

function targetOf(path: string, lines: readonly Lines[], sample: Sample): Target {
  const source = readFileSync(join(root, path), 'utf8');
  const mutations = mutationsOf(path, source).filter((mutation) => {
    const line = lineOf(source, mutation);
    const isAsked = lines.some(({ first, last }) => line >= first && line <= last);
    return isAsked && isChosen(sample, { path, source, mutation });
  });
  return { path, source, mutations };
}

/** TypeScript files of a file or a folder. */
function sourcesOf(path: string): readonly string[] {
  if (path.endsWith('.ts')) return [path];
  const names = readdirSync(join(root, path), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name))
    .toSorted();
}

/** The nearest tests first; those further away only see what nobody noticed so far. */
async function tryAll(tree: TrialTree, { path, source, mutations }: Target): Promise<Counts> {
  process.stderr.write(`${path}: ${mutations.length} mutations\n`);
  let left = mutations;
  let hung = 0;
  for (const file of tree.testsOf(path, values.near)) {
    if (left.length === 0 || !(await tree.passes(file))) continue;
    const survivors: Mutation[] = [];
    for (const mutation of left) {
      const { start, end, text } = mutation;
      tree.write(path, source.slice(0, start) + text + source.slice(end));
      const ended = await tree.run(file);
      if (ended === 'passed') survivors.push(mutation);
      if (ended === 'hung') hung++;
    }
    tree.write(path, source);
    left = survivors;
  }
  for (const mutation of left) {
    const { start, end, text } = mutation;
    process.stdout.write(
      `${path}:${lineOf(source, mutation)}  ${oneLine(source.slice(start, end))}  →  ${oneLine(text)}\n`,
    );
  }
  return { mutations: mutations.length, survived: left.length, hung };
}

/** By what it says and not by where it stands: a change above it does not change the sample. */
function isChosen(
  { share, seed }: Sample,
  { path, source, mutation }: { path: string; source: string; mutation: Mutation },
): boolean {
  const { start, end, text } = mutation;
  const line = source.split('\n')[lineOf(source, mutation) - 1] ?? '';
  const what = [seed, path, line.trim(), source.slice(start, end), text].join('\0');
  return createHash('sha256').update(what).digest().readUInt32BE() / 2 ** 32 < share;
}

function lineOf(source: string, { start }: Mutation): number {
  return source.slice(0, start).split('\n').length;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 120);
}

function shownCounts({ mutations, survived, hung }: Counts): object {
  const noticed = mutations - survived;
  const share = mutations === 0 ? '' : `${((100 * noticed) / mutations).toFixed(1)} %`;
  return { mutations, survived, noticed, 'of them by a time-out': hung, share };
}
