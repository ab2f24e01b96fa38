// A copy of the working tree, in which single files may be changed and tests run; what runs there ends with it.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { TestRun, type TestsEnded } from './test-run.ts';

/** Tests that take so much longer than usual hang. */
const patience = { factor: 5, ms: 4000 };
const longestMs = 600_000;
/** Tests of all rooms at once: they take long, and are far from each. */
const wholeMonitors = /^(e2e|faults)\//;

export class TrialTree {
  readonly #folder: string;
  /** Milliseconds that the tests of a file take. */
  readonly #usualMs = new Map<string, number>();
  readonly #tried = new Set<string>();
  readonly #imports = new Map<string, ReadonlySet<string>>();
  readonly #tests: readonly string[];
  #running: TestRun | null = null;

  /** Copies the tree: what git knows or would take. */
  constructor(root: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'region-monitor-mutants-'));
    const listing = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
    const { stdout } = spawnSync('git', listing, { cwd: root, encoding: 'utf8' });
    for (const path of stdout.split('\0'))
      if (path !== '' && existsSync(join(root, path))) cpSync(join(root, path), join(this.#folder, path));
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
    this.#tests = readdirSync(join(this.#folder, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !wholeMonitors.test(name))
      .map((name) => join('test', name));
  }

  #read(path: string): string {
    return readFileSync(join(this.#folder, path), 'utf8');
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.#folder, path), text);
  }

  /** The nearest first: those of its name, those that import it, those of its room and of the rooms beside that reach it. */
  testsOf(path: string, nearOnly: boolean): readonly string[] {
    const room = dirname(path).replace(/^src/, 'test');
    const inRoom = (test: string): boolean => dirname(test) === room;
    const beside = (test: string): boolean => test.startsWith(neighbourhoodOf(room));
    const distance = (test: string): number => {
      if (inRoom(test) && basename(test, '.test.ts') === basename(path, '.ts')) return 0;
      if (this.#importsOf(test).has(path)) return inRoom(test) ? 1 : 2;
      if (!beside(test) || !this.#reaches(test, path)) return Infinity;
      return inRoom(test) ? 3 : 4;
    };
    const tests = this.#tests.map((test) => ({ test, far: distance(test) }));
    const most = nearOnly && tests.some(({ far }) => far < 3) ? 2 : 4;
    return tests
      .filter(({ far }) => far <= most)
      .toSorted((one, other) => one.far - other.far)
      .map(({ test }) => test);
  }

  /** Whether the tests of a file pass while nothing is changed: only they can notice a change. */
  async passes(file: string): Promise<boolean> {
    if (!this.#tried.has(file)) await this.#learn(file);
    return this.#usualMs.has(file);
  }

  /** Runs the tests of a file, until one fails. */
  async run(file: string): Promise<TestsEnded> {
    const usualMs = this.#usualMs.get(file) ?? 0;
    return (await this.#run(file, usualMs * patience.factor + patience.ms)).ended;
  }

  close(): void {
    this.#running?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #learn(file: string): Promise<void> {
    this.#tried.add(file);
    const startMs = performance.now();
    const { ended, output } = await this.#run(file, longestMs);
    if (ended === 'passed') this.#usualMs.set(file, performance.now() - startMs);
    else process.stderr.write(`left out: ${file} ${ended}, though nothing was changed\n${output}\n`);
  }

  async #run(file: string, limitMs: number): Promise<{ ended: TestsEnded; output: string }> {
    const run = new TestRun(this.#folder, file, limitMs);
    this.#running = run;
    const ended = await run.ended;
    this.#running = null;
    return { ended, output: run.output };
  }

  #reaches(from: string, to: string, seen = new Set<string>()): boolean {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return [...this.#importsOf(from)].some((path) => this.#reaches(path, to, seen));
  }

  /** Files that a file names, by import or by URL. */
  #importsOf(path: string): ReadonlySet<string> {
    let found = this.#imports.get(path);
    if (found === undefined) {
      const text = existsSync(join(this.#folder, path)) ? this.#read(path) : '';
      const named = text.matchAll(/'(\.{1,2}\/[^']+\.ts)'/g);
      found = new Set([...named].map(([, name = '']) => join(dirname(path), name)));
      this.#imports.set(path, found);
    }
    return found;
  }
}

/** `test/workers/` of `test/workers/openstack`; `test/main/kubernetes/` of `test/main/kubernetes/objects`. */
function neighbourhoodOf(room: string): string {
  const depth = room.startsWith('test/main') ? 3 : 2;
  return `${room.split('/').slice(0, depth).join('/')}/`;
}
