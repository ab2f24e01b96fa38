// A copy of the working tree, in which single files may be changed and tests run; what runs there ends with it.

import { spawn, spawnSync } from 'node:child_process';
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

/** Tests that take so much longer than usual hang. */
const patience = { factor: 3, ms: 20_000 };
const longestMs = 600_000;

export type TestsEnded = 'passed' | 'failed' | 'hung';

export class TrialTree {
  readonly #folder: string;
  /** Milliseconds that the tests of a file take. */
  readonly #usualMs = new Map<string, number>();
  readonly #imports = new Map<string, ReadonlySet<string>>();
  /** The process group of the tests that run. */
  #running: number | null = null;

  /** Copies the tree: what git knows or would take. */
  constructor(root: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'region-monitor-mutants-'));
    const listing = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
    const { stdout } = spawnSync('git', listing, { cwd: root, encoding: 'utf8' });
    for (const path of stdout.split('\0'))
      if (path !== '' && existsSync(join(root, path))) cpSync(join(root, path), join(this.#folder, path));
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  read(path: string): string {
    return readFileSync(join(this.#folder, path), 'utf8');
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.#folder, path), text);
  }

  /** TypeScript files of a file or a folder. */
  sources(path: string): readonly string[] {
    if (path.endsWith('.ts')) return [path];
    const names = readdirSync(join(this.#folder, path), { recursive: true, encoding: 'utf8' });
    return names
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(path, name))
      .toSorted();
  }

  /** The tests in the room of a file that get to it, the nearest first. */
  testsOf(path: string): readonly string[] {
    const folder = dirname(path).replace(/^src/, 'test');
    if (!existsSync(join(this.#folder, folder))) return [];
    const tests = readdirSync(join(this.#folder, folder))
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(folder, name));
    const own = tests.filter((test) => basename(test, '.test.ts') === basename(path, '.ts'));
    const near = tests.filter((test) => !own.includes(test) && this.#importsOf(test).has(path));
    const far = tests.filter((test) => ![...own, ...near].includes(test) && this.#reaches(test, path));
    return [...own, ...near, ...far];
  }

  /** The files whose tests pass: only they can notice a change. */
  async passing(files: readonly string[]): Promise<readonly string[]> {
    for (const file of files) if (!this.#usualMs.has(file)) await this.#learn(file);
    return files.filter((file) => this.#usualMs.has(file));
  }

  /** Runs the tests of a file, until one fails. */
  async run(file: string): Promise<TestsEnded> {
    const usualMs = this.#usualMs.get(file) ?? 0;
    return (await this.#ava(file, usualMs * patience.factor + patience.ms)).ended;
  }

  close(): void {
    this.#endRunning();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #learn(file: string): Promise<void> {
    const startMs = performance.now();
    const { ended, output } = await this.#ava(file, longestMs);
    if (ended === 'passed') this.#usualMs.set(file, performance.now() - startMs);
    else process.stderr.write(`left out: ${file} ${ended}, though nothing was changed\n${output}\n`);
  }

  async #ava(file: string, limitMs: number): Promise<{ ended: TestsEnded; output: string }> {
    const child = spawn(process.execPath, ['node_modules/ava/entrypoints/cli.js', '--fail-fast', file], {
      cwd: this.#folder,
      // What was compiled once is used again: half of the time of a run.
      env: { ...process.env, NODE_COMPILE_CACHE: join(this.#folder, '.compile-cache') },
      detached: true, // a process group, to end it as a whole
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running = child.pid ?? null;
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const exited = Promise.withResolvers<TestsEnded>();
    child.on('error', exited.reject);
    child.on('exit', (code) => exited.resolve(code === 0 ? 'passed' : 'failed'));
    const timer = setTimeout(() => exited.resolve('hung'), limitMs);
    const ended = await exited.promise;
    clearTimeout(timer);
    this.#endRunning();
    return { ended, output };
  }

  #endRunning(): void {
    if (this.#running === null) return;
    try {
      process.kill(-this.#running, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
    this.#running = null;
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
      const text = existsSync(join(this.#folder, path)) ? this.read(path) : '';
      const named = text.matchAll(/'(\.{1,2}\/[^']+\.ts)'/g);
      found = new Set([...named].map(([, name = '']) => join(dirname(path), name)));
      this.#imports.set(path, found);
    }
    return found;
  }
}
