// Runs one file of tests in ava's own worker process, without ava's command line around it: most of the time of a file
// of pure tests would go there. The first failure ends it.

import { fork } from 'node:child_process';

export type TestsEnded = 'passed' | 'failed' | 'hung';

const worker = 'node_modules/ava/lib/worker/base.js';
const failures = new Set([
  'hook-failed',
  'internal-error',
  'missing-ava-import',
  'process-exit',
  'test-failed',
  'uncaught-exception',
  'unhandled-rejection',
]);

export class TestRun {
  readonly ended: Promise<TestsEnded>;
  /** What the tests printed, and what ava says of failures. */
  output = '';
  readonly #pid: number | undefined;

  constructor(folder: string, file: string, limitMs: number) {
    const child = fork(worker, [], {
      cwd: folder,
      // What was compiled once is used again.
      env: { ...process.env, NODE_ENV: 'test', NODE_COMPILE_CACHE: `${folder}/.compile-cache` },
      execArgv: [],
      serialization: 'advanced',
      silent: true,
      detached: true, // a process group, to end it as a whole
    });
    this.#pid = child.pid;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    const { promise, resolve, reject } = Promise.withResolvers<TestsEnded>();
    let passed = false;
    const say = (type: string, rest: object = {}): void => void child.send({ ava: { type, ...rest } });
    child.on('message', (message) => {
      const type = typeOf(message);
      if (type === 'ready-for-options') say('options', { options: optionsOf(folder, file) });
      if (failures.has(type)) {
        this.output += JSON.stringify(message);
        resolve('failed');
      }
      if (type !== 'worker-finished') return;
      passed = true;
      say('free-worker');
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0 && passed ? 'passed' : 'failed'));
    const timer = setTimeout(() => resolve('hung'), limitMs);
    this.ended = promise.finally(() => {
      clearTimeout(timer);
      this.close();
    });
  }

  /** Ends it with all that it began. */
  close(): void {
    if (this.#pid === undefined) return;
    try {
      process.kill(-this.#pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
}

function optionsOf(folder: string, file: string): object {
  return {
    file: `${folder}/${file}`,
    projectDir: folder,
    failFast: true,
    chalkOptions: { level: 0 },
  };
}

function typeOf(message: unknown): string {
  const inner = typeof message === 'object' && message !== null && 'ava' in message ? message.ava : null;
  if (typeof inner !== 'object' || inner === null || !('type' in inner)) return '';
  return typeof inner.type === 'string' ? inner.type : '';
}
